package destinationrule

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-internal-host-system-ca",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M28"},
			Finds: "`SIMPLE` or `MUTUAL` toward a host inside the cluster, with neither an authority (`caCertificates`, " +
				"`credentialName`) nor `subjectAltNames`.",
			Why: "Istio then verifies the server by the public authorities that the proxy's image trusts. An authority of the " +
				"cluster's own is none of them, and the handshake fails.",
			Fix: "Name the authority. If the certificate is a public one, say whose in `subjectAltNames`.",
		},
		Ours: true,
		Find: internalHostSystemCA,
	})
}

// internalHostSystemCA tells of TLS toward hosts of the cluster that is verified against the authorities that the
// system trusts; a cluster's own is not among them.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, constructUpstreamTLS: without caCertificates it is "system".
func internalHostSystemCA(v *mesh.View) []model.Finding {
	unverifiable := func(o outcome) bool {
		seen := o.Server != nil || o.Call.Destination.Service == nil
		return seen && !expectsHTTP(o) && o.sendsCustom() && trustsTheSystem(o.Sent.Settings)
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if !saysMode(rule, custom) {
			continue
		}
		for _, o := range outcomesOf(v, rule, question{at: isInternal, wanted: unverifiable}) {
			f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("It names no authority, so clients verify what answers at %s by the public ones that their proxy's image "+
				"trusts. A certificate from an authority of the cluster's own is refused.%s", o.where(), o.same())
			f.Remedy = "Name the authority by caCertificates or credentialName; if the certificate is from a public one, name its " +
				"host in subjectAltNames."
			findings = append(findings, f)
		}
	}
	return findings
}

// isInternal reports whether the host is inside the mesh, with sidecars or without.
func isInternal(d *destinations.Destination) bool { return !d.External }

func trustsTheSystem(tls *networkingapi.ClientTLSSettings) bool {
	return tls.GetCaCertificates() == "" && tls.GetCredentialName() == "" && len(tls.GetSubjectAltNames()) == 0 &&
		!tls.GetInsecureSkipVerify().GetValue()
}
