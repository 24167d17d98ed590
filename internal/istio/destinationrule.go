package istio

import (
	"iter"
	"strings"
	"sync"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/hosts"
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
	exact, wildcard map[string]*hostRules
	domain          hosts.Domain
}

func newRulePool(domain hosts.Domain) rulePool {
	return rulePool{exact: map[string]*hostRules{}, wildcard: map[string]*hostRules{}, domain: domain}
}

// matching yields the rules of each host that stands for the name, the most specific host first.
// Source: istio pilot/pkg/model/config.go, MostSpecificHostMatch.
func (p rulePool) matching(name string) iter.Seq[*hostRules] {
	return func(yield func(*hostRules) bool) {
		if rules := p.exact[name]; rules != nil && !yield(rules) || len(p.wildcard) == 0 {
			return
		}
		for rest := strings.TrimPrefix(name, "*"); ; rest = rest[1:] {
			if rules := p.wildcard[rest]; rules != nil && !yield(rules) || rest == "" {
				return
			}
		}
	}
}

// mostSpecific returns the rules of the most specific host; nil where none stands for the name.
func (p rulePool) mostSpecific(name string) *hostRules {
	for rules := range p.matching(name) {
		return rules
	}
	return nil
}

// add merges the rule into those of its host, or puts it beside them.
func (p rulePool) add(rule *istionetworkingv1.DestinationRule, exportTo sets.Set[string]) {
	byHost, key := p.exact, HostOfRule(p.domain, rule)
	if suffix, wild := strings.CutPrefix(key, "*"); wild {
		byHost, key = p.wildcard, suffix
	}
	if byHost[key] == nil {
		byHost[key] = &hostRules{}
	}
	byHost[key].add(rule, exportTo)
}

// HostOfRule returns the host as Istio reads it.
// Source: istio pilot/pkg/model/config.go, ResolveShortnameToFQDN.
func HostOfRule(domain hosts.Domain, rule *istionetworkingv1.DestinationRule) string {
	if hosts.IsWildcard(rule.Spec.Host) {
		return rule.Spec.Host
	}
	return domain.Qualify(rule.Spec.Host, rule.Namespace)
}
