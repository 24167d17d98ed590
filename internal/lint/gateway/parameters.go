package gateway

import (
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/mesh"
)

func minVersion(tls *networkingapi.ServerTLSSettings) networkingapi.ServerTLSSettings_TLSProtocol {
	if tls.MinProtocolVersion == networkingapi.ServerTLSSettings_TLS_AUTO {
		return networkingapi.ServerTLSSettings_TLSV1_2
	}
	return tls.MinProtocolVersion
}

func maxVersion(tls *networkingapi.ServerTLSSettings) networkingapi.ServerTLSSettings_TLSProtocol {
	if tls.MaxProtocolVersion == networkingapi.ServerTLSSettings_TLS_AUTO {
		return networkingapi.ServerTLSSettings_TLSV1_3
	}
	return tls.MaxProtocolVersion
}

// parameterized reports whether Istio uses the versions and cipher suites of the server.
func parameterized(s mesh.GatewayServer) bool {
	return s.EndsTLS() && s.Tls.Mode != networkingapi.ServerTLSSettings_ISTIO_MUTUAL
}

// cipherSuites are those that Istio knows.
// Source: istio pkg/config/security/security.go, ValidCipherSuites.
var cipherSuites = sets.New(
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
	"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
	"AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA",
)

// isExpression reports whether the entry is more than a name, such as [A|B] or -C. Istio leaves these to Envoy.
// Source: istio pkg/config/security/security.go, IsValidCipherSuite.
func isExpression(suite string) bool {
	return suite == "" || suite == "ALL" || strings.IndexFunc(suite[:1], isLetterOrDigit) < 0
}

func isLetterOrDigit(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

func fieldIf(name string, set bool) []string {
	if !set {
		return nil
	}
	return []string{name}
}
