package check

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// sendSilencesForeign tells of other people's DestinationRules of which Istio drops the trafficPolicy because one of ours is older.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
func sendSilencesForeign(w world) []model.Finding {
	theirs := foreignHosts(w.snapshot)
	var findings []model.Finding
	for _, v := range w.controlPlanes {
		for _, rule := range v.planned.destinationRules {
			if !theirs.Has(rule.Spec.Host) || !v.judges(rule) {
				continue
			}
			client := istio.Client{
				Namespace: rule.Namespace, Labels: rule.Spec.GetWorkloadSelector().GetMatchLabels(), Dataplane: model.DataplaneSidecar,
			}
			for _, host := range w.destinations(rule) {
				for _, shadow := range v.Shadowed(client, host) {
					if shadow.Winner == refOf(rule) && v.silenced(shadow) {
						findings = append(findings, silencing(shadow, ownersOf(rule)[0].Name, w)...)
					}
				}
			}
		}
	}
	return findings
}

// foreignHosts are the hosts for which somebody else has a DestinationRule in the namespace: Istio merges rules of one host only.
func foreignHosts(s model.Snapshot) sets.Set[string] {
	theirs := sets.New[string]()
	for _, rule := range s.DestinationRules {
		if !model.Ours(rule) {
			theirs.Insert(hosts.Qualify(rule.Spec.GetHost(), rule.Namespace))
		}
	}
	return theirs
}

// silenced says whether the rule is somebody else's, and lost its trafficPolicy to one of the same clients.
func (v controlPlane) silenced(s istio.Shadow) bool {
	_, ours := v.planned.destinationRules[refOf(s.Rule)]
	return !ours && s.Reason == istio.ShadowMerged
}

func silencing(s istio.Shadow, owner string, w world) []model.Finding {
	f := model.Finding{
		Severity: meshtlsv1alpha1.SeverityWarning, Related: refOf(s.Rule), Field: "spec.send",
		Message: fmt.Sprintf("DestinationRule %s/%s is younger, and Istio drops its trafficPolicy for the one that this policy renders.",
			s.Rule.Namespace, s.Rule.Name),
		Remedy: "Tell its owner; delete the one or the other.",
	}
	return toOwners(f, w.snapshot.Namespace, []model.Owner{{Name: owner}})
}
