package policy

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-silences-foreign",
		Severity: []lint.Severity{lint.Warning},
		Finds: "a younger DestinationRule of theirs for the same host and clients as one that the operator wrote before. Istio " +
			"drops the `trafficPolicy` of theirs.",
		Why: "Ours is in force and stays. But somebody wrote theirs for a reason, and Istio does not tell them that it does " +
			"nothing.",
		Fix: "Tell its owner. Delete the one or the other: without ours a policy with `workload` could start from theirs.",
	}, sendSilencesForeign)
}

// sendSilencesForeign tells of foreign DestinationRules whose trafficPolicy Istio drops because one of ours is older.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
func sendSilencesForeign(w world) []model.Finding {
	theirs := foreignHosts(w.Snapshot)
	var findings []model.Finding
	for _, v := range w.views {
		for _, rule := range v.destinationRules {
			if !theirs.Has(rule.Spec.Host) || !v.judges(rule) {
				continue
			}
			client := istio.Client{
				Namespace: rule.Namespace, Labels: rule.Spec.GetWorkloadSelector().GetMatchLabels(), Dataplane: model.DataplaneSidecar,
			}
			for _, host := range w.destinations(rule) {
				for _, shadow := range v.Shadowed(client, host) {
					if shadow.Winner == model.RefOf(model.KindDestinationRule, rule) && v.silenced(shadow) {
						findings = append(findings, silencing(shadow, ownersOf(rule)[0].Name, w)...)
					}
				}
			}
		}
	}
	return findings
}

// foreignHosts returns the hosts for which somebody else has a DestinationRule in the namespace: Istio merges rules of one host only.
func foreignHosts(s model.Snapshot) sets.Set[string] {
	theirs := sets.New[string]()
	for _, rule := range s.DestinationRules {
		if !model.Ours(rule) {
			theirs.Insert(hosts.Domain(s.Mesh.ClusterDomain).Qualify(rule.Spec.GetHost(), rule.Namespace))
		}
	}
	return theirs
}

// silenced reports whether the rule is somebody else's, and lost its trafficPolicy to one of the same clients.
func (v view) silenced(s istio.Shadow) bool {
	_, ours := v.destinationRules[model.RefOf(model.KindDestinationRule, s.Rule)]
	return !ours && s.Reason == istio.ShadowMerged
}

func silencing(s istio.Shadow, owner string, w world) []model.Finding {
	f := model.Finding{
		Severity: lint.Warning, Related: model.RefOf(model.KindDestinationRule, s.Rule), Field: "spec.send",
		Message: fmt.Sprintf("DestinationRule %s/%s is younger, and Istio drops its trafficPolicy for the one that this policy renders.",
			s.Rule.Namespace, s.Rule.Name),
		Remedy: "Tell its owner; delete the one or the other.",
	}
	return toOwners(f, w.Snapshot.Namespace, []model.Owner{{Name: owner}})
}
