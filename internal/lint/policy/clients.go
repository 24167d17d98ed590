package policy

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// nowhere is a namespace without rules of its own: that of the clients that a rule for everybody is for.
const nowhere = ""

// clients are pods that a rule is for.
type clients struct {
	istio.Client
	// example is one of the pods; empty: there need not be any.
	example string
	count   int
}

// clientsOf returns the clients that a DestinationRule targets: the pods that its workloadSelector matches; else the namespace's pods, and
// if it is exported to all, a client of a namespace without DestinationRules and one of each namespace that has one for the host.
func (w world) clientsOf(rule *istionetworkingv1.DestinationRule) []clients {
	selector := rule.Spec.GetWorkloadSelector().GetMatchLabels()
	if len(selector) == 0 {
		return w.wideClientsOf(rule)
	}
	var selected []clients
	for _, workload := range w.selected(selector) {
		selected = append(selected, clients{Client: asSidecar(workload), count: workload.Count})
	}
	return selected
}

// wideClientsOf returns the clients of a rule without selector. The namespace's pods are looked at one by one where somebody else has a
// rule for single pods; what ours of that kind take is how the policies mean it.
func (w world) wideClientsOf(rule *istionetworkingv1.DestinationRule) []clients {
	all := []clients{{Client: asSidecar(&model.Workload{Namespace: rule.Namespace})}}
	if w.foreignSelecting {
		for _, workload := range w.selected(nil) {
			all = append(all, clients{Client: asSidecar(workload), count: workload.Count})
		}
	}
	if !w.sent.forEverybody(sentBy(rule)) {
		return all
	}
	all = append(all, clients{Client: asSidecar(&model.Workload{Namespace: nowhere})})
	return append(all, w.clientsElsewhere...)
}

// foreignSelecting reports whether somebody else has a DestinationRule for single pods of the namespace.
func foreignSelecting(s model.Snapshot) bool {
	return slices.ContainsFunc(s.Live().DestinationRules, func(rule *istionetworkingv1.DestinationRule) bool {
		return rule.Spec.GetWorkloadSelector() != nil && !model.Ours(rule)
	})
}

// clientsElsewhere returns the clients of other namespaces whose DestinationRules are known: one that no selector selects, and one for each
// selector.
func clientsElsewhere(s model.Snapshot) []clients {
	var all []clients
	for _, rule := range s.DestinationRules {
		if rule.Namespace == s.Namespace {
			continue
		}
		for _, labels := range []map[string]string{nil, rule.Spec.GetWorkloadSelector().GetMatchLabels()} {
			client := istio.Client{Namespace: rule.Namespace, Labels: labels, Dataplane: model.DataplaneSidecar}
			all = append(all, clients{Client: client})
		}
	}
	return all
}

func asSidecar(workload *model.Workload) istio.Client {
	return istio.Client{Namespace: workload.Namespace, Labels: workload.Labels, Dataplane: model.DataplaneSidecar}
}
