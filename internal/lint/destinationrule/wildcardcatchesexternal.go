package destinationrule

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-wildcard-catches-external",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M49"},
			Finds: "a wildcard with `ISTIO_MUTUAL` that governs calls to a host outside the mesh. Pods without a sidecar that it " +
				"covers are told of by [`destinationrule-mtls-to-no-proxy`](#destinationrule-mtls-to-no-proxy).",
			Why: "Such a host has no certificate of the mesh. Connections to it fail.",
			Fix: "Narrow the host, or remove the `tls`.",
		},
		Find: wildcardCatchesExternal,
	})
}

// wildcardCatchesExternal tells of wildcards with the mesh's mutual TLS that cover hosts outside the mesh. Pods without
// a proxy that they cover are another check's.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings: a rule's mode goes before the host's location.
func wildcardCatchesExternal(v *mesh.View) []model.Finding {
	caught := func(o outcome) bool {
		return o.Server == nil && o.mode() == networkingapi.ClientTLSSettings_ISTIO_MUTUAL
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if !hosts.IsWildcard(rule.Spec.Host) || !saysMode(rule, isMode(networkingapi.ClientTLSSettings_ISTIO_MUTUAL)) {
			continue
		}
		for _, o := range outcomesOf(v, rule, question{at: isExternal, wanted: caught}) {
			f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("The wildcard covers %s, which %s says is outside the mesh: it has no certificate of the mesh, and connections "+
				"to it fail.%s", o.Call.Destination.Name, o.Call.Destination.Ref(), o.same())
			f.Remedy = "Narrow the host, or remove tls, so that Istio uses mutual TLS where the server can."
			findings = append(findings, f)
		}
	}
	return findings
}

// isExternal reports whether the host is outside the mesh.
func isExternal(d *destinations.Destination) bool { return d.External }
