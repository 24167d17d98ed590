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
			Finds: "settings that verify the clients' certificates (`caCertificates`, `caCrl`, `caCertCredentialName`, `subjectAltNames`, " +
				"`verifyCertificateSpki`, `verifyCertificateHash`) beside mode `SIMPLE`. It is an error where `subjectAltNames` stands beside a " +
				"`credentialName`.",
			Why: "With `SIMPLE` no client is asked for a certificate, so everybody gets in. Names to verify without an authority make " +
				"Envoy refuse the whole listener, with all servers of the port.",
			Fix: "Use mode `MUTUAL` or `OPTIONAL_MUTUAL`, or remove the settings.",
		},
		Find: clientSettingsIgnored,
	})
}

// clientSettingsIgnored tells of servers that say how clients are verified, and ask none for a certificate.
// Source: istio pilot/pkg/networking/core/listener.go, BuildListenerTLSContext; pilot/pkg/security/model/authentication.go,
// ApplyCredentialSDSToServerCommonTLSContext and ApplyToCommonTLSContext.
func clientSettingsIgnored(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Servers() {
		if !s.EndsTLS() || s.Tls.GetMode() != networkingapi.ServerTLSSettings_SIMPLE {
			continue
		}
		fields := clientFields(s.Tls)
		switch {
		case len(fields) == 0:
		case refusesListener(s.Tls):
			f := about(s, lint.Error, ".tls.subjectAltNames")
			f.Message = "Mode SIMPLE asks no client for a certificate, and beside credentialName Istio still hands the names to Envoy, without " +
				"an authority to verify by: Envoy refuses the listener, and no server of the port answers."
			f.Remedy = "Use mode MUTUAL, or remove subjectAltNames."
			findings = append(findings, f)
		default:
			f := about(s, lint.Warning, ".tls")
			f.Message = fmt.Sprintf("Mode SIMPLE asks no client for a certificate, so that %s changes nothing: everybody gets in.",
				strings.Join(fields, ", "))
			f.Remedy = "Use mode MUTUAL or OPTIONAL_MUTUAL, or remove what is said about clients."
			findings = append(findings, f)
		}
	}
	return findings
}

// clientFields returns the fields that say how clients' certificates are verified.
func clientFields(tls *networkingapi.ServerTLSSettings) []string {
	return slices.Concat(
		fieldIf("caCertificates", tls.GetCaCertificates() != ""),
		fieldIf("caCrl", tls.GetCaCrl() != ""),
		fieldIf("caCertCredentialName", tls.GetCaCertCredentialName() != ""),
		fieldIf("subjectAltNames", len(tls.GetSubjectAltNames()) > 0),
		fieldIf("verifyCertificateSpki", len(tls.GetVerifyCertificateSpki()) > 0),
		fieldIf("verifyCertificateHash", len(tls.GetVerifyCertificateHash()) > 0),
	)
}

// refusesListener reports whether Envoy is given names to verify and no authority.
func refusesListener(tls *networkingapi.ServerTLSSettings) bool {
	return len(tls.GetSubjectAltNames()) > 0 && (tls.GetCredentialName() != "" || len(tls.GetCredentialNames()) > 0)
}
