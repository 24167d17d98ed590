package translate

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/types"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// governing returns the DestinationRule that would govern the clients' traffic to the host without the rule.
func (m sendMesh) governing(rule model.SendRule) istio.Choice {
	client := istio.Client{Namespace: m.Namespace, Labels: rule.Selector, Dataplane: model.DataplaneSidecar}
	if rule.Audience == model.AudienceAll {
		client = mesh.ClientWithoutRules
	}
	return m.views.Of(rule.Revision).Rule(client, m.host(hostKeyOf(rule)))
}

// baseOf returns what the rule starts from: the DestinationRule that governs without it, with the effect that it has for these clients. A
// wildcard that takes the place of many has no base.
func (m sendMesh) baseOf(rule model.SendRule) *networkingapi.DestinationRule {
	choice := m.governing(rule)
	if len(choice.Rules) > 0 && !m.isOneRule(choice.Rules[0], hostKeyOf(rule)) {
		return nil
	}
	base := specOf(choice)
	if rule.Audience != model.AudienceWorkload || choice.Selecting() || m.ofGateways(rule) {
		return base
	}
	return withoutSecrets(base)
}

// specOf returns the choice as one rule: Istio may have merged several.
func specOf(choice istio.Choice) *networkingapi.DestinationRule {
	if len(choice.Rules) == 0 {
		return nil
	}
	spec := &networkingapi.DestinationRule{}
	verbatim.Copy(&choice.Rules[0].Spec, spec)
	if choice.Policy != nil {
		spec.TrafficPolicy = choice.Policy.Spec.GetTrafficPolicy()
	}
	for _, s := range choice.Subsets {
		spec.Subsets = append(spec.Subsets, s.Rule.Spec.GetSubsets()[s.Index])
	}
	return spec
}

// ofGateways reports whether the rule is for the pods of a gateway: a policy says so, or one of them is.
func (m sendMesh) ofGateways(rule model.SendRule) bool {
	return m.gateways.Has(pods.SetOf(rule.Selector)) ||
		slices.ContainsFunc(m.views.Of(rule.Revision).Selected(m.Namespace, rule.Selector), func(w *model.Workload) bool { return w.Gateway })
}

// withoutSecrets returns the rule as sidecars take it. Istio gives them no Secret for a DestinationRule without workloadSelector, and their
// traffic leaves in plaintext; in a rule with one they would ask for it.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, applyUpstreamTLSSettings (isDrWithSelector).
func withoutSecrets(rule *networkingapi.DestinationRule) *networkingapi.DestinationRule {
	if !slices.ContainsFunc(tlsLevels(rule), namesSecret) {
		return rule
	}
	rule = proto.CloneOf(rule)
	for _, tls := range tlsLevels(rule) {
		if namesSecret(tls) {
			proto.Reset(tls)
		}
	}
	return rule
}

// namesSecret reports whether the settings ask for a Secret. What they come to without it, DISABLE, is their zero value.
func namesSecret(tls *networkingapi.ClientTLSSettings) bool {
	custom := tls.GetMode() == networkingapi.ClientTLSSettings_SIMPLE || tls.GetMode() == networkingapi.ClientTLSSettings_MUTUAL
	return custom && tls.GetCredentialName() != "" && !strings.HasPrefix(tls.GetCredentialName(), configMapScheme)
}

// tlsLevels returns the TLS settings of the destination, of its ports, and of its subsets.
func tlsLevels(rule *networkingapi.DestinationRule) []*networkingapi.ClientTLSSettings {
	policies := []*networkingapi.TrafficPolicy{rule.GetTrafficPolicy()}
	for _, subset := range rule.GetSubsets() {
		policies = append(policies, subset.GetTrafficPolicy())
	}
	var levels []*networkingapi.ClientTLSSettings
	for _, policy := range policies {
		if policy.GetTls() != nil {
			levels = append(levels, policy.Tls)
		}
		for _, port := range policy.GetPortLevelSettings() {
			if port.GetTls() != nil {
				levels = append(levels, port.Tls)
			}
		}
	}
	return levels
}

// baseSecrets tells the policies whose rules start from one with a Secret that their sidecars never get.
func baseSecrets(m sendMesh, rules []model.SendRule) []model.Finding {
	var findings []model.Finding
	for _, rule := range rules {
		if rule.Audience != model.AudienceWorkload || rule.TLS.Mode != "" || rule.Base == nil {
			continue
		}
		choice := m.governing(rule)
		if choice.Selecting() || m.ofGateways(rule) || !slices.ContainsFunc(tlsLevels(specOf(choice)), namesSecret) {
			continue
		}
		from := choice.Rules[0]
		for _, owner := range rule.Owners {
			findings = append(findings, model.Finding{
				Check: "send-base-without-credential", Severity: meshtlsv1alpha1.SeverityWarning,
				Subject: model.PolicyRef(types.NamespacedName{Namespace: m.Namespace, Name: owner.Name}),
				Related: model.RefOf(model.KindDestinationRule, from), Field: "spec.send",
				Message: fmt.Sprintf("DestinationRule %s/%s names a Secret for %s. It has no workloadSelector, so sidecars do not get the Secret and "+
					"send plaintext. Where this policy sets no mode, these pods go on doing so.", from.Namespace, from.Name, rule.Host),
				Remedy: "Set a mode for the host, with the credentialName of a Secret of this namespace.",
			})
		}
	}
	return findings
}
