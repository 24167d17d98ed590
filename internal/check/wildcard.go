package check

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// clientOf is one of the clients that the rule is for.
func (w world) clientOf(rule model.SendRule) istio.Client {
	return istio.Client{Namespace: w.snapshot.Namespace, Labels: rule.Selector, Dataplane: model.DataplaneSidecar}
}

func toOwners(f model.Finding, namespace string, owners []model.Owner) []model.Finding {
	findings := make([]model.Finding, len(owners))
	for i, owner := range owners {
		findings[i] = f
		findings[i].Subject = model.ObjectRef{Kind: model.KindPolicy, Namespace: namespace, Name: owner.Name}
	}
	return findings
}

// shownRules is how many rules a finding names.
const shownRules = 3

// sendWildcardHidesRules tells of the rules for single hosts that a wildcard hides from its clients: it cannot start from all of them.
// Source: istio pilot/pkg/model/push_context.go, destinationRule.
func sendWildcardHidesRules(w world) []model.Finding {
	var findings []model.Finding
	for _, rule := range w.rules {
		if !hosts.IsWildcard(rule.Host) || rule.Audience == model.AudienceAll {
			continue
		}
		at := slices.IndexFunc(w.controlPlanes, func(v controlPlane) bool { return v.revision == rule.Revision })
		if hidden := w.hiddenBy(w.controlPlanes[at], rule); len(hidden) > 0 {
			findings = append(findings, toOwners(hidingFinding(rule, hidden), w.snapshot.Namespace, rule.Owners)...)
		}
	}
	return findings
}

// hiddenBy are the rules that would govern what the wildcard covers.
func (w world) hiddenBy(v controlPlane, rule model.SendRule) []model.ObjectRef {
	var hidden []model.ObjectRef
	for _, host := range w.declared(rule.Host) {
		for _, shadow := range v.Shadowed(w.clientOf(rule), host) {
			_, ours := v.planned.destinationRules[shadow.Winner]
			if ours && shadow.Reason == istio.ShadowEarlierNamespace && !slices.Contains(hidden, refOf(shadow.Rule)) {
				hidden = append(hidden, refOf(shadow.Rule))
			}
		}
	}
	return hidden
}

// hiddenFrom are the clients that a wildcard keeps from the rules of others: a workload's keeps the namespace's other pods from them
// too, and gives them nothing.
func hiddenFrom(rule model.SendRule) string {
	if rule.Audience == model.AudienceWorkload {
		return "these pods, and the other pods of the namespace,"
	}
	return "the namespace"
}

func hidingFinding(rule model.SendRule, hidden []model.ObjectRef) model.Finding {
	words := ""
	for i, ref := range hidden[:min(len(hidden), shownRules)] {
		if i > 0 {
			words += ", "
		}
		words += ref.Namespace + "/" + ref.Name
	}
	if more := len(hidden) - shownRules; more > 0 {
		words = fmt.Sprintf("%s and %d more", words, more)
	}
	return model.Finding{
		Severity: meshtlsv1alpha1.SeverityWarning, Related: hidden[0], Field: "spec.send",
		Message: fmt.Sprintf("For %s %s hides the owners' DestinationRules %s, with their load balancing and subsets.",
			hiddenFrom(rule), rule.Host, words),
		Remedy: "Name the hosts one by one: then each rule is taken as it is and only its TLS is changed.",
	}
}
