package destinationrule

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-plaintext-to-strict",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M01"},
			Finds: "`DISABLE` toward a port whose pods accept only mutual TLS. A port, a subset that is routed to and a wildcard's " +
				"hosts are judged each by itself.",
			Why: "The pods' sidecars refuse the plaintext. Clients see a reset, or a 503.",
			Fix: "Remove the `tls`, or say `ISTIO_MUTUAL`.",
		},
		Ours: true, Reason: meshtlsv1alpha1.ReasonRefused,
		InPolicy: "Send Auto or IstioMutual, or let the server accept Permissive.",
		Find:     plaintextToStrict,
	})
}

// plaintextToStrict tells of rules that have clients send plaintext to pods that take only mutual TLS.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext; filterchain_options.go,
// getFilterChainMatchOptions.
func plaintextToStrict(v *mesh.View) []model.Finding {
	return failures(v, failure{
		says: isMode(networkingapi.ClientTLSSettings_DISABLE),
		at:   wherePeersSay(v, meshtlsv1alpha1.AcceptStrict),
		is:   func(o outcome) bool { return insists(o) && !passesTLSThrough(o) },
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is DISABLE, so clients send plaintext to %s. There %s takes only mutual TLS (%s) and refuses them.",
					o.where(), o.endpoint(), o.Accepted.Origin),
				"Remove tls, so that Istio uses mutual TLS of itself, or set the mode ISTIO_MUTUAL."
		},
	})
}

// passesTLSThrough reports whether the call is of a gateway that passes TLS through: the server finds the client's, which may be the
// mesh's.
func passesTLSThrough(o outcome) bool { return o.Call.Via != nil && o.Call.Carries == istio.CarriesTLS }
