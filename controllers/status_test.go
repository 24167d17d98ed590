package controllers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/apply"
	"github.com/meshtls/meshtls/internal/model"
)

func TestWithTransitions(t *testing.T) {
	past := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	live := []metav1.Condition{
		{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Ready", Message: "old", ObservedGeneration: 1, LastTransitionTime: past},
		{Type: "Stalled", Status: metav1.ConditionTrue, Reason: "Conflicted", LastTransitionTime: past},
	}
	tests := map[string]struct {
		want     []metav1.Condition
		wantPast bool
	}{
		"the status stays": {
			want:     []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Ready", Message: "new", ObservedGeneration: 2}},
			wantPast: true,
		},
		"the status changes": {
			want: []metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse, Reason: "Conflicted", ObservedGeneration: 2}},
		},
		"a condition that was not there": {
			want: []metav1.Condition{{Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := withTransitions(live, tc.want)
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(metav1.Condition{}, "LastTransitionTime")); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
			if isPast := got[0].LastTransitionTime.Equal(&past); isPast != tc.wantPast || got[0].LastTransitionTime.IsZero() {
				t.Errorf("transition time: got %v, want the old one: %v", got[0].LastTransitionTime, tc.wantPast)
			}
			if live[0].Message != "old" || live[0].ObservedGeneration != 1 {
				t.Error("the live conditions, which the cache owns, were changed")
			}
		})
	}
}

