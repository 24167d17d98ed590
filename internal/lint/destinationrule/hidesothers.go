package destinationrule

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-hides-others",
			Severity: []lint.Severity{lint.Warning, lint.Info},
			Classes:  []string{"M18"},
			Finds: "a rule of a client's namespace that keeps its clients from the rule of the host's or the root namespace, if they " +
				"use other TLS for that; and a wildcard that hides rules with the same TLS (info).",
			Why: "Istio takes the first namespace that has any rule for the host, the client's first, and nothing from the others. " +
				"A wildcard there goes before the exact rule of the owner.",
			Fix: "Narrow the host, repeat the owner's settings, or remove the rule.",
		},
		Find: hidesOthers,
	})
}

// hidesOthers tells of rules that keep those of the host's or the root namespace from the clients of their own, if
// these then use other TLS, or if a wildcard does it: one for a single host is meant to go first.
func hidesOthers(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		h := hiddenBy(v, rule)
		if len(h.tls) == 0 && (len(h.rules) == 0 || !hosts.IsWildcard(rule.Spec.Host)) {
			continue
		}
		f := lint.Finding(lint.Info, model.KindDestinationRule, rule, "spec.host")
		f.Message = fmt.Sprintf("For %s it hides DestinationRule %s, with load balancing, pools and subsets.",
			clientWords(rule), lint.ListNames(h.rules))
		if len(h.tls) > 0 {
			f.Severity = lint.Warning
			f.Message = fmt.Sprintf("For %s it hides DestinationRule %s whole, and so they use other TLS toward %s than that says.",
				clientWords(rule), lint.ListNames(h.tls), h.host)
		}
		f.Remedy = "Say here what those rules say, narrow the host, or remove this rule."
		findings = append(findings, f)
	}
	return findings
}

// hidden are the rules that a rule hides from the clients of its namespace.
type hidden struct {
	// rules are those that would govern, each once; tls are those among them without which other TLS is used.
	rules, tls []string
	// host is the first toward which it is.
	host string
}

// clientWords name those of the rule's own namespace that it is for.
func clientWords(rule *istionetworkingv1.DestinationRule) string {
	if rule.Spec.GetWorkloadSelector() != nil {
		return "the clients of " + rule.Namespace + " that it selects"
	}
	return "the clients of " + rule.Namespace
}

// hiddenBy returns what the rule hides from its namespace's clients.
func hiddenBy(v *mesh.View, rule *istionetworkingv1.DestinationRule) hidden {
	var h hidden
	if len(v.Clients().In[rule.Namespace]) == 0 {
		return h
	}
	for _, d := range v.Destinations().Under(v.HostOf(rule)) {
		without := v.Rule(mesh.ClientWithoutRules, d.Host)
		if len(without.Rules) == 0 || slices.Contains(without.Rules, rule) {
			continue
		}
		client, with, governs := governedIn(v, rule, d)
		if !governs {
			continue
		}
		differs := !sayAlike(with.Policy, without.Policy) && !v.SameTLS(client, v, mesh.ClientWithoutRules, d)
		if differs && h.host == "" {
			h.host = d.Name
		}
		for _, other := range without.Rules {
			h.add(other, differs)
		}
	}
	return h
}

// sayAlike reports whether two rules plainly have the same TLS for all calls of a host.
func sayAlike(a, b *istionetworkingv1.DestinationRule) bool {
	return a != nil && b != nil && len(a.Spec.TrafficPolicy.GetPortLevelSettings()) == 0 &&
		len(b.Spec.TrafficPolicy.GetPortLevelSettings()) == 0 &&
		proto.Equal(a.Spec.TrafficPolicy.GetTls(), b.Spec.TrafficPolicy.GetTls())
}

func (h *hidden) add(rule *istionetworkingv1.DestinationRule, tls bool) {
	name := rule.Namespace + "/" + rule.Name
	if !slices.Contains(h.rules, name) {
		h.rules = append(h.rules, name)
	}
	if tls && !slices.Contains(h.tls, name) {
		h.tls = append(h.tls, name)
	}
}

// governedIn returns the first client of the rule's own namespace whose calls of the destination it governs, and what it is governed by.
func governedIn(v *mesh.View, rule *istionetworkingv1.DestinationRule, d *destinations.Destination) (istio.Client, istio.Choice, bool) {
	for _, w := range v.Clients().In[rule.Namespace] {
		if governing := v.Rule(istio.ClientOf(w), d.Host); slices.Contains(governing.Rules, rule) {
			return istio.ClientOf(w), governing, true
		}
	}
	return istio.Client{}, istio.Choice{}, false
}
