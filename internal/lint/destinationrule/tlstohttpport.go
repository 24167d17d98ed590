package destinationrule

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-tls-to-http-port",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M04"},
			Finds:    "`SIMPLE` or `MUTUAL` toward a port that is declared HTTP, of pods with a sidecar, whatever mode these accept.",
			Why:      "On such a port the sidecar expects HTTP or the mesh's mutual TLS, and has no place for other TLS.",
			Fix:      "Say `ISTIO_MUTUAL`. If the application ends TLS itself, declare the port `TCP`.",
		},
		Ours: true, Reason: meshtlsv1alpha1.ReasonRefused,
		InPolicy: "Send IstioMutual or Auto, or declare the port TCP if the application ends the TLS itself.",
		Find:     tlsToHTTPPort,
	})
}

// tlsToHTTPPort tells of rules that have clients use TLS toward a port that is declared HTTP, behind a sidecar: the
// sidecar expects HTTP there, or the mesh's mutual TLS.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions.
func tlsToHTTPPort(v *mesh.View) []model.Finding {
	return failures(v, failure{
		says: custom,
		at:   anywhere,
		is:   expectsHTTP,
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is %s for %s, which is declared %s. There the proxy of %s expects no TLS but the mesh's: "+
					"the connection fails.",
					o.mode(), o.where(), o.Call.Port.Protocol, o.endpoint()),
				"Set the mode ISTIO_MUTUAL, or declare the port TCP if the application ends the TLS itself."
		},
	})
}
