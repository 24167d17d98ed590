package destinationrule

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-mtls-to-disabled",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M02"},
			Finds:    "`ISTIO_MUTUAL` toward a port whose pods have a sidecar that a PeerAuthentication keeps from mutual TLS.",
			Why: "The sidecar hands the TLS on to the application, which does not have the mesh's certificates. Every connection " +
				"fails.",
			Fix: "Remove the `tls`: Istio then does what the server takes. Or change the PeerAuthentication.",
		},
		Ours: true, Reason: meshtlsv1alpha1.ReasonRefused,
		InPolicy: "Send Auto, so that Istio uses mutual TLS where the server takes it, or let the server accept it.",
		Find:     mTLSToDisabled,
	})
}

// mTLSToDisabled tells of rules that have clients use the mesh's mutual TLS toward proxies that take none.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions.
func mTLSToDisabled(v *mesh.View) []model.Finding {
	takesNone := func(o outcome) bool { return o.Server.Dataplane == model.DataplaneSidecar }
	return failures(v, failure{
		says: isMode(networkingapi.ClientTLSSettings_ISTIO_MUTUAL),
		at:   wherePeersSay(v, meshtlsv1alpha1.AcceptDisable),
		is:   takesNone,
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is ISTIO_MUTUAL for %s. There the proxy of %s takes no mutual TLS (%s) and hands it to the application, "+
					"which cannot end it: every connection fails.", o.where(), o.endpoint(), o.Accepted.Origin),
				"Remove tls, so that Istio uses mutual TLS where the server takes it, or let the PeerAuthentication accept it."
		},
	})
}
