package mesh

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// ClientWithoutRules is a client of a namespace that has no DestinationRules: it finds those of the host's and of the root namespace
// that are exported to all.
var ClientWithoutRules = istio.Client{Dataplane: model.DataplaneSidecar}

// Anybody returns a pod of the namespace that no selector selects: it accepts what the namespace as a whole does.
func Anybody(namespace string) *model.Workload {
	return &model.Workload{Namespace: namespace, Dataplane: model.DataplaneSidecar}
}

// Clients are callers with a proxy, one for all that no DestinationRule tells apart.
type Clients struct {
	All []*model.Workload
	// In are those of each namespace.
	In map[string][]*model.Workload
}

// Clients returns callers that stand for all that have a proxy: a large mesh has few.
func (v *network) Clients() Clients {
	v.note(model.KindPod, model.KindDestinationRule)
	return v.index.clients()
}

// caller is what DestinationRules without a workloadSelector tell clients apart by.
type caller struct {
	namespace string
	gateway   bool
}

func newClients(i model.Inventory) Clients {
	c := Clients{In: map[string][]*model.Workload{}}
	selecting := namespacesSelectingClients(i.DestinationRules)
	seen := map[caller]bool{}
	for _, w := range i.Workloads {
		as := caller{namespace: w.Namespace, gateway: w.Gateway}
		if !ReadsRules(w) || seen[as] && !selecting.Has(w.Namespace) {
			continue
		}
		seen[as] = true
		c.All = append(c.All, w)
		c.In[w.Namespace] = append(c.In[w.Namespace], w)
	}
	return c
}

// namespacesSelectingClients returns the namespaces where DestinationRules select clients by label.
func namespacesSelectingClients(rules []*istionetworkingv1.DestinationRule) sets.Set[string] {
	namespaces := sets.New[string]()
	for _, rule := range rules {
		if rule.Spec.GetWorkloadSelector() != nil {
			namespaces.Insert(rule.Namespace)
		}
	}
	return namespaces
}

// Callers returns the clients that the exportTo and workloadSelector of a DestinationRule leave. One with a workloadSelector, or that is
// exported to its own namespace only, is for clients of this namespace.
func (v *network) Callers(rule *istionetworkingv1.DestinationRule) []*model.Workload {
	if selector := rule.Spec.GetWorkloadSelector().GetMatchLabels(); len(selector) > 0 {
		return slices.DeleteFunc(slices.Clone(v.Selected(rule.Namespace, selector)), func(w *model.Workload) bool { return !ReadsRules(w) })
	}
	if slices.Equal(rule.Spec.ExportTo, []string{"."}) {
		return v.Clients().In[rule.Namespace]
	}
	return v.Clients().All
}

// Governs reports whether the DestinationRule decides, in whole or in part, what the client sends to the destination. It decides nothing
// for a client that does not see the destination.
func (v *network) Governs(rule *istionetworkingv1.DestinationRule, client istio.Client, d *destinations.Destination) bool {
	return d.ExportedTo(client.Namespace) && v.finds(rule, client, d)
}

// finds reports whether Istio finds the DestinationRule for the client and the destination's host.
func (v *network) finds(rule *istionetworkingv1.DestinationRule, client istio.Client, d *destinations.Destination) bool {
	return slices.Contains(v.Rule(client, d.Host).Rules, rule)
}

// GovernedCaller returns the first of the sidecars, or of the gateways, whose calls of the destination the DestinationRule governs. A
// rule that is exported to all governs clients of other namespaces only if it governs one of a namespace without rules: most need not
// be asked. One of ours that is exported to all is for clients to come too, so that it has a sidecar that it governs though none is known.
func (v *network) GovernedCaller(
	rule *istionetworkingv1.DestinationRule, d *destinations.Destination, gateway bool,
) (caller *model.Workload, found bool) {
	callers := v.Callers(rule)
	exported := rule.Spec.ExportTo
	forAll := len(exported) == 0 || slices.Contains(exported, "*")
	switch {
	case forAll && !v.finds(rule, ClientWithoutRules, d):
		callers = v.Clients().In[rule.Namespace]
	case forAll && model.Ours(rule) && rule.Spec.GetWorkloadSelector() == nil:
		callers = append(slices.Clone(callers), &model.Workload{Dataplane: model.DataplaneSidecar})
	}
	for _, w := range callers {
		if w.Gateway == gateway && v.Governs(rule, istio.ClientOf(w), d) {
			return w, true
		}
	}
	return nil, false
}
