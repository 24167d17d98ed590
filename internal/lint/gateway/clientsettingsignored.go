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
			Name:     "gateway-client-settings-ignored",
			Severity: []lint.Severity{lint.Error, lint.Warning},
			Finds: "settings for client certificates (`caCertificates`, `caCertCredentialName`, `caCrl`, `subjectAltNames`, " +
				"`verifyCertificateHash`, `verifyCertificateSpki`) of a server whose mode is `SIMPLE`. An error for `subjectAltNames` beside a " +
				"`credentialName`.",
			Why: "`SIMPLE` asks clients for no certificate: whoever can connect is let in. With a `credentialName` Istio still passes on the " +
				"names without a CA, which Envoy refuses: the whole listener of the port is not opened, or goes on as it was.",
			Fix: "Set the mode to `MUTUAL`, or remove the settings.",
		},
		Find: clientSettingsIgnored,
	})
}

// clientSettingsIgnored finds settings that verify clients, beside a mode that asks these for nothing.
// Source: istio pilot/pkg/security/model/authentication.go, ApplyCredentialSDSToServerCommonTLSContext;
// pilot/pkg/networking/core/listener.go, BuildListenerTLSContext.
func clientSettingsIgnored(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Servers() {
		fields := clientFields(s.GetTls())
		if !s.EndsTLS() || s.GetTls().GetMode() != networkingapi.ServerTLSSettings_SIMPLE || len(fields) == 0 {
			continue
		}
		f := about(s, lint.Warning, ".tls")
		f.Message = fmt.Sprintf("It sets %s, but its mode is SIMPLE: clients are asked for no certificate, and whoever connects is let in.",
			strings.Join(fields, ", "))
		f.Remedy = "Set the mode to MUTUAL, or remove these settings."
		named := s.Tls.CredentialName != "" || len(s.Tls.CredentialNames) > 0
		if named && len(s.Tls.SubjectAltNames) > 0 {
			f.Severity = lint.Error
			f.Message = "It sets subjectAltNames beside a credential, but its mode is SIMPLE: Istio passes the names on without a CA, and Envoy " +
				"refuses the whole listener of the port."
		}
		findings = append(findings, f)
	}
	return findings
}

// clientFields returns the fields that say how clients' certificates are verified.
func clientFields(tls *networkingapi.ServerTLSSettings) []string {
	return slices.Concat(
		fieldIf("caCertificates", tls.GetCaCertificates() != ""),
		fieldIf("caCertCredentialName", tls.GetCaCertCredentialName() != ""),
		fieldIf("caCrl", tls.GetCaCrl() != ""),
		fieldIf("subjectAltNames", len(tls.GetSubjectAltNames()) > 0),
		fieldIf("verifyCertificateHash", len(tls.GetVerifyCertificateHash()) > 0),
		fieldIf("verifyCertificateSpki", len(tls.GetVerifyCertificateSpki()) > 0),
	)
}
