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
			Name:     "gateway-passthrough-with-certificate",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M35"},
			Finds:    "a server with a certificate whose mode is `PASSTHROUGH` or `AUTO_PASSTHROUGH`.",
			Why: "`PASSTHROUGH` is what Istio takes an omitted mode for. The gateway does not end TLS and ignores the certificate; " +
				"without `tls` routes it does not even listen.",
			Fix: "Name the mode: `SIMPLE`, or `MUTUAL`.",
		},
		Find: passthroughWithCertificate,
	})
}

// passthroughWithCertificate tells of a server that has a certificate and does not end TLS: PASSTHROUGH is also what an omitted
// mode means.
// Source: istio pkg/config/validation/validation.go, validateTLSOptions; pkg/config/gateway/gateway.go, IsPassThroughServer.
func passthroughWithCertificate(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Servers() {
		fields := certificateFields(s.GetTls())
		if !s.PassesThrough() || len(fields) == 0 {
			continue
		}
		f := about(s, lint.Error, ".tls")
		f.Message = fmt.Sprintf("It sets %s, but its mode is PASSTHROUGH, which is also what an omitted mode means: "+
			"the gateway does not end TLS, and the certificate is ignored.", strings.Join(fields, ", "))
		if s.Tls.Mode == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH {
			f.Message = fmt.Sprintf("It sets %s, but its mode is AUTO_PASSTHROUGH: the gateway does not end TLS, and the certificate is ignored.",
				strings.Join(fields, ", "))
		}
		f.Remedy = "Set the mode to SIMPLE or MUTUAL, or remove the certificate."
		findings = append(findings, f)
	}
	return findings
}

// certificateFields returns the fields that say which certificates are used.
func certificateFields(tls *networkingapi.ServerTLSSettings) []string {
	return slices.Concat(
		fieldIf("credentialName", tls.GetCredentialName() != ""),
		fieldIf("credentialNames", len(tls.GetCredentialNames()) > 0),
		fieldIf("serverCertificate", tls.GetServerCertificate() != ""),
		fieldIf("privateKey", tls.GetPrivateKey() != ""),
		fieldIf("tlsCertificates", len(tls.GetTlsCertificates()) > 0),
		fieldIf("caCertificates", tls.GetCaCertificates() != ""),
		fieldIf("caCertCredentialName", tls.GetCaCertCredentialName() != ""),
		fieldIf("caCrl", tls.GetCaCrl() != ""),
	)
}
