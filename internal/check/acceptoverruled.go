package check

import (
	"fmt"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// acceptOverruled tells of PeerAuthentications of ours that Istio does not use: it takes the oldest that selects a pod, and of those
// for a whole namespace the oldest, and merges none.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func acceptOverruled(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.controlPlanes {
		if len(v.planned.peerAuthentications) == 0 {
			continue
		}
		found := overruled{}
		for _, workload := range w.pods.Selected(nil) {
			v.countIgnored(workload, found)
		}
		v.countIgnored(anybody(w.snapshot), found)
		for _, o := range found.inOrder() {
			findings = append(findings, w.acceptOverruledFindings(v, o, found[o])...)
		}
	}
	return findings
}

// anybody is a pod that no selector selects, to ask what the namespace as a whole accepts.
func anybody(s model.Snapshot) model.Workload {
	return model.Workload{Namespace: s.Namespace, Dataplane: model.DataplaneSidecar}
}

// countIgnored counts the workload's pods for each object of ours that Istio ignores for them, if it asks for something else than
// what they accept. What Istio ignores for another reason than an older object is translate's to say.
func (v controlPlane) countIgnored(workload model.Workload, found overruled) {
	acceptance := v.Accept(workload)
	for _, ignored := range acceptance.Ignored {
		ours, planned := v.planned.peerAuthentications[ignored.Object]
		if planned && v.judges(ours) && ignored.Winner != (model.ObjectRef{}) && !asks(ours, acceptance) {
			found[overruling{loser: ignored.Object, winner: ignored.Winner}] += workload.Count
		}
	}
}

// asks says whether what is accepted is all that the object asks for.
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

func (w world) acceptOverruledFindings(v controlPlane, o overruling, count int) []model.Finding {
	loser := v.planned.peerAuthentications[o.loser]
	words, _ := v.overruledBy(o.winner)
	message := fmt.Sprintf("%s is older and alone decides what the namespace accepts; without it, it would be %s.", words, modeWords(loser))
	if selector := loser.Spec.GetSelector().GetMatchLabels(); len(selector) > 0 {
		message = fmt.Sprintf("For %d of the %d pods %s comes first (Istio takes the oldest) and alone decides what they accept; "+
			"without it they would accept %s.", count, pods.Count(w.pods.Selected(selector)), words, modeWords(loser))
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
