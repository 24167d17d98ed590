package destinationrule

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-policy-dropped",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M17"},
			Finds: "a rule whose `trafficPolicy`, or subset, Istio drops because another rule of the same namespace and host has one " +
				"and goes first.",
			Why: "Istio merges such rules. Of the trafficPolicies it keeps the oldest one whole, of the subsets the oldest of each " +
				"name.",
			Fix: "Put both into one rule.",
		},
		Find: policyDropped,
	})
}

// policyDropped tells of rules that Istio merges into others of the same host and namespace, dropping their
// trafficPolicy or a subset: it keeps the first of each.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
func policyDropped(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		choices := choicesOf(v, rule)
		if len(choices) == 0 {
			continue
		}
		if winner := choices[0].Policy; rule.Spec.TrafficPolicy != nil && !anyTakes(choices, rule) &&
			!proto.Equal(winner.Spec.TrafficPolicy, rule.Spec.TrafficPolicy) {
			findings = append(findings, droppedPolicy(rule, winner))
		}
		for i, subset := range rule.Spec.Subsets {
			winner, index := choices[0].subsetNamed(subset.Name)
			if winner != rule && winner != nil && !proto.Equal(winner.Spec.Subsets[index], subset) {
				findings = append(findings, droppedSubset(rule, winner, i))
			}
		}
	}
	return findings
}

// choice is what Istio makes of a rule with others, for one client.
type choice struct{ istio.Choice }

func (c choice) subsetNamed(name string) (*istionetworkingv1.DestinationRule, int) {
	for _, s := range c.Subsets {
		if s.Name == name {
			return s.Rule, s.Index
		}
	}
	return nil, 0
}

func anyTakes(choices []choice, rule *istionetworkingv1.DestinationRule) bool {
	return slices.ContainsFunc(choices, func(c choice) bool { return c.Policy == rule })
}

// choicesOf returns the choices that the rule is a part of: for the clients of its own namespace, of those that it is exported to, and of
// one that has no rules.
func choicesOf(v *mesh.View, rule *istionetworkingv1.DestinationRule) []choice {
	var choices []choice
	host := model.Host{Name: v.HostOf(rule), Namespace: rule.Namespace}
	for _, namespace := range append([]string{rule.Namespace, mesh.ClientWithoutRules.Namespace}, rule.Spec.ExportTo...) {
		client := istio.Client{Namespace: namespace, Dataplane: model.DataplaneSidecar,
			Labels: rule.Spec.GetWorkloadSelector().GetMatchLabels()}
		if found := v.Rule(client, host); slices.Contains(found.Rules, rule) {
			choices = append(choices, choice{found})
		}
	}
	return choices
}

func droppedPolicy(rule, winner *istionetworkingv1.DestinationRule) model.Finding {
	f := lint.Finding(lint.Error, model.KindDestinationRule, rule, "spec.trafficPolicy")
	what := "this one is ignored"
	if mesh.SaysTLS(rule.Spec.TrafficPolicy) {
		what += ", with its tls"
	}
	f.Message = fmt.Sprintf("Istio merges the rules of a namespace for one host and keeps the first trafficPolicy, that of %s: %s.",
		model.RefOf(model.KindDestinationRule, winner), what)
	f.Remedy = "Put both into one DestinationRule."
	return f
}

func droppedSubset(rule, winner *istionetworkingv1.DestinationRule, index int) model.Finding {
	f := lint.Finding(lint.Error, model.KindDestinationRule, rule, fmt.Sprintf("spec.subsets[%d]", index))
	f.Message = fmt.Sprintf("Istio merges the rules of a namespace for one host and keeps the first subset of a name, the %s of %s: "+
		"this one is ignored.", rule.Spec.Subsets[index].Name, model.RefOf(model.KindDestinationRule, winner))
	f.Remedy = "Give the subset another name, or put both rules into one."
	return f
}
