package check

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// nowhere is a namespace without rules of its own: that of the clients that a rule for everybody is for.
const nowhere = ""

// clients are pods that a rule is for.
type clients struct {
	istio.Client
	count int
}

// sendOverruled tells of DestinationRules of ours that Istio does not use for clients that they are for.
// Source: istio pilot/pkg/model/push_context.go, destinationRule; pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule.
func sendOverruled(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.controlPlanes {
		found := overruled{}
		for ref, rule := range v.planned.destinationRules {
			if !v.judges(rule) {
				continue
			}
			for _, host := range w.destinations(rule) {
				w.countOverruled(v, ref, host, found)
			}
		}
		for _, o := range found.inOrder() {
			findings = append(findings, w.sendOverruledFindings(v, o, found[o])...)
		}
	}
	return findings
}

// destinations are what the rule's host means: itself, or with a wildcard what it covers, and if nothing is known of that, itself.
func (w world) destinations(rule *istionetworkingv1.DestinationRule) []model.Host {
	if !hosts.IsWildcard(rule.Spec.Host) {
		if h, known := w.hosts[rule.Spec.Host]; known {
			return []model.Host{h}
		}
		namespace, _, _ := hosts.Service(rule.Spec.Host)
		return []model.Host{{Name: rule.Spec.Host, Namespace: namespace}}
	}
	return w.declared(rule.Spec.Host)
}

// countOverruled counts the clients of a rule for whom another one governs. That a rule of ours names the host more exactly, or
// single workloads, is how the policies mean it.
func (w world) countOverruled(v controlPlane, ref model.ObjectRef, host model.Host, found overruled) {
	rule := v.planned.destinationRules[ref]
	for _, c := range w.clientsOf(rule) {
		governing := v.Rule(c.Client, host).Policy
		if governing == nil {
			if rule.Spec.TrafficPolicy != nil {
				found[overruling{loser: ref, host: host.Name}] += c.count
			}
			continue
		}
		winner := refOf(governing)
		ours, planned := v.planned.destinationRules[winner]
		meant := winner == ref || (planned && w.narrower(ours, rule))
		if !meant && !sameTLS(governing, rule) {
			found[overruling{loser: ref, winner: winner, host: host.Name}] += c.count
		}
	}
}

// narrower says whether a rule of ours is meant to go before another: it names the host more exactly, or single workloads where the
// other names none. A companion carries what the namespace as a whole sends, and nothing of what single workloads do.
func (w world) narrower(rule, than *istionetworkingv1.DestinationRule) bool {
	exacter := hosts.Covers(than.Spec.Host, rule.Spec.Host) && (than.Spec.WorkloadSelector == nil || !w.isCompanion(rule))
	return exacter || (rule.Spec.WorkloadSelector != nil && than.Spec.WorkloadSelector == nil)
}

// isCompanion says whether the rule is there for no policy's sake.
func (w world) isCompanion(rule *istionetworkingv1.DestinationRule) bool {
	return rule.Spec.WorkloadSelector == nil && slices.ContainsFunc(w.rules, func(r model.SendRule) bool {
		return r.Companion && r.Host == rule.Spec.Host && r.Revision == rule.Labels[meshtlsv1alpha1.LabelRevision]
	})
}

// clientsOf are those that the rule is for: the pods that it selects; without a selector those of the namespace, and if it is for
// everybody those of a namespace that has no rules, and of those that have some for the host.
func (w world) clientsOf(rule *istionetworkingv1.DestinationRule) []clients {
	selector := rule.Spec.GetWorkloadSelector().GetMatchLabels()
	if len(selector) == 0 {
		return w.wideClientsOf(rule)
	}
	var selected []clients
	for _, workload := range w.gatewayPods.Selected(selector) {
		if workload.Namespace == rule.Namespace {
			selected = append(selected, clients{Client: w.client(workload), count: workload.Count})
		}
	}
	return selected
}

// wideClientsOf are the clients of a rule without selector. The namespace's pods are looked at one by one where somebody else has a
// rule for single pods; what ours of that kind take is how the policies mean it.
func (w world) wideClientsOf(rule *istionetworkingv1.DestinationRule) []clients {
	all := []clients{{Client: w.client(model.Workload{Namespace: rule.Namespace})}}
	if w.foreignSelecting {
		for _, workload := range w.pods.Selected(nil) {
			all = append(all, clients{Client: w.client(workload), count: workload.Count})
		}
	}
	if !w.forEverybody(rule) {
		return all
	}
	all = append(all, clients{Client: w.client(model.Workload{Namespace: nowhere})})
	return append(all, w.clientsElsewhere...)
}

// foreignSelecting says whether somebody else has a DestinationRule for single pods of the namespace.
func foreignSelecting(s model.Snapshot) bool {
	return slices.ContainsFunc(s.Live().DestinationRules, func(rule *istionetworkingv1.DestinationRule) bool {
		return rule.Spec.GetWorkloadSelector() != nil && !model.Ours(rule)
	})
}

// clientsElsewhere are those of other namespaces of which DestinationRules are known: one that no selector selects, and one for each
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

// forEverybody says whether policies want the rule for all clients of the mesh.
func (w world) forEverybody(rule *istionetworkingv1.DestinationRule) bool {
	return slices.ContainsFunc(w.rules, func(r model.SendRule) bool {
		return r.Audience == model.AudienceAll && r.Host == rule.Spec.Host && r.Revision == rule.Labels[meshtlsv1alpha1.LabelRevision]
	})
}

func (w world) client(workload model.Workload) istio.Client {
	return istio.Client{Namespace: workload.Namespace, Labels: workload.Labels, Dataplane: model.DataplaneSidecar}
}

// sameTLS says whether two rules have the same TLS at the destination level and at no port: then it does not matter which governs.
func sameTLS(a, b *istionetworkingv1.DestinationRule) bool {
	ap, bp := a.Spec.GetTrafficPolicy(), b.Spec.GetTrafficPolicy()
	return len(ap.GetPortLevelSettings()) == 0 && len(bp.GetPortLevelSettings()) == 0 &&
		ap.GetTls() != nil && bp.GetTls() != nil && ap.GetTls().String() == bp.GetTls().String()
}

func (w world) sendOverruledFindings(v controlPlane, o overruling, count int) []model.Finding {
	loser := v.planned.destinationRules[o.loser]
	words, _ := v.overruledBy(o.winner)
	if o.winner == (model.ObjectRef{}) {
		words = "no rule"
	}
	message := fmt.Sprintf("%s governs what these clients send to %s; without it %s would.",
		words, o.host, o.loser)
	if count > 0 {
		of := pods.Count(w.gatewayPods.Selected(loser.Spec.GetWorkloadSelector().GetMatchLabels()))
		message = fmt.Sprintf("For %d of the %d pods %s governs what they send to %s; without it %s would.", count, of, words, o.host, o.loser)
	}
	var findings []model.Finding
	for _, owner := range ownersOf(loser) {
		findings = append(findings, v.overruledFinding(owner, o, "spec.send", message))
	}
	return findings
}
