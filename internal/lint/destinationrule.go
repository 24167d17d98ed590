package lint

import (
	"fmt"
	"iter"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

var destinationRuleChecks = []Check{
	{
		Name:  "destinationrule-tls-without-mode",
		Reads: []string{model.KindDestinationRule},
		find:  destinationRuleTLSWithoutMode,
	},
}

// destinationRuleTLSWithoutMode tells of settings that say how to use TLS and name no mode: the mode is then DISABLE. One that sets
// nothing at all is not told of: Istio's API cannot tell it from mode DISABLE, which it drops when it is written.
// Source: istio.io/api networking/v1alpha3, ClientTLSSettings.TLSmode, whose zero value is DISABLE.
func destinationRuleTLSWithoutMode(v *view) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		for tls, field := range tlsOf(&rule.Spec) {
			if tls.Mode != networkingapi.ClientTLSSettings_DISABLE || !setsMoreThanMode(tls) {
				continue
			}
			f := about(meshtlsv1alpha1.SeverityError, model.KindDestinationRule, rule, field)
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

// tlsOf are the TLS settings of a rule at all its levels, each with its path.
func tlsOf(rule *networkingapi.DestinationRule) iter.Seq2[*networkingapi.ClientTLSSettings, string] {
	return func(yield func(*networkingapi.ClientTLSSettings, string) bool) {
		if !tlsOfPolicy(rule.TrafficPolicy, "spec.trafficPolicy", yield) {
			return
		}
		for i, subset := range rule.Subsets {
			if !tlsOfPolicy(subset.TrafficPolicy, fmt.Sprintf("spec.subsets[%d].trafficPolicy", i), yield) {
				return
			}
		}
	}
}

func tlsOfPolicy(
	policy *networkingapi.TrafficPolicy, path string, yield func(*networkingapi.ClientTLSSettings, string) bool,
) bool {
	if policy.GetTls() != nil && !yield(policy.Tls, path+".tls") {
		return false
	}
	for i, port := range policy.GetPortLevelSettings() {
		if port.Tls != nil && !yield(port.Tls, fmt.Sprintf("%s.portLevelSettings[%d].tls", path, i)) {
			return false
		}
	}
	return true
}
