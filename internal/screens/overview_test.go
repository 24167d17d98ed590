package screens

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

func TestReadinessOfAPolicy(t *testing.T) {
	ready := []metav1.Condition{{Type: meshtlsv1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: meshtlsv1alpha1.ReasonReady}}
	tests := map[string]struct {
		generation int64
		status     meshtlsv1alpha1.MeshTLSPolicyStatus
		want       string
	}{
		"the operator has looked at it":                     {2, meshtlsv1alpha1.MeshTLSPolicyStatus{ObservedGeneration: 2, Conditions: ready}, "True Ready"},
		"the operator has not looked at the last change":    {3, meshtlsv1alpha1.MeshTLSPolicyStatus{ObservedGeneration: 2, Conditions: ready}, "Unknown Pending"},
		"the operator has never looked at it":               {1, meshtlsv1alpha1.MeshTLSPolicyStatus{}, "Unknown "},
		"files have no generation, and their status is new": {0, meshtlsv1alpha1.MeshTLSPolicyStatus{Conditions: ready}, "True Ready"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: metav1.ObjectMeta{Generation: tc.generation}, Status: tc.status}
			line := policyOf(p)
			if got := line.Ready + " " + line.Reason; got != tc.want || (line.Message == "") != (tc.want != "Unknown Pending") {
				t.Errorf("got %q with the message %q, want %q", got, line.Message, tc.want)
			}
		})
	}
}
