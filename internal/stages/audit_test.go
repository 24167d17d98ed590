package stages_test

import (
	"strings"
	"testing"
	"time"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/evidence"
)

const audited = ", evidence: {audit: Enabled}"

// audits returns the audit policies that are rendered now.
func (w *world) audits() []*istiosecurityv1.AuthorizationPolicy {
	return compile.Compile(w.snapshot).Objects.AuthorizationPolicies
}

// TestAuditPolicyOnItsWay goes to Strict with an audit policy: it is told of, then written, and gone with the last step.
func TestAuditPolicyOnItsWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, audited, "", "")
	all := []evidence.Call{mutual(8070), mutual(8080), mutual(8090)}
	steps := []struct {
		after     time.Duration
		want      int
		wantWords string
	}{
		{want: 0, wantWords: "the audit policy is written, which closes every connection to the target once."},
		{after: 59 * time.Second, want: 0, wantWords: "the audit policy is written"},
		{after: time.Minute, want: 1, wantWords: "It goes with the last step"},
		{after: 169 * time.Hour, want: 1}, // Switching
		{after: 2 * time.Minute, want: 1},
		{after: 2 * time.Minute, want: 1},
		{after: 2 * time.Minute, want: 0}, // Probation
		{after: time.Hour, want: 0},       // Completed
	}
	for i, s := range steps {
		w.sees(evidence.Clean, all...)
		reached := w.pass(s.after)
		if got := len(w.audits()); got != s.want {
			t.Errorf("step %d, %s: got %d audit policies, want %d", i, reached.Phase, got, s.want)
		}
		if !strings.Contains(reached.Message, s.wantWords) {
			t.Errorf("step %d: got %q, want it to say %q", i, reached.Message, s.wantWords)
		}
	}
}

// TestAuditPolicyIsNotWrittenTwice holds that what costs connections is not done again: not in a pause, nor when the status is lost.
func TestAuditPolicyIsNotWrittenTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, audited, "", "")
	w.pass(0)
	w.pass(3 * time.Minute)
	written := w.audits()
	if len(written) != 1 {
		t.Fatalf("got %d audit policies, want 1", len(written))
	}
	w.snapshot.Policies[0].Spec.Accept.Rollout.Paused = true
	w.pass(time.Minute)
	if got := len(w.audits()); got != 1 {
		t.Errorf("in a pause: got %d audit policies, want 1", got)
	}
	w.snapshot.Policies[0].Spec.Accept.Rollout.Paused = false
	live := written[0].DeepCopy()
	live.CreationTimestamp = metav1.NewTime(w.now.Add(-time.Minute))
	w.snapshot.AuthorizationPolicies = []*istiosecurityv1.AuthorizationPolicy{live}
	w.snapshot.Policies[0].Status.Rollout = nil
	w.pass(time.Minute)
	if got := len(w.audits()); got != 1 {
		t.Errorf("without the status: got %d audit policies, want 1", got)
	}
}

// TestAuditPolicyThatCannotBe says why there is none, and the rollout goes on.
func TestAuditPolicyThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, audited, "", "")
	w.snapshot.NoAudit = "The operator may not."
	for range 3 {
		reached := w.pass(3 * time.Minute)
		if reached.AuditAt != nil || len(w.audits()) > 0 || !strings.HasSuffix(reached.Message, " There is no audit policy. The operator may not.") {
			t.Errorf("got %v, %d audit policies and %q", reached.AuditAt, len(w.audits()), reached.Message)
		}
	}
	w.sees(evidence.Clean, mutual(8070), mutual(8080), mutual(8090))
	w.pass(0)
	if got := stand(w.pass(169 * time.Hour)); got != "Switching Permissive []" {
		t.Errorf("got %s, want it to switch", got)
	}
}
