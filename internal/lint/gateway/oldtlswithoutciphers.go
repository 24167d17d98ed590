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
			Name:     "gateway-old-tls-without-ciphers",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M46"},
			Finds:    "a server that allows TLS 1.0 or 1.1 without a cipher suite that these have.",
			Why:      "The default suites have been without them for years. The handshake of an old client fails as before.",
			Fix:      "Add a suite that ends in `-SHA`, or better allow nothing below TLS 1.2.",
		},
		Find: oldTLSWithoutCiphers,
	})
}

// oldTLSWithoutCiphers tells of TLS 1.0 or 1.1 without a cipher suite that these have. A list that is no list of names is not
// judged.
// Source: istio pkg/config/validation/validation.go, validateTLSOptions.
func oldTLSWithoutCiphers(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Servers() {
		if !parameterized(s) || minVersion(s.Tls) >= networkingapi.ServerTLSSettings_TLSV1_2 ||
			slices.ContainsFunc(s.Tls.CipherSuites, forOldTLS) {
			continue
		}
		f := about(s, lint.Error, ".tls.minProtocolVersion")
		f.Message = fmt.Sprintf("It allows %s, but the cipher suites have none for versions below TLS 1.2 (the default ones have not): "+
			"clients of these versions fail in the handshake.", minVersion(s.Tls))
		f.Remedy = "Add suites such as ECDHE-RSA-AES128-SHA to cipherSuites, or better allow nothing below TLSV1_2."
		findings = append(findings, f)
	}
	return findings
}

// forOldTLS reports whether TLS 1.0 and 1.1 may have use of the entry of a list of cipher suites.
func forOldTLS(suite string) bool {
	return cipherSuites.Has(suite) && strings.HasSuffix(suite, "-SHA") || isExpression(suite)
}
