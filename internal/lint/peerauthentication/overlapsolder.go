package peerauthentication

import (
	"fmt"
	"maps"
	"slices"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-overlaps-older",
			Severity: []lint.Severity{lint.Error, lint.Warning, lint.Info},
			Classes:  []string{"M08"},
			Finds: "pods that two PeerAuthentications of their namespace select. It is about the younger one; an info if the pods accept " +
				"the same by either. Where no pod of the namespace is known, a warning if pods with the labels of the one are the other's too.",
			Why: "Istio takes the oldest for a pod, whole, and merges none. Modes and ports of the others count for nothing. " +
				"Objects of one age it orders by name.",
			Fix: "Merge the two, or make the selectors disjoint.",
		},
		Find: overlapsOlder,
	})
}

// overlapsOlder tells of one for pods that an older one selects too: Istio uses that one whole, and merges none.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func overlapsOlder(v *mesh.View) []model.Finding {
	var findings []model.Finding
	byRef := peersByRef(v)
	inNamespace := map[string]int{}
	for _, pa := range selectingPeers(v) {
		inNamespace[pa.Namespace]++
	}
	for _, pa := range selectingPeers(v) {
		if inNamespace[pa.Namespace] == 1 {
			continue
		}
		taken := takenBy(v, pa)
		for _, winner := range slices.SortedFunc(maps.Keys(taken), model.ObjectRef.Compare) {
			findings = append(findings, overlap(v, pa, byRef[winner], taken[winner]))
		}
		if winner, overlaps := olderForLabels(v, pa); overlaps {
			findings = append(findings, overlapByLabels(v, pa, byRef[winner]))
		}
	}
	return findings
}

// takenBy returns the pods that the object selects and others decide for, by the others.
func takenBy(v *mesh.View, pa *istiosecurityv1.PeerAuthentication) map[model.ObjectRef][]*model.Workload {
	taken := map[model.ObjectRef][]*model.Workload{}
	self := model.RefOf(model.KindPeerAuthentication, pa)
	for _, w := range v.Selected(pa.Namespace, peerSelector(pa)) {
		for _, ignored := range v.Accept(w).Ignored {
			if ignored.Object == self {
				taken[ignored.Winner] = append(taken[ignored.Winner], w)
			}
		}
	}
	return taken
}

func overlap(v *mesh.View, loser, winner *istiosecurityv1.PeerAuthentication, taken []*model.Workload) model.Finding {
	f := lint.Finding(lint.Error, model.KindPeerAuthentication, loser, "spec.selector")
	selected := pods.Count(v.Selected(loser.Namespace, peerSelector(loser)))
	which := fmt.Sprintf("For %d of the %d pods that it selects (%s is one) Istio uses only %s",
		pods.Count(taken), selected, lint.OnePod(taken), model.RefOf(model.KindPeerAuthentication, winner))
	f.Message = fmt.Sprintf("%s, which is older, with its ports; and that one says %s.", which, modeWords(winner))
	f.Remedy = "Merge the two into one, or make the selectors disjoint."
	if sameModes(loser, winner, v.Accept(mesh.Anybody(loser.Namespace)).Workload.Mode) {
		f.Severity = lint.Info
		f.Message = which + ", which is older and has them accept the same."
	}
	return f
}

// olderForLabels returns the object that decides for pods with the labels that the object selects, where no pod of the namespace is known:
// those that are known are judged themselves.
func olderForLabels(v *mesh.View, pa *istiosecurityv1.PeerAuthentication) (winner model.ObjectRef, overlaps bool) {
	if v.Partial() || len(v.Selected(pa.Namespace, nil)) > 0 {
		return model.ObjectRef{}, false
	}
	server := mesh.Anybody(pa.Namespace)
	server.Labels = peerSelector(pa)
	for _, ignored := range v.Accept(server).Ignored {
		if ignored.Object == model.RefOf(model.KindPeerAuthentication, pa) && ignored.Winner != (model.ObjectRef{}) {
			return ignored.Winner, true
		}
	}
	return model.ObjectRef{}, false
}

func overlapByLabels(v *mesh.View, loser, winner *istiosecurityv1.PeerAuthentication) model.Finding {
	f := lint.Finding(lint.Warning, model.KindPeerAuthentication, loser, "spec.selector")
	which := "Where a pod has the labels of this selector, Istio uses only " + model.RefOf(model.KindPeerAuthentication, winner).String()
	f.Message = fmt.Sprintf("%s, which is older, with its ports; and that one says %s.", which, modeWords(winner))
	f.Remedy = "Merge the two into one, or make the selectors disjoint."
	if sameModes(loser, winner, v.Accept(mesh.Anybody(loser.Namespace)).Workload.Mode) {
		f.Severity = lint.Info
		f.Message = which + ", which is older and has it accept the same."
	}
	return f
}
