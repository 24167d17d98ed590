package gateway

import (
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-tls-parameters-ignored",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M47"},
			Finds:    "versions, cipher suites or curves beside mode `ISTIO_MUTUAL`, other than what holds anyway.",
			Why:      "Istio uses them with its other modes only.",
			Fix:      "Remove them. `meshMTLS` in the mesh config sets the version and the suites of all mutual TLS in the mesh.",
		},
		Find: tlsParametersIgnored,
	})
}

// tlsParametersIgnored tells of versions, cipher suites and curves beside ISTIO_MUTUAL. What is the same as without them does no harm.
// Source: istio pilot/pkg/networking/core/listener.go, BuildListenerTLSContext and isSimpleOrMutual.
func tlsParametersIgnored(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Servers() {
		if !s.SpeaksTLS() || s.Tls.Mode != networkingapi.ServerTLSSettings_ISTIO_MUTUAL {
			continue
		}
		fields := slices.Concat(
			fieldIf("minProtocolVersion", minVersion(s.Tls) != networkingapi.ServerTLSSettings_TLSV1_2),
			fieldIf("maxProtocolVersion", maxVersion(s.Tls) != networkingapi.ServerTLSSettings_TLSV1_3),
			fieldIf("cipherSuites", len(s.Tls.CipherSuites) > 0),
			fieldIf("ecdhCurves", len(s.Tls.EcdhCurves) > 0),
		)
		if len(fields) == 0 {
			continue
		}
		f := about(s, lint.Error, ".tls")
		f.Message = fmt.Sprintf("Istio ignores %s with mode ISTIO_MUTUAL.", strings.Join(fields, ", "))
		f.Remedy = "Remove them; what the mesh uses is set for all of it, by meshMTLS in the mesh config."
		findings = append(findings, f)
	}
	return findings
}
