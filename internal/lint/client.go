package lint

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// governedOf is the first of the sidecars, or of the gateways, whose calls of the destination the rule governs. A rule that everybody may
// find governs clients of other namespaces only if it governs one of a namespace that has no rules: most need not be asked.
func (v *view) governedOf(rule *istionetworkingv1.DestinationRule, d *destinations.Destination, gateway bool) (model.Workload, bool) {
	callers := v.callers(rule)
	exported := rule.Spec.ExportTo
	if (len(exported) == 0 || slices.Contains(exported, "*")) && !v.governs(rule, ofNowhere, d) {
		callers = v.clients().in[rule.Namespace]
	}
	for _, w := range callers {
		if w.Gateway == gateway && v.governs(rule, istio.ClientOf(w), d) {
			return w, true
		}
	}
	return model.Workload{}, false
}

// governs says whether the rule decides, in whole or in part, what the client sends to the destination.
func (v *view) governs(rule *istionetworkingv1.DestinationRule, client istio.Client, d *destinations.Destination) bool {
	return slices.Contains(v.istio.Rule(client, d.Host).Rules, rule)
}

// ofNowhere is a client of a namespace that has no rules: it has those of the host's and of the root namespace that are for everybody.
var ofNowhere = istio.Client{Dataplane: model.DataplaneSidecar}

// callers are the proxies that a rule's exportTo and workloadSelector leave. A rule with a selector, or that is exported to its own
// namespace only, is for this namespace.
func (v *view) callers(rule *istionetworkingv1.DestinationRule) []model.Workload {
	if selector := rule.Spec.GetWorkloadSelector().GetMatchLabels(); len(selector) > 0 {
		return slices.DeleteFunc(slices.Clone(v.selected(rule.Namespace, selector)), readsNoRule)
	}
	if slices.Equal(rule.Spec.ExportTo, []string{"."}) {
		return v.clients().in[rule.Namespace]
	}
	return v.clients().all
}

// clients are callers, all of them and those of each namespace.
type clients struct {
	all []model.Workload
	in  map[string][]model.Workload
}

// indexClients picks the callers that stand for all: those that no rule tells apart are one, so a large mesh has few.
func (v *view) indexClients() clients {
	c := clients{in: map[string][]model.Workload{}}
	told := v.toldApart()
	seen := map[caller]bool{}
	for _, w := range v.Workloads {
		as := caller{namespace: w.Namespace, gateway: w.Gateway}
		if readsNoRule(w) || seen[as] && !told.Has(w.Namespace) {
			continue
		}
		seen[as] = true
		c.all = append(c.all, w)
		c.in[w.Namespace] = append(c.in[w.Namespace], w)
	}
	return c
}

// caller is what rules without a workloadSelector tell clients apart by.
type caller struct {
	namespace string
	gateway   bool
}

// toldApart are the namespaces where rules select clients by label.
func (v *view) toldApart() sets.Set[string] {
	namespaces := sets.New[string]()
	for _, rule := range v.DestinationRules {
		if rule.Spec.GetWorkloadSelector() != nil {
			namespaces.Insert(rule.Namespace)
		}
	}
	return namespaces
}

// readsNoRule says whether the workload has no proxy that reads DestinationRules.
func readsNoRule(w model.Workload) bool { return w.Dataplane != model.DataplaneSidecar }
