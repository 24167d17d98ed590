package check

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// targetMatchesNoPods tells of a policy whose workload or gateway is nobody.
func targetMatchesNoPods(w world) []model.Finding {
	var findings []model.Finding
	for _, s := range w.subjects {
		if len(s.outcome.Selector) == 0 || len(w.targetPods(s)) > 0 {
			continue
		}
		f := s.about(meshtlsv1alpha1.SeverityError, "spec.workload")
		where := "namespace " + s.policy.Namespace
		if s.policy.Spec.Gateway != nil {
			f.Field, where = "spec.gateway", "any namespace"
		}
		f.Message = fmt.Sprintf("No pod of %s matches the %s.", where, s.outcome.Target)
		f.Remedy = "Check the labels; the policy takes effect when such pods come."
		f.Condition, f.Reason = meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonNoMatchingPods
		findings = append(findings, f)
	}
	return findings
}
