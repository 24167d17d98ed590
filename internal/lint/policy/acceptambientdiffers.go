package policy

import (
	"fmt"
	"maps"
	"slices"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "accept-ambient-differs",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonInert},
		Finds:    "pods in ambient mode for which Istio tells ztunnel something else than the policy's PeerAuthentication says.",
		Why: "ztunnel does not read PeerAuthentications. Istio turns them into a list of refusals, and some combinations of " +
			"levels leave a hole in it.",
		Fix: "Say the namespace's mode too, or the same mode for the workload and its ports.",
	}, acceptAmbientDiffers)
}

// acceptAmbientDiffers tells of ambient pods for which ztunnel makes something else of a PeerAuthentication of ours than it says: it
// is given a list of refusals, and some combinations of levels leave holes in it.
// Source: istio pilot/pkg/serviceregistry/ambient/authorization.go, convertPeerAuthentication.
func acceptAmbientDiffers(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		for _, ref := range slices.SortedFunc(maps.Keys(v.peerAuthentications), model.ObjectRef.Compare) {
			pa := v.peerAuthentications[ref]
			if !v.judges(pa) || pa.Spec.GetSelector() == nil {
				continue
			}
			for _, workload := range w.selected(pa.Spec.GetSelector().GetMatchLabels()) {
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
func (v view) ambientDifference(workload *model.Workload, pa *istiosecurityv1.PeerAuthentication) string {
	if workload.Dataplane != model.DataplaneAmbient {
		return ""
	}
	accepted := v.Accept(workload)
	self := model.RefOf(model.KindPeerAuthentication, pa)
	if slices.ContainsFunc(accepted.Ignored, func(i istio.IgnoredPeer) bool { return i.Object == self }) {
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

func (w world) ambientFindings(pa *istiosecurityv1.PeerAuthentication, workload *model.Workload, words string) []model.Finding {
	f := model.Finding{
		Severity: lint.Error, Field: "spec.accept",
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
