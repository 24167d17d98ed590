package controllers

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/apply"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// What the operator was doing, as an event's action.
const (
	actionReconcile = "Reconcile"
	actionCorrect   = "CorrectDrift"
	actionPrune     = "Prune"
)

// reasonExceptionEnds is the reason of the event that an exception from a floor comes to its end.
const reasonExceptionEnds = "FloorExceptionEnds"

// reasonNewWarnings is the reason of the event that findings warn of what they did not warn of before.
const reasonNewWarnings = "NewWarnings"

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

// recordExceptions tells of each exception from a floor that has come nearer to its end than the status said before. That it has ended,
// its policy is told by the reason BelowFloor.
func (r *Reconciler) recordExceptions(policy *meshtlsv1alpha1.MeshTLSPolicy, now meshtlsv1alpha1.MeshTLSPolicyStatus) {
	for _, f := range now.Findings {
		ofException := f.Check == model.CheckExceptedFromFloor || f.Check == model.CheckExceptionEnds
		if ofException && f.Severity == meshtlsv1alpha1.SeverityWarning && !slices.Contains(policy.Status.Findings, f) {
			r.record(policy, announcement{
				severity: corev1.EventTypeWarning, reason: reasonExceptionEnds, action: actionReconcile, note: f.Field + ": " + f.Message,
			})
		}
	}
}

// recordWarnings tells of the warnings that the status has not had: a policy can be Ready, and do what nobody meant. Those of exceptions
// are told of in their own words.
func (r *Reconciler) recordWarnings(policy *meshtlsv1alpha1.MeshTLSPolicy, now meshtlsv1alpha1.MeshTLSPolicyStatus) {
	var fresh []meshtlsv1alpha1.Finding
	for _, f := range now.Findings {
		ofException := f.Check == model.CheckExceptedFromFloor || f.Check == model.CheckExceptionEnds
		if f.Severity == meshtlsv1alpha1.SeverityWarning && !ofException && !slices.Contains(policy.Status.Findings, f) {
			fresh = append(fresh, f)
		}
	}
	if len(fresh) == 0 {
		return
	}
	note := strings.TrimSpace(fresh[0].Field+" "+fresh[0].Check) + ": " + fresh[0].Message
	if more := len(fresh) - 1; more > 0 {
		note = fmt.Sprintf("%s (and %d more in status.findings)", note, more)
	}
	r.record(policy, announcement{severity: corev1.EventTypeWarning, reason: reasonNewWarnings, action: actionReconcile, note: note})
}

// recordCorrected tells on each object that somebody else had changed for whom it is written: who changed it looks there.
func (r *Reconciler) recordCorrected(live model.Objects, changes model.ChangeSet) {
	corrected := sets.New[model.ObjectRef]()
	for _, change := range changes.Changes {
		if change.Verb == model.DriftCorrected {
			corrected.Insert(change.Object)
		}
	}
	for _, object := range live.All() {
		if !corrected.Has(apply.RefOf(object)) {
			continue
		}
		var policies []string
		for _, owner := range object.GetOwnerReferences() {
			if owner.Kind == model.KindPolicy {
				policies = append(policies, owner.Name)
			}
		}
		r.record(object, announcement{
			severity: corev1.EventTypeWarning, reason: string(model.DriftCorrected), action: actionCorrect,
			note: fmt.Sprintf("Somebody had changed it, and it was put back: the operator writes it for MeshTLSPolicy %s. Change that instead.",
				strings.Join(policies, ", ")),
		})
	}
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

// recordPruned tells of each object that was deleted: on the policies that it belonged to, or on the object itself where these are gone.
func (r *Reconciler) recordPruned(s model.Snapshot, live model.Objects, changes model.ChangeSet) {
	pruned := sets.New[model.ObjectRef]()
	for _, change := range changes.Changes {
		if change.Verb == model.Pruned {
			pruned.Insert(change.Object)
		}
	}
	for _, object := range live.All() {
		if ref := apply.RefOf(object); pruned.Has(ref) {
			for _, about := range toldOf(object, s.Policies) {
				r.record(about, announcement{
					severity: corev1.EventTypeNormal, reason: string(model.Pruned), action: actionPrune,
					note: fmt.Sprintf("%s was deleted: no policy asks for it any more.", ref),
				})
			}
		}
	}
}

// toldOf returns the policies of the list that own the object, or else the object.
func toldOf(object model.Object, policies []*meshtlsv1alpha1.MeshTLSPolicy) []runtime.Object {
	var told []runtime.Object
	for _, policy := range policies {
		if slices.ContainsFunc(object.GetOwnerReferences(), func(owner metav1.OwnerReference) bool { return owner.UID == policy.UID }) {
			told = append(told, policy)
		}
	}
	if len(told) == 0 {
		return []runtime.Object{object}
	}
	return told
}

func (r *Reconciler) record(about runtime.Object, e announcement) {
	note := e.note
	if len(note) > noteLimit {
		note = strings.ToValidUTF8(note[:noteLimit-len("…")], "") + "…"
	}
	if object, is := about.(client.Object); is {
		about = verbatim.Of(object) // as the scheme knows its kind
	}
	r.recorder.Eventf(about, nil, e.severity, e.reason, e.action, "%s", note)
}