func TestRecordTransition(t *testing.T) {
	readiness := func(status metav1.ConditionStatus, reason string) meshtlsv1alpha1.MeshTLSPolicyStatus {
		return meshtlsv1alpha1.MeshTLSPolicyStatus{Conditions: []metav1.Condition{
			{Type: meshtlsv1alpha1.ConditionReady, Status: status, Reason: reason, Message: "Said."},
		}}
	}
	none := meshtlsv1alpha1.MeshTLSPolicyStatus{}
	tests := map[string]struct {
		before, now meshtlsv1alpha1.MeshTLSPolicyStatus
		want        []string
	}{
		"the first status":   {none, readiness("True", "Ready"), []string{"Normal Ready Said."}},
		"nothing changes":    {readiness("True", "Ready"), readiness("True", "Ready"), nil},
		"it is not any more": {readiness("True", "Ready"), readiness("False", "Conflicted"), []string{"Warning Conflicted Said."}},
		"for another reason": {readiness("False", "Conflicted"), readiness("False", "NotOwned"), []string{"Warning NotOwned Said."}},
		"it is again":        {readiness("False", "Conflicted"), readiness("True", "Ready"), []string{"Normal Ready Said."}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(1)
			r := &Reconciler{recorder: recorder}
			r.recordTransition(&meshtlsv1alpha1.MeshTLSPolicy{Status: tc.before}, tc.now)
			if diff := cmp.Diff(tc.want, recorded(recorder)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordDrift(t *testing.T) {
	change := func(verb model.Verb, name string) model.Change {
		return model.Change{Verb: verb, Object: model.ObjectRef{Kind: model.KindPeerAuthentication, Namespace: "shop", Name: name}}
	}
	mine := model.Outcome{Objects: []meshtlsv1alpha1.ObjectReference{{Kind: model.KindPeerAuthentication, Name: "mine"}}}
	tests := map[string]struct {
		change model.Change
		want   []string
	}{
		"of the policy's object": {
			change(model.DriftCorrected, "mine"),
			[]string{"Warning DriftCorrected Somebody had changed PeerAuthentication mine; it was put back as the policy asks."},
		},
		"of another policy's object":        {change(model.DriftCorrected, "other"), nil},
		"an update that the user asked for": {change(model.Updated, "mine"), nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(1)
			r := &Reconciler{recorder: recorder}
			r.recordDrift(&meshtlsv1alpha1.MeshTLSPolicy{}, mine, model.ChangeSet{Changes: []model.Change{tc.change}})
			if diff := cmp.Diff(tc.want, recorded(recorder)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordCorrected(t *testing.T) {
	owned := func(name string) *istiosecurityv1.PeerAuthentication {
		return &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name,
			OwnerReferences: []metav1.OwnerReference{{Kind: "MeshTLSPolicy", Name: "a"}, {Kind: "MeshTLSPolicy", Name: "b"}},
		}}
	}
	live := model.Objects{PeerAuthentications: []*istiosecurityv1.PeerAuthentication{owned("changed"), owned("updated")}}
	changes := model.ChangeSet{}
	for name, verb := range map[string]model.Verb{"changed": model.DriftCorrected, "updated": model.Updated} {
		object := model.ObjectRef{Kind: model.KindPeerAuthentication, Namespace: "shop", Name: name}
		changes.Changes = append(changes.Changes, model.Change{Verb: verb, Object: object})
	}
	recorder := events.NewFakeRecorder(2)
	(&Reconciler{recorder: recorder}).recordCorrected(live, changes)
	want := []string{"Warning DriftCorrected Somebody had changed it, and it was put back: the operator writes it for MeshTLSPolicy a, b. " +
		"Change that instead."}
	if diff := cmp.Diff(want, recorded(recorder)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRecordWarnings(t *testing.T) {
	found := func(severity meshtlsv1alpha1.Severity, check string) meshtlsv1alpha1.Finding {
		return meshtlsv1alpha1.Finding{Severity: severity, Check: check, Field: "spec.accept", Message: "It is so."}
	}
	warned, other := found(meshtlsv1alpha1.SeverityWarning, "a"), found(meshtlsv1alpha1.SeverityWarning, "b")
	tests := map[string]struct {
		before, now []meshtlsv1alpha1.Finding
		want        []string
	}{
		"none":                   {},
		"a new one":              {now: []meshtlsv1alpha1.Finding{warned}, want: []string{"Warning NewWarnings spec.accept a: It is so."}},
		"one that was there":     {before: []meshtlsv1alpha1.Finding{warned}, now: []meshtlsv1alpha1.Finding{warned}},
		"one that went":          {before: []meshtlsv1alpha1.Finding{warned}},
		"no warnings":            {now: []meshtlsv1alpha1.Finding{found(meshtlsv1alpha1.SeverityError, "a"), found(meshtlsv1alpha1.SeverityInfo, "b")}},
		"of an exception":        {now: []meshtlsv1alpha1.Finding{found(meshtlsv1alpha1.SeverityWarning, model.CheckExceptionEnds)}},
		"two new beside another": {[]meshtlsv1alpha1.Finding{found(meshtlsv1alpha1.SeverityWarning, "c")}, []meshtlsv1alpha1.Finding{warned, other}, []string{"Warning NewWarnings spec.accept a: It is so. (and 1 more in status.findings)"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(2)
			policy := &meshtlsv1alpha1.MeshTLSPolicy{Status: meshtlsv1alpha1.MeshTLSPolicyStatus{Findings: tc.before}}
			(&Reconciler{recorder: recorder}).recordWarnings(policy, meshtlsv1alpha1.MeshTLSPolicyStatus{Findings: tc.now})
			if diff := cmp.Diff(tc.want, recorded(recorder)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// recorded returns the events that were recorded.
func recorded(recorder *events.FakeRecorder) []string {
	close(recorder.Events)
	var all []string
	for event := range recorder.Events {
		all = append(all, event)
	}
	return all
}

func TestTrim(t *testing.T) {
	entries := []metav1.ManagedFieldsEntry{
		{Manager: apply.FieldManager, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)},
		{Manager: "kubectl-edit", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)},
	}
	object := func(labels map[string]string) *istiosecurityv1.PeerAuthentication {
		return &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{
			Labels: labels, ManagedFields: entries,
			Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "long", "other": "kept"},
		}}
	}
	ours := map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}
	tests := map[string]struct {
		object *istiosecurityv1.PeerAuthentication
		want   []metav1.ManagedFieldsEntry
	}{
		"of what is ours, who has written it": {object(ours), []metav1.ManagedFieldsEntry{entries[1], {Manager: apply.FieldManager}}},
		"of what is not ours, nothing":        {object(nil), nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := trim(tc.object)
			if err != nil {
				t.Fatal(err)
			}
			kept := got.(*istiosecurityv1.PeerAuthentication)
			if diff := cmp.Diff(tc.want, kept.ManagedFields); diff != "" {
				t.Errorf("managed fields (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"other": "kept"}, kept.Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
		})
	}
}
