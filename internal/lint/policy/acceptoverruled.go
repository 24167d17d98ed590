package policy

import (
	"fmt"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "accept-overruled",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonShadowed, meshtlsv1alpha1.ReasonOverlapped},
		Finds: "a PeerAuthentication of ours that Istio does not use, for the namespace or for some pods, because an older one " +
			"selects them too, and the older one asks for something else. `Overlapped` if that one comes from another policy, " +
			"`Shadowed` if it is theirs.",
		Why: "Istio takes the oldest PeerAuthentication of a pod, and of a namespace, and merges none. The others count for " +
			"nothing, with all their ports.",
		Fix: "Delete theirs, or change it to say the same. Ours is written already and is in force at once. Between policies: " +
			"make the targets equal, so that they are folded, or disjoint.",
	}, acceptOverruled)
}

// acceptOverruled tells of PeerAuthentications of ours that Istio does not use: it takes the oldest that selects a pod, and of those
// for a whole namespace the oldest, and merges none.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func acceptOverruled(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		if len(v.peerAuthentications) == 0 {
			continue
		}
		found := overruled{}
		for _, workload := range w.selected(nil) {
			v.countIgnored(workload, found)
		}
		v.countIgnored(mesh.Anybody(w.Snapshot.Namespace), found)
		for _, o := range found.inOrder() {
			findings = append(findings, w.acceptOverruledFindings(v, o, found[o])...)
		}
	}
	return findings
}

// countIgnored counts the workload's pods for each object of ours that Istio ignores for them, if it asks for something else than
// what they accept. What Istio ignores for another reason than an older object is translate's to say.
func (v view) countIgnored(workload *model.Workload, found overruled) {
	acceptance := v.Accept(workload)
	for _, ignored := range acceptance.Ignored {
		ours, planned := v.peerAuthentications[ignored.Object]
		if planned && v.judges(ours) && ignored.Winner != (model.ObjectRef{}) && !asks(ours, acceptance) {
			found[overruling{loser: ignored.Object, winner: ignored.Winner}] += workload.Count
		}
	}
}

// asks reports whether what is accepted is all that the object asks for.
func asks(pa *istiosecurityv1.PeerAuthentication, accepted istio.Acceptance) bool {
	for port, mtls := range pa.Spec.GetPortLevelMtls() {
		if istio.ModeOf(mtls) != accepted.Port(int32(port)).Mode { //nolint:gosec // admission keeps ports below 65536
			return false
		}
	}
	asked := istio.ModeOf(pa.Spec.GetMtls())
	if asked == "" {
		return true
	}
	for _, port := range accepted.Ports {
		if _, own := pa.Spec.GetPortLevelMtls()[uint32(port.Port)]; !own && port.Mode != asked { //nolint:gosec // a port
			return false
		}
	}
	return accepted.Workload.Mode == asked
}

func (w world) acceptOverruledFindings(v view, o overruling, count int) []model.Finding {
	loser := v.peerAuthentications[o.loser]
	words, _ := v.overruledBy(o.winner)
	message := fmt.Sprintf("%s is older and alone decides what the namespace accepts; without it, it would be %s.", words, modeWords(loser))
	if selector := loser.Spec.GetSelector().GetMatchLabels(); len(selector) > 0 {
		message = fmt.Sprintf("For %d of the %d pods %s comes first (Istio takes the oldest) and alone decides what they accept; "+
			"without it they would accept %s.", count, pods.Count(w.selected(selector)), words, modeWords(loser))
	}
	var findings []model.Finding
	for _, owner := range ownersOf(loser) {
		findings = append(findings, v.overruledFinding(owner, o, "spec.accept", message))
	}
	return findings
}

func modeWords(pa *istiosecurityv1.PeerAuthentication) string {
	words := string(istio.ModeOf(pa.Spec.GetMtls()))
	if words == "" {
		words = "what the namespace does"
	}
	if len(pa.Spec.GetPortLevelMtls()) > 0 {
		words += ", and what the policy says of single ports"
	}
	return words
}
