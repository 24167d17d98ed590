package istio

import (
	"iter"
	"strings"
	"sync"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

const (
	exportToAll = "*"
	exportToOwn = "."
)

// ruleIndex holds the DestinationRules as Istio keeps them: merged, in a pool for each way of looking them up.
// Source: istio pilot/pkg/model/push_context.go, setDestinationRules.
type ruleIndex struct {
	root string
	// of are the pools of a namespace's rules. They are made when they are first asked for: who asks about one namespace of a large mesh
	// meets the rules of few.
	of func(namespace string) rulePools
}

// rulePools are the rules of one namespace.
type rulePools struct {
	// local are those for the namespace's own clients, exported those that other namespaces' clients may find, and private the others.
	local, exported, private rulePool
}

func indexRules(mesh model.Mesh, all []*istionetworkingv1.DestinationRule) ruleIndex {
	byNamespace := map[string][]*istionetworkingv1.DestinationRule{}
	for _, rule := range all {
		byNamespace[rule.Namespace] = append(byNamespace[rule.Namespace], rule)
	}
	private, domain := sets.New(mesh.DefaultDestinationRuleExportTo...).Has(exportToOwn), hosts.Domain(mesh.ClusterDomain)
	var made sync.Map
	return ruleIndex{root: mesh.RootNamespace, of: func(namespace string) rulePools {
		if known, found := made.Load(namespace); found {
			return known.(rulePools)
		}
		pools := poolRules(byNamespace[namespace], private, domain)
		made.Store(namespace, pools)
		return pools
	}}
}

// poolRules merges the rules of one namespace, which are private by default or not.
func poolRules(all []*istionetworkingv1.DestinationRule, private bool, domain hosts.Domain) rulePools {
	pools := rulePools{local: newRulePool(domain), exported: newRulePool(domain), private: newRulePool(domain)}
	for _, rule := range bySelectorAndAge(all) {
		exportTo := exportToOf(rule)
		if exportTo.Len() == 0 || exportTo.HasAny(exportToAll, exportToOwn, rule.Namespace) {
			pools.local.add(rule, exportTo)
		}
		if isPrivate(exportTo, rule.Namespace, private) {
			pools.private.add(rule, exportTo)
		} else {
			pools.exported.add(rule, exportTo)
		}
	}
	return pools
}

// bySelectorAndAge orders the rules as Istio does before it merges them: those for some pods first, then the oldest.
// Source: istio pilot/pkg/model/push_context.go, sortConfigBySelectorAndCreationTime.
func bySelectorAndAge(all []*istionetworkingv1.DestinationRule) []*istionetworkingv1.DestinationRule {
	var selecting, others []*istionetworkingv1.DestinationRule
	for _, rule := range OldestFirst(all) {
		if rule.Spec.GetWorkloadSelector() != nil {
			selecting = append(selecting, rule)
		} else {
			others = append(others, rule)
		}
	}
	return append(selecting, others...)
}

// exportToOf returns what Istio reads: a rule for some pods never leaves its namespace.
func exportToOf(rule *istionetworkingv1.DestinationRule) sets.Set[string] {
	if rule.Spec.GetWorkloadSelector() != nil {
		return sets.New(exportToOwn)
	}
	return sets.New(rule.Spec.ExportTo...)
}

// isPrivate reports whether no client of another namespace can find the rule.
func isPrivate(exportTo sets.Set[string], namespace string, byDefault bool) bool {
	if exportTo.Len() == 0 {
		return byDefault
	}
	return exportTo.Len() == 1 && exportTo.HasAny(exportToOwn, namespace)
}

// rulePool are rules by host. Those of a wildcard stand under what follows its asterisk.
type rulePool struct {
	exact, wildcard map[string][]*mergedRule
	domain          hosts.Domain
}

func newRulePool(domain hosts.Domain) rulePool {
	return rulePool{exact: map[string][]*mergedRule{}, wildcard: map[string][]*mergedRule{}, domain: domain}
}

// matching yields the rules of each host that stands for the name, the most specific host first.
// Source: istio pilot/pkg/model/config.go, MostSpecificHostMatch.
func (p rulePool) matching(name string) iter.Seq[[]*mergedRule] {
	return func(yield func([]*mergedRule) bool) {
		if merged := p.exact[name]; merged != nil && !yield(merged) || len(p.wildcard) == 0 {
			return
		}
		for rest := strings.TrimPrefix(name, "*"); ; rest = rest[1:] {
			if merged := p.wildcard[rest]; merged != nil && !yield(merged) || rest == "" {
				return
			}
		}
	}
}

// mostSpecific returns the rules of the most specific host; nil where none stands for the name.
func (p rulePool) mostSpecific(name string) []*mergedRule {
	for rules := range p.matching(name) {
		return rules
	}
	return nil
}

// add merges the rule into those of its host, or puts it beside them. An older rule's trafficPolicy is kept whole, and subsets are
// collected. A rule for all pods is merged into those for some of them too, where the exportTo of both allows it; it then stands
// for all pods no more if both export alike.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule (with PILOT_ENABLE_ENHANCED_DESTINATIONRULE_MERGE, the
// default). Of several rules that it could be merged with, the last one decides whether it also stands alone.
func (p rulePool) add(rule *istionetworkingv1.DestinationRule, exportTo sets.Set[string]) {
	byHost, key := p.exact, HostOfRule(p.domain, rule)
	if suffix, wild := strings.CutPrefix(key, "*"); wild {
		byHost, key = p.wildcard, suffix
	}
	alone := true
	for _, merged := range byHost[key] {
		joins, stands := merged.relation(rule, exportTo)
		if joins {
			merged.join(rule)
		}
		alone = stands
	}
	if alone {
		byHost[key] = append(byHost[key], newMergedRule(rule, exportTo))
	}
}

// HostOfRule returns the host as Istio reads it.
// Source: istio pilot/pkg/model/config.go, ResolveShortnameToFQDN.
func HostOfRule(domain hosts.Domain, rule *istionetworkingv1.DestinationRule) string {
	if hosts.IsWildcard(rule.Spec.Host) {
		return rule.Spec.Host
	}
	return domain.Qualify(rule.Spec.Host, rule.Namespace)
}

// mergedRule is what Istio makes of the rules of one host that it merges.
type mergedRule struct {
	// from are the rules, in the order in which they were merged. The selector is that of the first.
	from     []*istionetworkingv1.DestinationRule
	selector pods.Selector
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
	merged := &mergedRule{exportTo: exportTo, selector: pods.SelectorOf(rule.Spec.GetWorkloadSelector().GetMatchLabels())}
	// Istio keeps the subsets of the first rule as they are, duplicates included; the first of a name is the one that is used.
	merged.join(rule)
	return merged
}

// first returns the rule that the others were merged into.
func (r *mergedRule) first() *istionetworkingv1.DestinationRule { return r.from[0] }

// selecting reports whether the rule is for some pods only.
func (r *mergedRule) selecting() bool { return r.first().Spec.GetWorkloadSelector() != nil }

// relation reports whether the rule is merged into this one, and whether it stands beside it.
func (r *mergedRule) relation(rule *istionetworkingv1.DestinationRule, exportTo sets.Set[string]) (joins, stands bool) {
	selecting := rule.Spec.GetWorkloadSelector() != nil
	if selecting && r.selecting() && !r.selector.Is(rule.Spec.GetWorkloadSelector().GetMatchLabels()) {
		return false, true
	}
	same := exportTo.Equal(r.exportTo)
	if !same && (r.exportTo.Len() == 0 || !exportTo.IsSuperset(r.exportTo)) {
		return false, true
	}
	return true, selecting != r.selecting() && !same
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
