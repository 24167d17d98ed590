package status

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// acceptedOf: the spec makes sense here and something of it stands.
func acceptedOf(o model.Outcome) metav1.Condition {
	lost := lowering(o.Findings, meshtlsv1alpha1.ConditionAccepted)
	switch {
	case o.Accepted == 0 && len(lost) > 0:
		return lowered(meshtlsv1alpha1.ConditionAccepted, lost)
	case o.Accepted < o.Asked:
		return isTrue(meshtlsv1alpha1.ConditionAccepted,
			fmt.Sprintf("Of the %d entries of the spec %d stand; the others are listed in status.findings.", o.Asked, o.Accepted))
	default:
		return isTrue(meshtlsv1alpha1.ConditionAccepted, "The spec makes sense here, and all of it stands.")
	}
}

// resolvedRefsOf: what the spec names exists.
func resolvedRefsOf(o model.Outcome) metav1.Condition {
	if missing := lowering(o.Findings, meshtlsv1alpha1.ConditionResolvedRefs); len(missing) > 0 {
		return lowered(meshtlsv1alpha1.ConditionResolvedRefs, missing)
	}
	return isTrue(meshtlsv1alpha1.ConditionResolvedRefs, "Everything that the spec names exists.")
}

// programmedOf: the objects in the cluster equal the plan.
func programmedOf(o model.Outcome, accepted metav1.Condition, failures []model.Failure) metav1.Condition {
	if mine := failuresOf(o, failures); len(mine) > 0 {
		return isFalse(meshtlsv1alpha1.ConditionProgrammed, mine[0].Reason, failureWords(mine))
	}
	if accepted.Status != metav1.ConditionTrue {
		return pending(meshtlsv1alpha1.ConditionProgrammed, "Nothing is written for a policy that is not accepted.")
	}
	return isTrue(meshtlsv1alpha1.ConditionProgrammed, programmedWords(o))
}

// effectiveOf: Istio does what the policy asks.
func effectiveOf(o model.Outcome, accepted, resolved, programmed metav1.Condition) metav1.Condition {
	broken, doubted := doubtedApart(lowering(o.Findings, meshtlsv1alpha1.ConditionEffective))
	lost := lowering(o.Findings, meshtlsv1alpha1.ConditionAccepted)
	switch {
	case accepted.Status != metav1.ConditionTrue:
		return pending(meshtlsv1alpha1.ConditionEffective, "Nothing of the policy is in force.")
	case programmed.Status != metav1.ConditionTrue:
		return pending(meshtlsv1alpha1.ConditionEffective, "The objects are not written yet.")
	case len(broken) > 0:
		return lowered(meshtlsv1alpha1.ConditionEffective, slices.Concat(broken, lost))
	case len(lost) > 0:
		return isFalse(meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonPartlyConflicted, findingWords(lost))
	case len(doubted) > 0:
		return lowered(meshtlsv1alpha1.ConditionEffective, doubted)
	case resolved.Status != metav1.ConditionTrue:
		return pending(meshtlsv1alpha1.ConditionEffective, "It cannot be known before everything that the spec names is there.")
	default:
		return isTrue(meshtlsv1alpha1.ConditionEffective, "Nothing that the operator knows of keeps Istio from doing it.")
	}
}

// doubtful are the reasons of findings which say that something cannot be known.
var doubtful = []string{meshtlsv1alpha1.ReasonNotInFiles, meshtlsv1alpha1.ReasonUndecodable}

// doubtedApart parts the findings that something is wrong from those that it cannot be known.
func doubtedApart(findings []model.Finding) (broken, doubted []model.Finding) {
	for _, f := range findings {
		if slices.Contains(doubtful, f.Reason) {
			doubted = append(doubted, f)
		} else {
			broken = append(broken, f)
		}
	}
	return broken, doubted
}

// readyOf derives Ready: the first condition that is False speaks, else the first that is Unknown, then a rollout that needs somebody. One
// that is on its way leaves it True.
func readyOf(o model.Outcome, mesh model.Mesh, derivedFrom ...metav1.Condition) metav1.Condition {
	for _, status := range []metav1.ConditionStatus{metav1.ConditionFalse, metav1.ConditionUnknown} {
		for _, c := range derivedFrom {
			if c.Status == status {
				return metav1.Condition{Type: meshtlsv1alpha1.ConditionReady, Status: status, Reason: c.Reason, Message: c.Message}
			}
		}
	}
	ready := isTrue(meshtlsv1alpha1.ConditionReady, sentences(programmedWords(o), mesh.Problem, mesh.Unseen))
	switch {
	case o.Rollout == nil || o.Rollout.Phase == meshtlsv1alpha1.RolloutCompleted:
		return ready
	case o.RolloutStalled:
		return isFalse(meshtlsv1alpha1.ConditionReady, stallReason(o), o.Rollout.Message)
	default:
		ready.Reason, ready.Message = meshtlsv1alpha1.ReasonRollingOut, sentences(ready.Message, o.Rollout.Message)
		return ready
	}
}

// resolvedByUsers are the reasons of Programmed=False that last until a user acts.
var resolvedByUsers = []string{
	meshtlsv1alpha1.ReasonNotOwned, meshtlsv1alpha1.ReasonNameCollision, meshtlsv1alpha1.ReasonContested,
}

// progressOf are kstatus' conditions: Stalled where the user must act, else Reconciling where the operator waits or tries again.
func progressOf(accepted, resolved, programmed, effective metav1.Condition) []metav1.Condition {
	switch {
	case isStalled(accepted), slices.Contains(resolvedByUsers, programmed.Reason):
		return []metav1.Condition{raised(meshtlsv1alpha1.ConditionStalled, firstFalse(accepted, programmed))}
	case resolved.Status == metav1.ConditionFalse, programmed.Status == metav1.ConditionFalse:
		return []metav1.Condition{raised(meshtlsv1alpha1.ConditionReconciling, firstFalse(resolved, programmed))}
	case isStalled(effective), effective.Reason == meshtlsv1alpha1.ReasonUndecodable:
		return []metav1.Condition{raised(meshtlsv1alpha1.ConditionStalled, effective)}
	default:
		return nil
	}
}

func isStalled(c metav1.Condition) bool { return c.Status == metav1.ConditionFalse }

func firstFalse(conditions ...metav1.Condition) metav1.Condition {
	return conditions[slices.IndexFunc(conditions, func(c metav1.Condition) bool { return c.Status == metav1.ConditionFalse })]
}

// raised returns an abnormal-true condition with the cause's reason and message.
func raised(condition string, cause metav1.Condition) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: cause.Reason, Message: cause.Message}
}

func isTrue(condition, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: condition, Message: message}
}

func isFalse(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

func pending(condition, message string) metav1.Condition {
	return isUnknown(condition, meshtlsv1alpha1.ReasonPending, message)
}

func isUnknown(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionUnknown, Reason: reason, Message: message}
}

// lowered returns a condition that findings make False, with the reason of the first, which is the gravest. Where that only says that
// something cannot be known, the condition is Unknown.
func lowered(condition string, because []model.Finding) metav1.Condition {
	if slices.Contains(doubtful, because[0].Reason) {
		return isUnknown(condition, because[0].Reason, findingWords(because))
	}
	return isFalse(condition, because[0].Reason, findingWords(because))
}

// lowering returns the findings that make the condition False.
func lowering(findings []model.Finding, condition string) []model.Finding {
	var found []model.Finding
	for _, f := range findings {
		if f.Condition == condition {
			found = append(found, f)
		}
	}
	return found
}
