package check

import (
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

// acceptAmbientDiffers tells of ambient pods for which ztunnel makes something else of a PeerAuthentication of ours than it says: it
// is given a list of refusals, and some combinations of levels leave holes in it.
// Source: istio pilot/pkg/serviceregistry/ambient/policies.go, convertPeerAuthentication.
func acceptAmbientDiffers(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.controlPlanes {
		for _, ref := range slices.SortedFunc(maps.Keys(v.planned.peerAuthentications), compareRefs) {
			pa := v.planned.peerAuthentications[ref]
			if !v.judges(pa) || pa.Spec.GetSelector() == nil {
				continue
			}
			for _, workload := range w.pods.Selected(pa.Spec.GetSelector().GetMatchLabels()) {
				if words := v.ambientDifference(workload, pa); words != "" {
					findings = append(findings, w.ambientFindings(pa, workload, words)...)
					break
				}
			}
		}
	}
	return findings
}

// ambientDifference says in which mode ztunnel differs from the object; empty: in none, or the object does not decide for the pods.
func (v controlPlane) ambientDifference(workload model.Workload, pa *istiosecurityv1.PeerAuthentication) string {
	if workload.Dataplane != model.DataplaneAmbient {
		return ""
	}
	accepted := v.Accept(workload)
	if slices.ContainsFunc(accepted.Ignored, func(i istio.IgnoredPeer) bool { return i.Object == refOf(pa) }) {
		return ""
	}
	if asked := istio.ModeOf(pa.Spec.GetMtls()); ambientDiffers(asked, accepted.Workload.Mode) {
		return fmt.Sprintf("%s is asked for and %s is what they accept", asked, accepted.Workload.Mode)
	}
	for _, port := range slices.Sorted(maps.Keys(pa.Spec.GetPortLevelMtls())) {
		asked := istio.ModeOf(pa.Spec.GetPortLevelMtls()[port])
		got := accepted.Port(int32(port)).Mode //nolint:gosec // admission keeps ports below 65536
		if ambientDiffers(asked, got) {
			return fmt.Sprintf("%s is asked for at port %d and %s is what it accepts", asked, port, got)
		}
	}
	return ""
}

// ambientDiffers compares modes as ztunnel can tell them apart: it accepts plaintext or it does not. Disable is another check's.
func ambientDiffers(asked, got meshtlsv1alpha1.AcceptMode) bool {
	switch asked {
	case meshtlsv1alpha1.AcceptStrict:
		return got != meshtlsv1alpha1.AcceptStrict
	case meshtlsv1alpha1.AcceptPermissive:
		return got == meshtlsv1alpha1.AcceptStrict
	default:
		return false
	}
}

func (w world) ambientFindings(pa *istiosecurityv1.PeerAuthentication, workload model.Workload, words string) []model.Finding {
	f := model.Finding{
		Severity: meshtlsv1alpha1.SeverityError, Field: "spec.accept",
		Message: fmt.Sprintf("For pods in ambient mode (%s and others alike) %s: "+
			"Istio translates this combination of levels for ztunnel that way.", workload.Example, words),
		Remedy:    "Set the namespace's mode too, or say the same mode for the workload and its ports.",
		Condition: meshtlsv1alpha1.ConditionEffective, Reason: meshtlsv1alpha1.ReasonInert,
	}
	findings := make([]model.Finding, 0, len(pa.OwnerReferences))
	for _, owner := range ownersOf(pa) {
		f.Subject = model.PolicyRef(owner)
		findings = append(findings, f)
	}
	return findings
}

func compareRefs(a, b model.ObjectRef) int {
	return strings.Compare(a.String(), b.String())
}
