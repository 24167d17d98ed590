package istio

import (
	"sync"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/pods"
)

// hostRules are the rules of one host as Istio keeps them: merged, in their order.
type hostRules struct {
	merged []*mergedRule
	// forAll is the last of those for all pods; nil: there is none.
	forAll *mergedRule
	// selecting are those for some pods only. They are indexed once all are there: one host may have a rule for each workload.
	selecting selectorIndex[*mergedRule]
	indexed   sync.Once
	// bySelector are those for some pods only, by their selector.
	bySelector map[pods.Set][]*mergedRule
}

// add merges the rule into the host's rules, or keeps it as one of its own. The merged rule has the trafficPolicy of the oldest rule with
// one, and the subsets of all. A rule for all pods is merged into those for some of them too, where the exportTo of both allows it; it
// then stands for all pods no more if both export alike.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule (with PILOT_ENABLE_ENHANCED_DESTINATIONRULE_MERGE, the
// default). Of several rules that it could be merged with, the last one decides whether it also stands alone.
func (h *hostRules) add(rule *istionetworkingv1.DestinationRule, exportTo sets.Set[string]) {
	if rule.Spec.GetWorkloadSelector() != nil {
		h.addSelecting(rule, exportTo)
		return
	}
	alone := true
	for _, merged := range h.merged {
		joins, stands := merged.relation(exportTo)
		if joins {
			merged.join(rule)
		}
		alone = stands
	}
	if alone {
		h.forAll = newMergedRule(rule, exportTo)
		h.merged = append(h.merged, h.forAll)
	}
}

// addSelecting adds a rule for some pods: all of these come before those for all pods, and are exported alike, so it is merged into those
// with its selector.
func (h *hostRules) addSelecting(rule *istionetworkingv1.DestinationRule, exportTo sets.Set[string]) {
	of := pods.SetOf(rule.Spec.GetWorkloadSelector().GetMatchLabels())
	same := h.bySelector[of]
	for _, merged := range same {
		merged.join(rule)
	}
	if len(same) > 0 && h.merged[len(h.merged)-1] == same[len(same)-1] {
		return
	}
	merged := newMergedRule(rule, exportTo)
	h.merged = append(h.merged, merged)
	if h.bySelector == nil {
		h.bySelector = map[pods.Set][]*mergedRule{}
	}
	h.bySelector[of] = append(same, merged)
}

// chosenBy picks, for a client of the rules' namespace, the first rule that selects it by label, else the last of those for all clients.
// Source: istio pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule.
func (h *hostRules) chosenBy(labels map[string]string) *mergedRule {
	h.indexed.Do(func() {
		h.selecting = indexSelectors(h.forSome(), func(r *mergedRule) map[string]string {
			return r.first().Spec.GetWorkloadSelector().GetMatchLabels()
		})
	})
	if found, selected := h.selecting.first(labels); selected {
		return found
	}
	return h.forAll
}

// forSome returns the rules that are for some pods only.
func (h *hostRules) forSome() []*mergedRule {
	var all []*mergedRule
	for _, rule := range h.merged {
		if rule.selecting() {
			all = append(all, rule)
		}
	}
	return all
}

// visibleTo returns the rules that are exported to the clients of a namespace.
func (h *hostRules) visibleTo(client string) []*mergedRule {
	if h == nil {
		return nil
	}
	var visible []*mergedRule
	for _, rule := range h.merged {
		if rule.visibleTo(client) {
			visible = append(visible, rule)
		}
	}
	return visible
}

// mergedRule is what Istio makes of the rules of one host that it merges.
type mergedRule struct {
	// from are the rules, in the order in which they were merged. The selector is that of the first.
	from     []*istionetworkingv1.DestinationRule
	exportTo sets.Set[string]
	// policy is the rule whose trafficPolicy holds; nil where none has one.
	policy  *istionetworkingv1.DestinationRule
	subsets []mergedSubset
}

// mergedSubset is a subset with the place where it is written.
type mergedSubset struct {
	rule  *istionetworkingv1.DestinationRule
	index int
}

func (s mergedSubset) spec() *networkingapi.Subset { return s.rule.Spec.Subsets[s.index] }

func newMergedRule(rule *istionetworkingv1.DestinationRule, exportTo sets.Set[string]) *mergedRule {
	merged := &mergedRule{exportTo: exportTo}
	// Istio keeps the subsets of the first rule as they are, duplicates included; the first of a name is the one that is used.
	merged.join(rule)
	return merged
}

// first returns the rule that the others were merged into.
func (r *mergedRule) first() *istionetworkingv1.DestinationRule { return r.from[0] }

// selecting reports whether the rule is for some pods only.
func (r *mergedRule) selecting() bool { return r.first().Spec.GetWorkloadSelector() != nil }

// visibleTo reports whether the rule is exported to the clients of a namespace.
func (r *mergedRule) visibleTo(client string) bool {
	return r.exportTo.Len() == 0 || r.exportTo.HasAny(exportToAll, client)
}

// relation reports whether a rule for all pods that is exported so is merged into this one, and whether it stands beside it.
func (r *mergedRule) relation(exportTo sets.Set[string]) (joins, stands bool) {
	same := exportTo.Equal(r.exportTo)
	if !same && (r.exportTo.Len() == 0 || !exportTo.IsSuperset(r.exportTo)) {
		return false, true
	}
	return true, r.selecting() && !same
}

func (r *mergedRule) join(rule *istionetworkingv1.DestinationRule) {
	r.from = append(r.from, rule)
	if r.policy == nil && rule.Spec.TrafficPolicy != nil {
		r.policy = rule
	}
	for i, subset := range rule.Spec.Subsets {
		if !r.hasSubset(subset.GetName()) {
			r.subsets = append(r.subsets, mergedSubset{rule: rule, index: i})
		}
	}
}

func (r *mergedRule) hasSubset(name string) bool {
	for _, s := range r.subsets {
		if s.spec().GetName() == name {
			return true
		}
	}
	return false
}
