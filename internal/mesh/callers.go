package mesh

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// callerClasses are the clients with a proxy, by what DestinationRules without a workloadSelector tell them apart by, and the
// DestinationRules that have one, by host.
type callerClasses struct {
	classes   [][]*model.Workload
	selecting map[string][]*istionetworkingv1.DestinationRule
	// wildcards are the hosts of selecting that are wildcards.
	wildcards []string
}

func newCallerClasses(v *View) callerClasses {
	c := callerClasses{selecting: map[string][]*istionetworkingv1.DestinationRule{}}
	at := map[caller]int{}
	for _, w := range v.Clients().All {
		as := caller{namespace: w.Namespace, gateway: w.Gateway}
		if _, known := at[as]; !known {
			at[as] = len(c.classes)
			c.classes = append(c.classes, nil)
		}
		c.classes[at[as]] = append(c.classes[at[as]], w)
	}
	for _, rule := range v.DestinationRules() {
		if rule.Spec.GetWorkloadSelector() == nil {
			continue
		}
		host := v.HostOf(rule)
		if hosts.IsWildcard(host) && !slices.Contains(c.wildcards, host) {
			c.wildcards = append(c.wildcards, host)
		}
		c.selecting[host] = append(c.selecting[host], rule)
	}
	return c
}

// CallersOf returns clients that stand for all that have a proxy, as far as DestinationRules for the destination tell them apart. In a
// namespace with many rules for single pods, few of these rules are for one host.
func CallersOf(v *View, d *destinations.Destination) []*model.Workload {
	c := Derived(v, newCallerClasses)
	selecting := c.selecting[d.Name]
	for _, wildcard := range c.wildcards {
		if hosts.Covers(wildcard, d.Name) {
			selecting = append(slices.Clip(selecting), c.selecting[wildcard]...)
		}
	}
	var callers []*model.Workload
	for _, class := range c.classes {
		callers = append(callers, firstOfEach(class, selecting)...)
	}
	return callers
}

// firstOfEach returns the first of the clients that no rule selects, and the first that each rule selects.
func firstOfEach(class []*model.Workload, selecting []*istionetworkingv1.DestinationRule) []*model.Workload {
	selects := func(rule *istionetworkingv1.DestinationRule, w *model.Workload) bool {
		return rule.Namespace == w.Namespace && pods.Matches(rule.Spec.GetWorkloadSelector().GetMatchLabels(), w.Labels)
	}
	unselected := func(w *model.Workload) bool {
		return !slices.ContainsFunc(selecting, func(rule *istionetworkingv1.DestinationRule) bool { return selects(rule, w) })
	}
	var first []*model.Workload
	if at := slices.IndexFunc(class, unselected); at >= 0 {
		first = append(first, class[at])
	}
	for _, rule := range selecting {
		if at := slices.IndexFunc(class, func(w *model.Workload) bool { return selects(rule, w) }); at >= 0 {
			first = append(first, class[at])
		}
	}
	return first
}
