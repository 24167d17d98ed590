package destinationrule

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-mtls-to-no-proxy",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M03", "M49"},
			Finds: "`ISTIO_MUTUAL` toward pods that have no sidecar, or whose interception mode NONE leads nothing to it. Of ports that " +
				"annotations keep from it tells [`service-port-uncaptured`](#service-port-uncaptured).",
			Why: "Nobody is there to end the mutual TLS. Left to itself Istio asks each pod; a rule that says the mode overrides " +
				"that.",
			Fix: "Remove the `tls`, or add a rule with `DISABLE` for that host.",
		},
		Ours: true, Reason: meshtlsv1alpha1.ReasonRefused,
		InPolicy: "Send Auto, so that Istio uses mutual TLS only where the server has a proxy, or Disable.",
		Find:     mTLSToNoProxy,
	})
}

// mTLSToNoProxy tells of rules that have clients use the mesh's mutual TLS toward pods that have no proxy to end it.
// Source: istio pilot/pkg/xds/endpoints/mtls_checker.go, checkMtlsEnabled: a rule's mode goes before what the endpoint can do.
func mTLSToNoProxy(v *mesh.View) []model.Finding {
	return failures(v, failure{
		says: isMode(networkingapi.ClientTLSSettings_ISTIO_MUTUAL),
		at:   func(d *destinations.Destination) bool { return hasEndpointsUnproxied(v, d) },
		is:   func(o outcome) bool { return isUnproxied(o.Server.Workload) },
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is ISTIO_MUTUAL for %s. There %s has %s, so nobody ends the mutual "+
					"TLS: every connection to it fails.",
					o.where(), o.endpoint(), lacking(o.Server.Workload)),
				"Remove tls, so that Istio uses mutual TLS only where the server has a proxy, or set the mode DISABLE for these pods."
		},
	})
}

// hasEndpointsUnproxied reports whether no sidecar ends mutual TLS for some pod behind the host.
func hasEndpointsUnproxied(v *mesh.View, d *destinations.Destination) bool {
	return slices.ContainsFunc(v.Behind(d), isUnproxied)
}

// isUnproxied reports whether the pods have no sidecar, or nothing leads connections to it.
func isUnproxied(w *model.Workload) bool {
	return w.Dataplane != model.DataplaneSidecar || (w.Interception == model.InterceptionNone && !w.Gateway)
}

func lacking(w *model.Workload) string {
	if w.Dataplane == model.DataplaneSidecar {
		return "interception mode NONE"
	}
	return "no sidecar"
}
