package controllers

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// What the operator was doing, as an event's action.
const (
	actionReconcile = "Reconcile"
	actionCorrect   = "CorrectDrift"
)

// noteLimit is the longest note that the events API takes.
const noteLimit = 1024

// announcement is what there is to tell about a policy.
type announcement struct {
	severity, reason, action, note string
}

// recordTransition tells of a Ready that has another status or reason than before. A change that the user made and that went
// well is no transition: the status has it.
func (r *Reconciler) recordTransition(policy *meshtlsv1alpha1.MeshTLSPolicy, now meshtlsv1alpha1.MeshTLSPolicyStatus) {
	before := apimeta.FindStatusCondition(policy.Status.Conditions, meshtlsv1alpha1.ConditionReady)
	ready := apimeta.FindStatusCondition(now.Conditions, meshtlsv1alpha1.ConditionReady)
	if ready == nil || (before != nil && before.Status == ready.Status && before.Reason == ready.Reason) {
		return
	}
	r.record(policy, announcement{severity: severityOf(*ready), reason: ready.Reason, action: actionReconcile, note: ready.Message})
}

func severityOf(ready metav1.Condition) string {
	if ready.Status == metav1.ConditionTrue {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}

// recordDrift tells which objects of the policy somebody else had changed.
func (r *Reconciler) recordDrift(policy *meshtlsv1alpha1.MeshTLSPolicy, outcome model.Outcome, changes model.ChangeSet) {
	var drifted []string
	for _, change := range changes.Changes {
		ref := meshtlsv1alpha1.ObjectReference{Kind: change.Object.Kind, Name: change.Object.Name}
		if change.Verb == model.DriftCorrected && slices.Contains(outcome.Objects, ref) {
			drifted = append(drifted, ref.Kind+" "+ref.Name)
		}
	}
	if len(drifted) > 0 {
		r.record(policy, announcement{
			severity: corev1.EventTypeWarning,
			reason:   string(model.DriftCorrected),
			action:   actionCorrect,
			note:     "Somebody had changed " + strings.Join(drifted, ", ") + "; it was put back as the policy asks.",
		})
	}
}

func (r *Reconciler) record(policy *meshtlsv1alpha1.MeshTLSPolicy, e announcement) {
	note := e.note
	if len(note) > noteLimit {
		note = strings.ToValidUTF8(note[:noteLimit-len("…")], "") + "…"
	}
	r.recorder.Eventf(policy, nil, e.severity, e.reason, e.action, "%s", note)
}
