package destinationrule

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-tls-without-mode",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M22"},
			Finds: "TLS settings of a DestinationRule, at any level, that name a certificate, a host or the like, and whose mode is " +
				"`DISABLE`.",
			Why: "`DISABLE` is what Istio takes an omitted mode for: clients send plaintext.",
			Fix: "Name the mode that was meant.",
		},
		Find: tlsWithoutMode,
	})
}

// tlsWithoutMode tells of settings that say how to use TLS and name no mode: the mode is then DISABLE. One that sets
// nothing at all is not told of: Istio's API cannot tell it from mode DISABLE, which it drops when it is written.
// Source: istio.io/api networking/v1alpha3, ClientTLSSettings.TLSmode, whose zero value is DISABLE.
func tlsWithoutMode(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		for tls, field := range mesh.TLSOf(&rule.Spec) {
			if tls.Mode != networkingapi.ClientTLSSettings_DISABLE || !setsMoreThanMode(tls) {
				continue
			}
			f := lint.Finding(lint.Error, model.KindDestinationRule, rule, field)
			f.Message = fmt.Sprintf("%s sets how TLS is to be used but its mode is DISABLE, which is also what an omitted mode means: "+
				"clients send plaintext to %s.", field, rule.Spec.Host)
			f.Remedy = "Set the mode to SIMPLE, MUTUAL or ISTIO_MUTUAL, or remove the other settings."
			findings = append(findings, f)
		}
	}
	return findings
}

func setsMoreThanMode(tls *networkingapi.ClientTLSSettings) bool {
	return tls.ClientCertificate != "" || tls.PrivateKey != "" || tls.CaCertificates != "" || tls.CaCrl != "" ||
		tls.CredentialName != "" || tls.Sni != "" || len(tls.SubjectAltNames) > 0 || tls.InsecureSkipVerify != nil
}
