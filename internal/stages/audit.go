package stages

import (
	"fmt"
	"slices"
	"time"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/rollout"
	"github.com/meshtls/meshtls/internal/translate"
)

// auditAt returns when the audit policy is written, or was; nil: there is none at this stage. It is told of beforehand, since it closes
// every connection of the target. One that is there although no status says so stays: to take it away would close them once more.
func (t target) auditAt(now meshtlsv1alpha1.RolloutStatus, last *meshtlsv1alpha1.RolloutStatus, in Input) *metav1.Time {
	begins := []rollout.Phase{rollout.Observing, rollout.Blocked, rollout.AwaitingApproval}
	switch {
	case !t.Audit || t.AuditProblem != "" || !translate.Audits(now.Phase, now.Mode):
		return nil
	case last != nil && last.AuditAt != nil:
		return last.AuditAt
	case t.audits != nil:
		return timeIn(t.audits.CreationTimestamp.Time)
	case slices.Contains(begins, now.Phase):
		return timeIn(in.Now.Add(in.Pace.Announce + in.Pace.jitterOf(t.UID())))
	default:
		return nil
	}
}

// auditWords says what is done to count at each port, as full sentences after a space; empty: nothing is asked for.
func (t target) auditWords(s meshtlsv1alpha1.RolloutStatus, now time.Time) string {
	switch {
	case !t.Audit || !translate.Audits(s.Phase, s.Mode):
		return ""
	case t.AuditProblem != "":
		return " There is no audit policy. " + t.AuditProblem
	case s.AuditAt == nil:
		return ""
	case s.AuditAt.After(now):
		return fmt.Sprintf(" At %s the audit policy is written, which closes every connection to the target once.",
			s.AuditAt.UTC().Format(time.RFC3339))
	default:
		return " An audit policy has the proxies count at each port. It goes with the last step, which closes every connection anyway."
	}
}

// later returns the time if it is after now; else zero.
func later(t, now time.Time) time.Time {
	if t.After(now) {
		return t
	}
	return time.Time{}
}

// auditFor returns the audit policy that the rollout's policy owns; nil: there is none.
func auditFor(s model.Snapshot, r translate.Rollout) *istiosecurityv1.AuthorizationPolicy {
	for _, p := range model.InNamespace(s.AuthorizationPolicies, s.Namespace) {
		owned := func(owner metav1.OwnerReference) bool { return owner.UID == r.UID() }
		if model.Ours(p) && slices.ContainsFunc(p.OwnerReferences, owned) {
			return p
		}
	}
	return nil
}
