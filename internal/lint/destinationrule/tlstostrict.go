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
			Name:     "destinationrule-tls-to-strict",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M04"},
			Finds: "`SIMPLE` or `MUTUAL` toward a port whose pods accept only mutual TLS. Of ports that are declared HTTP tells " +
				"[`destinationrule-tls-to-http-port`](#destinationrule-tls-to-http-port).",
			Why: "The mesh's mutual TLS is meant, and the sidecar knows the mesh's certificates only. The handshake fails.",
			Fix: "Say `ISTIO_MUTUAL`, or have that port accept `PERMISSIVE` if the application ends TLS itself.",
		},
		Ours: true, Reason: meshtlsv1alpha1.ReasonRefused,
		InPolicy: "Send IstioMutual or Auto, or let the server accept Permissive at the port if the application ends the TLS " +
			"itself.",
		Find: tlsToStrict,
	})
}

// tlsToStrict tells of rules that have clients use other certificates than the mesh's toward pods that insist on those.
// A port that is declared HTTP takes no other TLS anyway, and is left to the next check.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions.
func tlsToStrict(v *mesh.View) []model.Finding {
	insistsFirst := func(o outcome) bool { return insists(o) && !expectsHTTP(o) }
	return failures(v, failure{
		says: custom,
		at:   wherePeersSay(v, meshtlsv1alpha1.AcceptStrict),
		is:   insistsFirst,
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is %s for %s. There the proxy of %s takes only the mesh's mutual TLS (%s): the handshake fails.",
					o.mode(), o.where(), o.endpoint(), o.Accepted.Origin),
				"Set the mode ISTIO_MUTUAL, or have the port accept PERMISSIVE if the application ends the TLS itself."
		},
	})
}
