package lint

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// destinationRuleWildcardCatchesExternal tells of wildcards with the mesh's mutual TLS that cover hosts outside the mesh. Pods without
// a proxy that they cover are another check's.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings: a rule's mode goes before the host's location.
func destinationRuleWildcardCatchesExternal(v *view) []model.Finding {
	t := v.traffic()
	caught := func(o outcome) bool {
		return o.server == nil && o.mode() == networkingapi.ClientTLSSettings_ISTIO_MUTUAL
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		if !hosts.IsWildcard(rule.Spec.Host) || !saysMode(rule, isMode(networkingapi.ClientTLSSettings_ISTIO_MUTUAL)) {
			continue
		}
		for _, o := range t.outcomes(rule, question{at: isExternal, wanted: caught}) {
			f := about(meshtlsv1alpha1.SeverityWarning, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("The wildcard covers %s, which %s says is outside the mesh: it has no certificate of the mesh, and connections "+
				"to it fail.%s", o.d.Name, o.d.Ref(), o.same())
			f.Remedy = "Narrow the host, or remove tls, so that Istio uses mutual TLS where the server can."
			findings = append(findings, f)
		}
	}
	return findings
}

// isExternal says whether the host is outside the mesh.
func isExternal(d *destinations.Destination) bool { return d.External }
