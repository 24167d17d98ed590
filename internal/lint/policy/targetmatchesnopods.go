package policy

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "target-matches-no-pods",
		Severity: []lint.Severity{lint.Error, lint.Info},
		Reasons:  []string{meshtlsv1alpha1.ReasonNoMatchingPods},
		Finds:    "a target whose labels no pod has, and no WorkloadEntry: of the namespace for a workload, of any namespace for a gateway.",
		Why:      "What is rendered governs nobody. Most often a label is misspelt, or the pods are yet to come.",
		Fix:      "Check the labels, or start the pods. The policy becomes Ready by itself.",
	}, targetMatchesNoPods)
}

// targetMatchesNoPods tells of a policy whose workload or gateway is nobody.
func targetMatchesNoPods(w world) []model.Finding {
	var findings []model.Finding
	for _, s := range w.subjects {
		if len(s.outcome.Selector) == 0 || len(w.targetPods(s)) > 0 || w.isForMachines(s) {
			continue
		}
		f := s.about(lint.Error, "spec.workload")
		f.Absent = model.ObjectRef{Kind: model.KindPod, Namespace: s.policy.Namespace}
		where := "namespace " + s.policy.Namespace
		if s.policy.Spec.Gateway != nil {
			f.Field, where = "spec.gateway", "any namespace"
			f.Absent = model.ObjectRef{Kind: model.KindPod}
		}
		f.Message = fmt.Sprintf("No pod of %s matches the %s.", where, s.outcome.Target)
		f.Remedy = "Check the labels; the policy takes effect when such pods come."
		f.Condition, f.Reason = meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonNoMatchingPods
		findings = append(findings, f)
	}
	return findings
}

// isForMachines reports whether the policy's workload is a machine: a WorkloadEntry has its labels.
func (w world) isForMachines(s subject) bool {
	return s.policy.Spec.Workload != nil &&
		slices.ContainsFunc(w.mesh().WorkloadEntries(), func(e *istionetworkingv1.WorkloadEntry) bool {
			return e.Namespace == s.policy.Namespace && pods.Matches(s.outcome.Selector, e.Spec.GetLabels())
		})
}
