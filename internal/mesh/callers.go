package mesh

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// callerClasses are the clients with a proxy, by what DestinationRules without a workloadSelector tell them apart by, and the
// DestinationRules that have one, by host.
type callerClasses struct {
	classes   []callerClass
	selecting map[string][]*istionetworkingv1.DestinationRule
	// wildcards are the hosts of selecting that are wildcards.
	wildcards []string
}

// callerClass are clients of one namespace.
type callerClass struct {
	namespace string
	clients   []*model.Workload
	byLabels  pods.Index
}

func newCallerClasses(v *View) callerClasses {
	c := callerClasses{selecting: map[string][]*istionetworkingv1.DestinationRule{}}
	at := map[caller]int{}
	for _, w := range v.Clients().All {
		as := caller{namespace: w.Namespace, gateway: w.Gateway}
		if _, known := at[as]; !known {
			at[as] = len(c.classes)
			c.classes = append(c.classes, callerClass{namespace: w.Namespace})
		}
		class := &c.classes[at[as]]
		class.clients = append(class.clients, w)
	}
	for i := range c.classes {
		c.classes[i].byLabels = pods.NewIndex(c.classes[i].clients)
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
		callers = append(callers, class.firstOfEach(selecting)...)
	}
	return callers
}

// firstOfEach returns the first of the clients that no rule selects, and the first that each rule selects.
func (c callerClass) firstOfEach(selecting []*istionetworkingv1.DestinationRule) []*model.Workload {
	var first, selected []*model.Workload
	for _, rule := range selecting {
		if rule.Namespace != c.namespace {
			continue
		}
		if of := c.byLabels.Selected(rule.Spec.GetWorkloadSelector().GetMatchLabels()); len(of) > 0 {
			first = append(first, of[0])
			selected = append(selected, of...)
		}
	}
	taken := sets.New(selected...)
	if at := slices.IndexFunc(c.clients, func(w *model.Workload) bool { return !taken.Has(w) }); at >= 0 {
		return slices.Insert(first, 0, c.clients[at])
	}
	return first
}
