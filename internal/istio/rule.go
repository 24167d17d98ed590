package istio

import (
	"iter"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// Choice is the DestinationRule that governs a client's traffic to a host. Where Istio merges several into one, each part says
// which it comes from.
type Choice struct {
	// Rules are those that are merged, first the one that the others are merged into. Empty: no rule governs.
	Rules []*istionetworkingv1.DestinationRule
	// Policy is the one of Rules whose trafficPolicy holds; nil where none has one.
	Policy *istionetworkingv1.DestinationRule
	// Subsets are those that a route can send to.
	Subsets []ChosenSubset
}

// ChosenSubset is a subset of a Choice.
type ChosenSubset struct {
	Name string
	// Rule is where the subset is written, at Index.
	Rule  *istionetworkingv1.DestinationRule
	Index int
}

func (s ChosenSubset) policy() *networkingapi.TrafficPolicy {
	return s.Rule.Spec.Subsets[s.Index].GetTrafficPolicy()
}

// Selecting reports whether the choice is for some of the namespace's pods only.
func (c Choice) Selecting() bool {
	return len(c.Rules) > 0 && c.Rules[0].Spec.GetWorkloadSelector() != nil
}

func (c Choice) trafficPolicy() *networkingapi.TrafficPolicy {
	if c.Policy == nil {
		return nil
	}
	return c.Policy.Spec.TrafficPolicy
}

// subset finds the subset by name; the name of none is empty.
func (c Choice) subset(name string) (ChosenSubset, bool) {
	if name == "" {
		return ChosenSubset{}, true
	}
	for _, s := range c.Subsets {
		if s.Name == name {
			return s, true
		}
	}
	return ChosenSubset{}, false
}

// Rule finds the DestinationRule that governs a client's traffic to a host. Shadowed tells which others it keeps from doing so.
func (m *Model) Rule(client Client, host model.Host) Choice {
	chosen := m.rules().choose(client, host)
	if chosen == nil {
		return Choice{}
	}
	choice := Choice{Rules: chosen.from, Policy: chosen.policy}
	for _, s := range chosen.subsets {
		choice.Subsets = append(choice.Subsets, ChosenSubset{Name: s.spec().GetName(), Rule: s.rule, Index: s.index})
	}
	return choice
}

// choose picks among the merged rules of the most specific host in the first namespace that has any for the name; nil: there is none. The
// rules of the client's namespace hide all others, whatever their host. Those of other namespaces are for all pods: one for some of them
// never leaves its namespace.
// Source: istio pilot/pkg/model/push_context.go, destinationRule and getExportedDestinationRuleFromNamespace.
func (i ruleIndex) choose(client Client, host model.Host) *mergedRule {
	if found := i.own(client.Namespace).mostSpecific(host.Name); found != nil {
		return found.chosenBy(client.Labels)
	}
	for _, namespace := range []string{host.Namespace, i.root} {
		// What is not exported to the client is taken out only after the most specific host is found.
		if found := i.of(namespace).exported.mostSpecific(host.Name).visibleTo(client.Namespace); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return nil
}

// own returns the rules that the clients of a namespace see first. Those of the root namespace see only its private ones there, so
// that the rules for the mesh do not hide those of the Services.
func (i ruleIndex) own(client string) rulePool {
	if client == i.root {
		return i.of(i.root).private
	}
	return i.of(client).local
}

// pools returns the places where a client's proxy looks, in order, and whether exportTo counts there.
func (i ruleIndex) pools(client string, host model.Host) iter.Seq2[rulePool, bool] {
	return func(yield func(rulePool, bool) bool) {
		_ = yield(i.own(client), false) && yield(i.of(host.Namespace).exported, true) && yield(i.of(i.root).exported, true)
	}
}
