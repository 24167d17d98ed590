package lint

import (
	"fmt"
	"iter"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// callKinds are what a check reads that asks what becomes of clients' calls.
var callKinds = []string{
	model.KindConfigMap, model.KindDestinationRule, model.KindPeerAuthentication, model.KindPod, model.KindService, model.KindServiceEntry,
	model.KindVirtualService,
}

var destinationRuleChecks = []Check{
	{
		Name:  "app-protocol-hides-port-name",
		Reads: []string{model.KindPod, model.KindService},
		find:  appProtocolHidesName,
	},
	{
		Name:  "destinationrule-credential-without-selector",
		Reads: callKinds,
		find:  destinationRuleCredentialWithoutSelector,
	},
	{
		Name:  "destinationrule-double-tls",
		Reads: callKinds,
		Ours:  true,
		find:  destinationRuleDoubleTLS,
	},
	{
		Name:  "destinationrule-hides-others",
		Reads: callKinds,
		find:  destinationRuleHidesOthers,
	},
	{
		Name:  "destinationrule-host-elsewhere",
		Reads: []string{model.KindDestinationRule, model.KindService, model.KindServiceEntry},
		find:  destinationRuleHostElsewhere,
	},
	{
		Name:  "destinationrule-host-not-found",
		Reads: []string{model.KindDestinationRule, model.KindService, model.KindServiceEntry},
		find:  destinationRuleHostNotFound,
	},
	{
		Name:  "destinationrule-internal-host-system-ca",
		Reads: callKinds,
		Ours:  true,
		find:  destinationRuleInternalHostSystemCA,
	},
	{
		Name:  "destinationrule-mtls-to-disabled",
		Reads: callKinds,
		Ours:  true,
		find:  destinationRuleMTLSToDisabled,
	},
	{
		Name:  "destinationrule-mtls-to-no-proxy",
		Reads: callKinds,
		Ours:  true,
		find:  destinationRuleMTLSToNoProxy,
	},
	{
		Name:  "destinationrule-never-used",
		Reads: callKinds,
		find:  destinationRuleNeverUsed,
	},
	{
		Name:  "destinationrule-plaintext-to-strict",
		Reads: callKinds,
		Ours:  true,
		find:  destinationRulePlaintextToStrict,
	},
	{
		Name:  "destinationrule-policy-dropped",
		Reads: []string{model.KindDestinationRule},
		find:  destinationRulePolicyDropped,
	},
	{
		Name:  "destinationrule-port-drops-tls",
		Reads: callKinds,
		find:  destinationRulePortDropsTLS,
	},
	{
		Name:  "destinationrule-selector-hides-rule",
		Reads: callKinds,
		find:  destinationRuleSelectorHidesRule,
	},
	{
		Name:  "destinationrule-skips-verification",
		Reads: []string{model.KindDestinationRule},
		Ours:  true,
		find:  destinationRuleSkipsVerification,
	},
	{
		Name:  "destinationrule-subset-not-routed",
		Reads: []string{model.KindDestinationRule, model.KindGateway, model.KindVirtualService},
		find:  destinationRuleSubsetNotRouted,
	},
	{
		Name:  "destinationrule-subset-without-pods",
		Reads: []string{model.KindDestinationRule, model.KindPod, model.KindService, model.KindVirtualService, model.KindWorkloadEntry},
		find:  destinationRuleSubsetWithoutPods,
	},
	{
		Name:  "destinationrule-tls-to-http-port",
		Reads: callKinds,
		Ours:  true,
		find:  destinationRuleTLSToHTTPPort,
	},
	{
		Name:  "destinationrule-tls-to-strict",
		Reads: callKinds,
		Ours:  true,
		find:  destinationRuleTLSToStrict,
	},
	{
		Name:  "destinationrule-tls-without-mode",
		Reads: []string{model.KindDestinationRule},
		find:  destinationRuleTLSWithoutMode,
	},
	{
		Name:  "destinationrule-wildcard-catches-external",
		Reads: callKinds,
		find:  destinationRuleWildcardCatchesExternal,
	},
	{
		Name:  "https-port-declared-http",
		Reads: callKinds,
		find:  httpsPortDeclaredHTTP,
	},
	{
		Name:  "server-first-port-undeclared",
		Reads: []string{model.KindPod, model.KindService},
		find:  serverFirstPortUndeclared,
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
