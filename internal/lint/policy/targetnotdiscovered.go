package policy

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "target-not-discovered",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonInert},
		Finds:    "a policy of a namespace that `discoverySelectors` in Istio's mesh config leave out.",
		Why:      "The control plane reads nothing of such a namespace: neither what is rendered there, nor its Services and pods.",
		Fix:      "Label the namespace as one of the selectors asks, or take the policy away.",
	}, targetNotDiscovered)
}

// targetNotDiscovered finds policies whose objects the control plane does not read.
// Source: istio pkg/kube/namespace/filter.go, Filter.
func targetNotDiscovered(w world) []model.Finding {
	namespace := w.Snapshot.Namespace
	if w.mesh().Discovers(namespace) {
		return nil
	}
	var findings []model.Finding
	for _, s := range w.subjects {
		f := s.about(lint.Error, "metadata.namespace")
		f.Message = fmt.Sprintf("The discoverySelectors of Istio's mesh config leave namespace %s out: the control plane reads nothing that is "+
			"written there.", namespace)
		f.Remedy = "Label the namespace as one of the selectors asks."
		f.Condition, f.Reason = meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonInert
		findings = append(findings, f)
	}
	return findings
}
