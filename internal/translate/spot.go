package translate

import (
	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// spot is an entry of a policy's spec, to speak of.
type spot struct {
	policy *meshtlsv1alpha1.MeshTLSPolicy
	field  string
}

func at(policy *meshtlsv1alpha1.MeshTLSPolicy, field string) spot {
	return spot{policy: policy, field: field}
}

// unsupported is an entry that Istio cannot honour here.
func (s spot) unsupported(check, message, remedy string) *model.Finding {
	return &model.Finding{
		Check: check, Severity: meshtlsv1alpha1.SeverityError, Subject: model.PolicyRef(keyOf(s.policy)), Field: s.field, Message: message, Remedy: remedy,
		Condition: meshtlsv1alpha1.ConditionAccepted, Reason: meshtlsv1alpha1.ReasonUnsupported,
	}
}

// lostTo tells the policy that lost an entry who won it.
func (s spot) lostTo(winner *meshtlsv1alpha1.MeshTLSPolicy, check, message string) model.Finding {
	remedy := "Remove one of the two; the older policy wins."
	if s.policy == winner {
		remedy = "Remove one of the two; the first one wins."
	}
	return model.Finding{
		Check: check, Severity: meshtlsv1alpha1.SeverityError, Subject: model.PolicyRef(keyOf(s.policy)), Related: policyRef(winner), Field: s.field,
		Message: message, Remedy: remedy,
		Condition: meshtlsv1alpha1.ConditionAccepted, Reason: meshtlsv1alpha1.ReasonConflicted,
	}
}
