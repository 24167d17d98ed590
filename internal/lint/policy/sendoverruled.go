package policy

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-overruled",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonShadowed, meshtlsv1alpha1.ReasonOverlapped},
		Finds: "a DestinationRule of ours that does not govern clients that it is for, because Istio uses another one that has " +
			"not the same TLS. `Overlapped` if that one comes from another policy, `Shadowed` if it is theirs.",
		Why: "Istio looks in the client's namespace, then the host's, then the root's, prefers a more exact host, and among " +
			"those for single pods takes the first that selects the pod.",
		Fix: "Delete or change theirs, name the host itself, or declare it where Istio looks first. Between policies: make the " +
			"targets equal or disjoint.",
	}, sendOverruled)
}

// sendOverruled tells of DestinationRules of ours that Istio does not use for clients that they are for.
// Source: istio pilot/pkg/model/push_context.go, destinationRule; pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule.
func sendOverruled(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		found := overruled{}
		for ref, rule := range v.destinationRules {
			if !v.judges(rule) {
				continue
			}
			for _, host := range w.destinations(rule) {
				w.countOverruled(v, ref, host, found)
			}
		}
		for _, o := range found.inOrder() {
			findings = append(findings, w.sendOverruledFindings(v, o, found[o])...)
		}
	}
	return findings
}

// destinations returns what the rule's host means: itself, or with a wildcard what it covers, and if nothing is known of that, itself. The
// name of an ExternalName Service means nothing: Istio looks for no rule by it.
func (w world) destinations(rule *istionetworkingv1.DestinationRule) []model.Host {
	if _, alias := w.mesh().Destinations().Alias(rule.Spec.Host); alias {
		return nil
	}
	if !hosts.IsWildcard(rule.Spec.Host) {
		if h, known := w.hosts.byName[rule.Spec.Host]; known {
			return []model.Host{h}
		}
		namespace, _, _ := w.domain().Service(rule.Spec.Host)
		return []model.Host{{Name: rule.Spec.Host, Namespace: namespace}}
	}
	return w.hosts.declared(rule.Spec.Host)
}

// countOverruled counts the clients of a rule for whom another one governs and makes them send other TLS. That a rule of ours names the
// host more exactly, or single workloads, is how the policies mean it.
func (w world) countOverruled(v view, ref model.ObjectRef, host model.Host, found overruled) {
	rule := v.destinationRules[ref]
	for _, c := range append(w.clientsOf(rule), w.declaring(v, rule, host)...) {
		host := hostFor(v, c.Client, host)
		governing := v.Rule(c.Client, host).Policy
		if governing == rule || governing == nil && rule.Spec.TrafficPolicy == nil {
			continue
		}
		var winner model.ObjectRef
		if governing != nil {
			winner = model.RefOf(model.KindDestinationRule, governing)
			if ours, rendered := v.destinationRules[winner]; rendered && w.narrower(ours, rule) {
				continue
			}
		}
		if !sendsAsRuleSays(v, rule, c.Client, host) {
			found[overruling{loser: ref, winner: winner, host: host.Name}] += c.count
		}
	}
}

// declaring returns clients of the other namespaces that declare the host, or that a declaration is exported to, where the rule is for
// everybody: they may see another declaration than the rest.
func (w world) declaring(v view, rule *istionetworkingv1.DestinationRule, host model.Host) []clients {
	if !w.sent.forEverybody(sentBy(rule)) {
		return nil
	}
	var all []clients
	for _, d := range v.Destinations().Of(host.Name) {
		for _, namespace := range append(d.ExportedByName(), d.Namespace) {
			if namespace != rule.Namespace {
				all = append(all, clients{Client: asSidecar(&model.Workload{Namespace: namespace})})
			}
		}
	}
	return all
}

// hostFor returns the host as the client sees it: where several objects declare it, the namespace of the one that counts for the client is
// where Istio looks for the owner's rules.
func hostFor(v view, c istio.Client, host model.Host) model.Host {
	seen := v.Destinations().Visible(host.Name, c.Namespace)
	if c.Gateway {
		seen = v.Destinations().VisibleToGateways(host.Name, c.Namespace)
	}
	if len(seen) > 0 {
		return seen[0].Host
	}
	return host
}

// sendsAsRuleSays reports whether the client sends to the host what it would if there were no other DestinationRule.
func sendsAsRuleSays(v view, rule *istionetworkingv1.DestinationRule, c istio.Client, host model.Host) bool {
	alone := v.Inventory()
	alone.DestinationRules = []*istionetworkingv1.DestinationRule{rule}
	asked := mesh.New(alone, v.Revision())
	if !slices.Contains(asked.Rule(c, host).Rules, rule) {
		return false
	}
	declared := v.Destinations().Visible(host.Name, c.Namespace)
	if len(declared) == 0 {
		undeclared := &destinations.Destination{Host: host, Entry: &istionetworkingv1.ServiceEntry{}, Declared: []destinations.Port{{}}}
		declared = append(declared, undeclared)
	}
	return !slices.ContainsFunc(declared, func(d *destinations.Destination) bool { return !v.SameTLS(c, asked, c, d) })
}

// narrower reports whether a rule of ours is meant to go before another: it names the host more exactly, or single workloads where the
// other names none. A companion carries what the namespace as a whole sends, and nothing of what single workloads do.
func (w world) narrower(rule, than *istionetworkingv1.DestinationRule) bool {
	exacter := hosts.Covers(than.Spec.Host, rule.Spec.Host) && (than.Spec.WorkloadSelector == nil || !w.isCompanion(rule))
	return exacter || (rule.Spec.WorkloadSelector != nil && than.Spec.WorkloadSelector == nil)
}

// isCompanion reports whether the rule is there for no policy's sake.
func (w world) isCompanion(rule *istionetworkingv1.DestinationRule) bool {
	return rule.Spec.WorkloadSelector == nil && w.sent.companions.Has(sentBy(rule))
}

func (w world) sendOverruledFindings(v view, o overruling, count int) []model.Finding {
	loser := v.destinationRules[o.loser]
	if o.winner == (model.ObjectRef{}) {
		return v.unseenFindings(o)
	}
	words, _ := v.overruledBy(o.winner)
	message := fmt.Sprintf("%s governs what these clients send to %s; without it %s would.",
		words, o.host, o.loser)
	if count > 0 {
		of := pods.Count(w.selected(loser.Spec.GetWorkloadSelector().GetMatchLabels()))
		message = fmt.Sprintf("For %d of the %d pods %s governs what they send to %s; without it %s would.", count, of, words, o.host, o.loser)
	}
	var findings []model.Finding
	for _, owner := range ownersOf(loser) {
		findings = append(findings, v.overruledFinding(owner, o, "spec.send", message))
	}
	return findings
}

// unseenFindings tell the policies of a rule that some clients do not find it: they see a declaration of the host in another namespace, and
// Istio looks for rules there.
func (v view) unseenFindings(o overruling) []model.Finding {
	message := fmt.Sprintf("For some clients another namespace's declaration of %s counts, so Istio looks for rules there, and does not "+
		"find %s.", o.host, o.loser)
	var findings []model.Finding
	for _, owner := range ownersOf(v.destinationRules[o.loser]) {
		f := v.overruledFinding(owner, o, "spec.send", message)
		f.Remedy = "Declare the host in one namespace only, or declare the send in that namespace or in the root namespace."
		findings = append(findings, f)
	}
	return findings
}
