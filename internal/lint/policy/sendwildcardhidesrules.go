package policy

import (
	"fmt"
	"slices"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-wildcard-hides-rules",
		Severity: []lint.Severity{lint.Warning},
		Finds:    "DestinationRules of the services' owners that a wildcard of ours hides from its clients.",
		Why: "A rule in the client's namespace goes before them, however inexact its host. Ours can start from one rule but " +
			"not from many: their load balancing, pools and subsets are gone. From a workload's wildcard the namespace's " +
			"other pods lose these rules, too.",
		Fix: "Name the hosts one by one.",
	}, sendWildcardHidesRules)
}

// clientOf is one of the clients that the rule is for.
func (w world) clientOf(rule model.SendRule) istio.Client {
	return istio.Client{Namespace: w.Snapshot.Namespace, Labels: rule.Selector, Dataplane: model.DataplaneSidecar}
}

// sendWildcardHidesRules tells of the rules for single hosts that a wildcard hides from its clients: it cannot start from all of them.
// Source: istio pilot/pkg/model/push_context.go, destinationRule.
func sendWildcardHidesRules(w world) []model.Finding {
	var findings []model.Finding
	for _, rule := range w.Plan.Sends {
		if !hosts.IsWildcard(rule.Host) || rule.Audience == model.AudienceAll {
			continue
		}
		at := slices.IndexFunc(w.views, func(v view) bool { return v.Revision() == rule.Revision })
		if hidden := w.hiddenBy(w.views[at], rule); len(hidden) > 0 {
			findings = append(findings, toOwners(hidingFinding(rule, hidden), w.Snapshot.Namespace, rule.Owners)...)
		}
	}
	return findings
}

// hiddenBy returns the rules that would govern what the wildcard covers.
func (w world) hiddenBy(v view, rule model.SendRule) []model.ObjectRef {
	var hidden []model.ObjectRef
	for _, host := range w.hosts.declared(rule.Host) {
		for _, shadow := range v.Shadowed(w.clientOf(rule), host) {
			_, ours := v.destinationRules[shadow.Winner]
			loser := model.RefOf(model.KindDestinationRule, shadow.Rule)
			if ours && shadow.Reason == istio.ShadowEarlierNamespace && !slices.Contains(hidden, loser) {
				hidden = append(hidden, loser)
			}
		}
	}
	return hidden
}

// hiddenFrom returns the clients that a wildcard keeps from the rules of others: a workload's keeps the namespace's other pods from them
// too, and gives them nothing.
func hiddenFrom(rule model.SendRule) string {
	if rule.Audience == model.AudienceWorkload {
		return "these pods, and the other pods of the namespace,"
	}
	return "the namespace"
}

func hidingFinding(rule model.SendRule, hidden []model.ObjectRef) model.Finding {
	names := make([]string, len(hidden))
	for i, ref := range hidden {
		names[i] = ref.Namespace + "/" + ref.Name
	}
	return model.Finding{
		Severity: lint.Warning, Related: hidden[0], Field: "spec.send",
		Message: fmt.Sprintf("For %s %s hides the owners' DestinationRules %s, with their load balancing and subsets.",
			hiddenFrom(rule), rule.Host, lint.ListNames(names)),
		Remedy: "Name the hosts one by one: then each rule is taken as it is and only its TLS is changed.",
	}
}
