package check

import (
	"fmt"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/effective"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/pods"
)

// acceptOverruled tells of PeerAuthentications of ours that Istio does not use: it takes the oldest that selects a pod, and of those
// for a whole namespace the oldest, and merges none.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func acceptOverruled(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.istios {
		if len(v.planned.peerAuthentications) == 0 {
			continue
		}
		found := overruled{}
		for _, workload := range w.snapshot.Workloads {
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
func (v istio) countIgnored(workload model.Workload, found overruled) {
	acceptance := v.Accept(workload)
	for _, ignored := range acceptance.Ignored {
		ours, planned := v.planned.peerAuthentications[ignored.Object]
		if planned && v.judges(ours) && ignored.Winner != (effective.Ref{}) && !asks(ours, acceptance) {
			found[overruling{loser: ignored.Object, winner: ignored.Winner}] += workload.Count
		}
	}
}

// asks says whether what is accepted is all that the object asks for.
func asks(pa *istiosecurityv1.PeerAuthentication, accepted effective.Acceptance) bool {
	for port, mtls := range pa.Spec.GetPortLevelMtls() {
		if effective.ModeOf(mtls) != accepted.Port(int32(port)).Mode { //nolint:gosec // admission keeps ports below 65536
			return false
		}
	}
	asked := effective.ModeOf(pa.Spec.GetMtls())
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

func (w world) acceptOverruledFindings(v istio, o overruling, count int) []model.Finding {
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
	words := string(effective.ModeOf(pa.Spec.GetMtls()))
	if words == "" {
		words = "what the namespace does"
	}
	if len(pa.Spec.GetPortLevelMtls()) > 0 {
		words += ", and what the policy says of single ports"
	}
	return words
}

// acceptDisableOnAmbient tells of ports of ambient pods that are to accept plaintext only: ztunnel knows no such mode, and under a
// STRICT parent it does not even take it for an exception.
// Source: istio pilot/pkg/serviceregistry/ambient/policies.go, convertPeerAuthentication.
func acceptDisableOnAmbient(w world) []model.Finding {
	var findings []model.Finding
	for _, s := range w.subjects {
		if s.policy.Spec.Accept == nil || s.policy.Spec.Workload == nil || len(s.outcome.Selector) == 0 {
			continue
		}
		for i, port := range s.policy.Spec.Accept.Ports {
			if port.Mode == meshtlsv1alpha1.AcceptDisable {
				findings = append(findings, w.disabledOnAmbient(s, fmt.Sprintf("spec.accept.ports[%d]", i))...)
			}
		}
		if s.policy.Spec.Accept.Mode == meshtlsv1alpha1.AcceptDisable {
			findings = append(findings, w.disabledOnAmbient(s, "spec.accept.mode")...)
		}
	}
	return findings
}

// disabledOnAmbient is the finding about an entry that says Disable, if some of the target's pods are ambient. If all are, the entry
// does not even stand: translate says so.
func (w world) disabledOnAmbient(s subject, field string) []model.Finding {
	selected, ambient := w.targetPods(s), 0
	for _, workload := range selected {
		if workload.Dataplane == model.DataplaneAmbient {
			ambient += workload.Count
		}
	}
	if ambient == 0 || ambient == pods.Count(selected) {
		return nil
	}
	f := s.about(meshtlsv1alpha1.SeverityError, field)
	f.Message = fmt.Sprintf("%d of the %d pods are in ambient mode, where ztunnel does not know Disable.", ambient, pods.Count(selected))
	f.Remedy = "Use Permissive: ztunnel then accepts plaintext as well as mutual TLS."
	f.Condition, f.Reason = meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonInert
	return []model.Finding{f}
}
