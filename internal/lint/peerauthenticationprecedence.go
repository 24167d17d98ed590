package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// peerAuthenticationRepeatsScope tells of a further one for the whole of a namespace, or of the mesh, where Istio uses the oldest.
// Source: istio pilot/pkg/model/authentication.go, addPeerAuthentication.
func peerAuthenticationRepeatsScope(v *view) []model.Finding {
	var findings []model.Finding
	byRef := v.peersByRef()
	asked := map[string]bool{}
	for _, pa := range v.PeerAuthentications {
		if asked[pa.Namespace] {
			continue
		}
		asked[pa.Namespace] = true
		for _, ignored := range v.istio.Accept(anyPodOf(pa.Namespace)).Ignored {
			if ignored.Object.Namespace == pa.Namespace && ignored.Winner != (model.ObjectRef{}) {
				findings = append(findings, v.repeatsScope(byRef[ignored.Object], byRef[ignored.Winner]))
			}
		}
	}
	return findings
}

func (v *view) repeatsScope(loser, winner *istiosecurityv1.PeerAuthentication) model.Finding {
	scope := "namespace " + loser.Namespace
	if loser.Namespace == v.Mesh.RootNamespace {
		scope = "the mesh"
	}
	f := about(meshtlsv1alpha1.SeverityError, model.KindPeerAuthentication, loser, "spec")
	f.Message = fmt.Sprintf("Istio ignores it: of the PeerAuthentications for the whole of %s it uses the oldest, %s, which says %s.",
		scope, ref(model.KindPeerAuthentication, winner), modeWords(winner))
	if sameModes(loser, winner) {
		f.Severity = meshtlsv1alpha1.SeverityInfo
		f.Message = fmt.Sprintf("Istio ignores it: of the PeerAuthentications for the whole of %s it uses the oldest, %s, which says the same.",
			scope, ref(model.KindPeerAuthentication, winner))
	}
	f.Remedy = "Delete the one or the other."
	return f
}

// anyPodOf is a pod that no selector selects, to ask what a namespace as a whole accepts.
func anyPodOf(namespace string) model.Workload {
	return model.Workload{Namespace: namespace, Dataplane: model.DataplaneSidecar}
}

// peerAuthenticationOverlapsOlder tells of one for pods that an older one selects too: Istio uses that one whole, and merges none.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func peerAuthenticationOverlapsOlder(v *view) []model.Finding {
	var findings []model.Finding
	byRef := v.peersByRef()
	inNamespace := map[string]int{}
	for _, pa := range v.selectingPeers() {
		inNamespace[pa.Namespace]++
	}
	for _, pa := range v.selectingPeers() {
		if inNamespace[pa.Namespace] == 1 {
			continue
		}
		taken := v.takenBy(pa)
		for _, winner := range slices.SortedFunc(maps.Keys(taken), byRefName) {
			findings = append(findings, v.overlapsOlder(pa, byRef[winner], taken[winner]))
		}
	}
	return findings
}

// takenBy are the pods that the object selects and others decide for, by the others.
func (v *view) takenBy(pa *istiosecurityv1.PeerAuthentication) map[model.ObjectRef][]model.Workload {
	taken := map[model.ObjectRef][]model.Workload{}
	self := ref(model.KindPeerAuthentication, pa)
	for _, w := range v.selected(pa.Namespace, peerSelector(pa)) {
		for _, ignored := range v.istio.Accept(w).Ignored {
			if ignored.Object == self {
				taken[ignored.Winner] = append(taken[ignored.Winner], w)
			}
		}
	}
	return taken
}

func (v *view) overlapsOlder(loser, winner *istiosecurityv1.PeerAuthentication, taken []model.Workload) model.Finding {
	f := about(meshtlsv1alpha1.SeverityError, model.KindPeerAuthentication, loser, "spec.selector")
	selected := pods.Count(v.selected(loser.Namespace, peerSelector(loser)))
	which := fmt.Sprintf("For %d of the %d pods that it selects (%s is one) Istio uses only %s", pods.Count(taken), selected, onePod(taken),
		ref(model.KindPeerAuthentication, winner))
	f.Message = fmt.Sprintf("%s, which is older, with its ports; and that one says %s.", which, modeWords(winner))
	f.Remedy = "Merge the two into one, or make the selectors disjoint."
	if sameModes(loser, winner) {
		f.Severity = meshtlsv1alpha1.SeverityInfo
		f.Message = which + ", which is older and says the same."
	}
	return f
}

// sameModes says whether two objects say the same for the workload and for each port.
func sameModes(a, b *istiosecurityv1.PeerAuthentication) bool {
	if istio.ModeOf(a.Spec.GetMtls()) != istio.ModeOf(b.Spec.GetMtls()) {
		return false
	}
	for _, pa := range []*istiosecurityv1.PeerAuthentication{a, b} {
		for port := range pa.Spec.GetPortLevelMtls() {
			if peerModeAt(a, port) != peerModeAt(b, port) {
				return false
			}
		}
	}
	return true
}

// modeWords is what the object says, in Istio's words.
func modeWords(pa *istiosecurityv1.PeerAuthentication) string {
	words := "no mode"
	if istio.ModeOf(pa.Spec.GetMtls()) != "" {
		words = pa.Spec.GetMtls().GetMode().String()
	}
	for _, port := range slices.Sorted(maps.Keys(pa.Spec.GetPortLevelMtls())) {
		words += fmt.Sprintf(", %s at port %d", pa.Spec.GetPortLevelMtls()[port].GetMode(), port)
	}
	return words
}

func byRefName(a, b model.ObjectRef) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
