package destinationrule

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

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
				"`DISABLE`. In manifests also `tls` that leaves the mode out and says nothing else; of a cluster that cannot be seen.",
			Why: "`DISABLE` is what Istio takes an omitted mode for: clients send plaintext.",
			Fix: "Name the mode that was meant.",
		},
		Find: tlsWithoutMode,
	})
}

// tlsWithoutMode tells of settings that say how to use TLS and name no mode: the mode is then DISABLE. Of one that sets nothing at all only
// a manifest tells: Istio's API cannot tell it from mode DISABLE, which it drops when it is written.
// Source: istio.io/api networking/v1alpha3, ClientTLSSettings.TLSmode, whose zero value is DISABLE.
func tlsWithoutMode(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		for tls, field := range mesh.TLSOf(&rule.Spec) {
			if tls.Mode == networkingapi.ClientTLSSettings_DISABLE {
				findings = append(findings, modeless(v, rule, tls, field)...)
			}
		}
	}
	return findings
}

// modeless says what is wrong with settings whose mode is DISABLE, if anything is.
func modeless(
	v *mesh.View, rule *istionetworkingv1.DestinationRule, tls *networkingapi.ClientTLSSettings, field string,
) []model.Finding {
	f := lint.Finding(lint.Error, model.KindDestinationRule, rule, field)
	omitted := v.Omits(model.FieldRef{Object: f.Subject, Field: field + ".mode"})
	switch {
	case setsMoreThanMode(tls):
		f.Message = fmt.Sprintf("%s sets how TLS is to be used but its mode is DISABLE, which is also what an omitted mode means: "+
			"clients send plaintext to %s.", field, rule.Spec.Host)
		f.Remedy = "Set the mode to SIMPLE, MUTUAL or ISTIO_MUTUAL, or remove the other settings."
	case omitted:
		f.Message = fmt.Sprintf("%s names no mode, which means DISABLE: clients send plaintext to %s.", field, rule.Spec.Host)
		f.Remedy = "Set the mode that is meant, and DISABLE if it is plaintext; or remove tls, so that Istio uses mutual TLS where it can."
	default:
		return nil
	}
	return []model.Finding{f}
}

func setsMoreThanMode(tls *networkingapi.ClientTLSSettings) bool {
	return tls.ClientCertificate != "" || tls.PrivateKey != "" || tls.CaCertificates != "" || tls.CaCrl != "" ||
		tls.CredentialName != "" || tls.Sni != "" || len(tls.SubjectAltNames) > 0 || tls.InsecureSkipVerify != nil
}
