package policy

import (
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-changes-others",
		Severity: []lint.Severity{lint.Error, lint.Warning},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "a `send` because of which clients that no policy names send something else, or lose the load balancing, pools or subsets " +
			"that they had. A warning, where the clients that it names lose more than their TLS.",
		Why: "Istio uses one DestinationRule for a client and a host. The operator starts from the one that held before, and gives other pods " +
			"theirs back; where it cannot, it says who loses what.",
		Fix: "Name the hosts one by one, where a wildcard takes the place of many rules; else make the target of the policy and the " +
			"`workloadSelector` of the other DestinationRule equal or disjoint, or set TLS there.",
	}, sendChangesOthers)
}

// change is what a policy's rule does to a client besides what it is for.
type change struct {
	rule   model.SendRule
	client clients
	// named reports whether policies say what the client sends to the host.
	named bool
	host  string
	lost  model.ObjectRef
	mesh.Change
}

// sendChangesOthers compares what the namespace's clients do with the hosts of its rules with what they would do without these.
// Source: istio pilot/pkg/model/push_context.go, destinationRule; pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule.
func sendChangesOthers(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		var changes []change
		for _, rule := range w.Plan.Sends {
			if rule.Revision != v.Revision() || rule.Companion {
				continue
			}
			for _, d := range w.reached(v, rule.Host) {
				changes = append(changes, w.changesOf(v, rule, d)...)
			}
		}
		findings = append(findings, w.changeFindings(changes)...)
	}
	return findings
}

// reached returns the destinations that the namespace's clients call by the host, of several declarations of one name the first.
func (w world) reached(v view, host string) []*destinations.Destination {
	var all []*destinations.Destination
	for _, d := range v.Destinations().Under(host) {
		first := v.Destinations().Visible(d.Name, w.Snapshot.Namespace)
		if len(first) > 0 && first[0] == d {
			all = append(all, d)
		}
	}
	return all
}

// changesOf finds the clients for which the rule changes more than it is for.
func (w world) changesOf(v view, rule model.SendRule, d *destinations.Destination) []change {
	without := w.Unsent.Of(v.Revision())
	var changes []change
	for _, c := range w.clientsBeside(v, rule, d) {
		found := change{rule: rule, client: c, host: d.Name, named: w.names(v, c.Client, d.Name)}
		before := without.Rule(c.Client, d.Host).Rules
		if found.named && (len(before) == 0 || hosts.IsWildcard(rule.Host)) {
			continue // what a wildcard takes from those that it names is told by a check of its own
		}
		if found.Change = without.ChangesBesidesTLS(c.Client, v.View, d); !found.named {
			found.Change = without.Changes(c.Client, v.View, d)
		}
		if found.None() {
			continue
		}
		if len(before) > 0 {
			found.lost = model.RefOf(model.KindDestinationRule, before[0])
		}
		changes = append(changes, found)
	}
	return changes
}

// clientsBeside returns clients that stand for all that the rule may change: the pods of the namespace, one by one where somebody else has
// a rule for single ones, else one that the rules tell apart from nobody; and if the rule is exported those of other namespaces.
func (w world) clientsBeside(v view, rule model.SendRule, d *destinations.Destination) []clients {
	var all []clients
	if w.foreignSelecting {
		for _, pod := range w.selected(nil) {
			if mesh.ReadsRules(pod) {
				all = append(all, clients{Client: istio.ClientOf(pod), example: pod.Example, count: pod.Count})
			}
		}
	} else {
		all = w.oneOfOthers(v, rule, d)
	}
	if exported := !slices.Equal(rule.ExportTo, []string{"."}); exported {
		all = append(all, clients{Client: istio.Client{Namespace: nowhere, Dataplane: model.DataplaneSidecar}})
		all = append(all, w.clientsElsewhere...)
	}
	return all
}

// oneOfOthers returns a pod that no rule with a selector for the destination selects, and one client for those of the rule itself.
func (w world) oneOfOthers(v view, rule model.SendRule, d *destinations.Destination) []clients {
	all := []clients{{Client: w.clientOf(rule)}}
	other := istio.Client{Namespace: w.Snapshot.Namespace, Dataplane: model.DataplaneSidecar}
	if w.Unsent.Of(v.Revision()).Changes(other, v.View, d).None() {
		return all
	}
	for _, pod := range w.selected(nil) {
		if mesh.ReadsRules(pod) && !w.names(v, istio.ClientOf(pod), d.Name) {
			return append(all, clients{Client: istio.ClientOf(pod), example: pod.Example, count: pod.Count})
		}
	}
	return all
}

// names reports whether policies say what the client sends to the host.
func (w world) names(v view, c istio.Client, host string) bool {
	return w.sent.names(w.Snapshot.Namespace, c, sentTo{revision: v.Revision(), host: host})
}

// changeFindings tells the policies: one finding for each rule, DestinationRule that is lost, and gravity.
func (w world) changeFindings(changes []change) []model.Finding {
	type key struct {
		lost  model.ObjectRef
		host  string
		named bool
	}
	told := map[key]int{}
	var findings []model.Finding
	for _, c := range changes {
		at := key{c.lost, c.rule.Host, c.named}
		told[at]++
		if told[at] == 1 {
			findings = append(findings, toOwners(c.finding(), w.Snapshot.Namespace, c.rule.Owners)...)
		}
	}
	return findings
}

func (c change) finding() model.Finding {
	f := model.Finding{Severity: lint.Warning, Related: c.lost, Field: "spec.send"}
	what := c.lost.String()
	if c.lost == (model.ObjectRef{}) {
		what = "Istio's default"
	}
	if c.named {
		f.Message = fmt.Sprintf("Because of what the policy sends to %s, %s lose %s of %s for %s, besides its TLS.",
			c.rule.Host, c.client, c.words(), what, c.host)
		f.Remedy = "Make the target and the workloadSelector there equal or disjoint, or set TLS there."
		return f
	}
	f.Severity, f.Condition, f.Reason = lint.Error, meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonConflicted
	f.Message = fmt.Sprintf("Because of what the policy sends to %s, %s, which no policy names, lose %s of %s for %s.",
		c.rule.Host, c.client, c.words(), what, c.host)
	f.Remedy = "Name the host itself, or give these clients a policy that sends to it."
	return f
}

// words says what is lost.
func (c change) words() string {
	var words []string
	if c.TLS {
		words = append(words, "the TLS")
	}
	if c.Settings {
		words = append(words, "the load balancing and pools")
	}
	if len(c.Subsets) > 0 {
		words = append(words, "the subsets "+lint.ListNames(c.Subsets))
	}
	return strings.Join(words, " and ")
}

// String returns how messages name the clients.
func (c clients) String() string {
	switch {
	case c.example != "":
		return fmt.Sprintf("pods such as %s/%s", c.Namespace, c.example)
	case c.Namespace == nowhere:
		return "clients of other namespaces"
	default:
		return "clients of namespace " + c.Namespace
	}
}
