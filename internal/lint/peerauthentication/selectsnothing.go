package peerauthentication

import (
	"fmt"
	"maps"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-selects-nothing",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M09"},
			Finds: "a PeerAuthentication whose labels no pod of its namespace has, nor a WorkloadEntry. Of a namespace without any " +
				"pods nothing is said.",
			Why: "It holds for nothing. Most often a label is misspelt.",
			Fix: "Correct the labels. If the pods are yet to come, there is nothing to do.",
		},
		Find: selectsNothing,
	})
}

// selectsNothing tells of one whose labels no pod of its namespace has, nor a WorkloadEntry.
// Source: istio pilot/pkg/model/authentication.go, getConfigsForWorkload;
// pilot/pkg/serviceregistry/serviceentry/conversion.go, ConvertWorkloadEntry.
func selectsNothing(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, pa := range selectingPeers(v) {
		unseen := len(v.Selected(pa.Namespace, nil)) == 0
		if unseen || len(v.Selected(pa.Namespace, peerSelector(pa))) > 0 || selectsEntry(v, pa) {
			continue
		}
		f := lint.Finding(lint.Warning, model.KindPeerAuthentication, pa, "spec.selector")
		f.Message = fmt.Sprintf("No pod of namespace %s has the labels that it selects, and no WorkloadEntry: what it says holds for nothing.",
			pa.Namespace)
		f.Remedy = "Check the labels, or start the pods."
		findings = append(findings, f)
	}
	return findings
}

// selectsEntry reports whether the labels are those of a machine. Istio takes what the object's metadata says before what its spec does.
func selectsEntry(v *mesh.View, pa *istiosecurityv1.PeerAuthentication) bool {
	for _, entry := range v.WorkloadEntries() {
		labels := maps.Clone(entry.Spec.GetLabels())
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, entry.Labels)
		if entry.Namespace == pa.Namespace && pods.Matches(peerSelector(pa), labels) {
			return true
		}
	}
	return false
}
