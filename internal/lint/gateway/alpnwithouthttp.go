package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-alpn-without-http",
			Severity: []lint.Severity{lint.Error},
			Finds:    "`alpnProtocols` of a server whose port declares `HTTPS`, without `h2`, `http/1.1` or `http/1.0`.",
			Why: "The port speaks HTTP. A client that offers a version of HTTP finds none in the list, and the handshake fails, or it falls " +
				"back to HTTP/1.1 without one.",
			Fix: "Name one of these, remove `alpnProtocols`, or declare the port `TLS`.",
		},
		Find: alpnWithoutHTTP,
	})
}

// overTLS are the names that the port's codec speaks.
// Source: istio.io/api networking/v1alpha3/gateway.proto, ServerTLSSettings.alpn_protocols; envoy, HttpConnectionManager codec_type AUTO.
var overTLS = []string{"h2", "http/1.1", "http/1.0"}

// alpnWithoutHTTP tells of lists that the port's protocol cannot speak.
func alpnWithoutHTTP(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Servers() {
		names := s.Tls.GetAlpnProtocols()
		if len(names) == 0 || !parameterized(s) || !strings.EqualFold(s.Port.GetProtocol(), "HTTPS") {
			continue
		}
		if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(overTLS, name) }) {
			continue
		}
		f := about(s, lint.Error, ".tls.alpnProtocols")
		f.Message = fmt.Sprintf("Port %d declares HTTPS, and no version of HTTP is in the list (%s).",
			s.Port.GetNumber(), strings.Join(names, ", "))
		f.Remedy = "Add h2 or http/1.1, or declare the port TLS."
		findings = append(findings, f)
	}
	return findings
}
