package destinationrule

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-mtls-outside-mesh",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M49"},
			Finds: "`ISTIO_MUTUAL` for a host that a ServiceEntry declares `MESH_EXTERNAL`, and of which nothing says that its servers have " +
				"certificates of the mesh: no SPIFFE name in `subjectAltNames`, and no endpoint in the cluster.",
			Why: "Clients verify such a server by the mesh's own CA, which has not signed its certificate, and every connection fails.",
			Fix: "Use `SIMPLE` or `MUTUAL`. If the servers do have the mesh's certificates, declare them `MESH_INTERNAL`, or name their SPIFFE " +
				"identities in `subjectAltNames`.",
		},
		Ours: true, Reason: meshtlsv1alpha1.ReasonRefused,
		InPolicy: "Send Simple or Mutual; or if the servers have the mesh's certificates, declare the host MESH_INTERNAL, or name " +
			"their SPIFFE identities in subjectAltNames.",
		Find: mTLSOutsideMesh,
	})
}

// mTLSOutsideMesh tells of DestinationRules that have clients use the mesh's mutual TLS toward servers outside it. Hosts that a wildcard
// covers count where the DestinationRule is ours: the policy asks it of them all. Those of other wildcards are another check's.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, constructUpstreamTLS: the mesh's root certificate verifies the server.
func mTLSOutsideMesh(v *mesh.View) []model.Finding {
	outside := func(o outcome) bool { return o.Server == nil && o.Kind == istio.Refused && o.Sent.Mode != "" }
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if !saysMode(rule, isMode(networkingapi.ClientTLSSettings_ISTIO_MUTUAL)) {
			continue
		}
		meant := func(d *destinations.Destination) bool {
			return d.External && (d.Name == v.HostOf(rule) || model.Ours(rule))
		}
		for _, o := range outcomesOf(v, rule, question{at: meant, wanted: outside}) {
			f := lint.Finding(lint.Error, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("The mode is ISTIO_MUTUAL for %s, which %s declares outside the mesh: its servers have no certificates of "+
				"the mesh, so every connection fails.", o.where(), o.Call.Destination.Ref())
			f.Remedy = "Use SIMPLE or MUTUAL; or if the servers have the mesh's certificates, declare the host MESH_INTERNAL, or name their " +
				"SPIFFE identities in subjectAltNames."
			findings = append(findings, f)
		}
	}
	return findings
}
