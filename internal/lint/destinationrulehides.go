package lint

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// Rules of a client's namespace go before those of the host's and the root's, and hide them whole. What a client would have without
// its namespace's rules is what one has that lives nowhere.
// Source: istio pilot/pkg/model/push_context.go, destinationRule.

// hidden are the rules that a rule hides from the clients of its namespace.
type hidden struct {
	// rules are those that would govern, each once; tls are those among them without which other TLS is used.
	rules, tls []string
	// host is the first toward which it is.
	host string
}

// destinationRuleHidesOthers tells of rules that keep those of the host's or the root namespace from the clients of their own, if
// these then use other TLS, or if a wildcard does it: one for a single host is meant to go first.
func destinationRuleHidesOthers(v *view) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		h := v.hiddenBy(rule)
		if len(h.tls) == 0 && (len(h.rules) == 0 || !hosts.IsWildcard(rule.Spec.Host)) {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityInfo, model.KindDestinationRule, rule, "spec.host")
		f.Message = fmt.Sprintf("For %s it hides DestinationRule %s, with load balancing, pools and subsets.", clientWords(rule), listed(h.rules))
		if len(h.tls) > 0 {
			f.Severity = meshtlsv1alpha1.SeverityWarning
			f.Message = fmt.Sprintf("For %s it hides DestinationRule %s whole, and so they use other TLS toward %s than that says.",
				clientWords(rule), listed(h.tls), h.host)
		}
		f.Remedy = "Say here what those rules say, narrow the host, or remove this rule."
		findings = append(findings, f)
	}
	return findings
}

// clientWords name those of the rule's own namespace that it is for.
func clientWords(rule *istionetworkingv1.DestinationRule) string {
	if rule.Spec.GetWorkloadSelector() != nil {
		return "the clients of " + rule.Namespace + " that it selects"
	}
	return "the clients of " + rule.Namespace
}

// hiddenBy is what the rule hides from its namespace's clients.
func (v *view) hiddenBy(rule *istionetworkingv1.DestinationRule) hidden {
	var h hidden
	if len(v.clients().in[rule.Namespace]) == 0 {
		return h
	}
	for _, d := range v.called(hostOf(rule)) {
		without := v.istio.Rule(ofNowhere, d.Host)
		if len(without.Rules) == 0 || slices.Contains(without.Rules, rule) {
			continue
		}
		client, with, governs := v.governedIn(rule, d)
		if !governs {
			continue
		}
		differs := !sayAlike(with.Policy, without.Policy) && v.tlsDiffers(client, d)
		if differs && h.host == "" {
			h.host = d.Name
		}
		for _, other := range without.Rules {
			h.add(other, differs)
		}
	}
	return h
}

// sayAlike says whether two rules plainly have the same TLS for all calls of a host.
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

// governedIn is the first client of the rule's own namespace whose calls of the destination it governs, and what it is governed by.
func (v *view) governedIn(rule *istionetworkingv1.DestinationRule, d *destinations.Destination) (istio.Client, istio.Choice, bool) {
	for _, w := range v.clients().in[rule.Namespace] {
		if governing := v.istio.Rule(istio.ClientOf(w), d.Host); slices.Contains(governing.Rules, rule) {
			return istio.ClientOf(w), governing, true
		}
	}
	return istio.Client{}, istio.Choice{}, false
}

// tlsDiffers says whether the client uses other TLS toward a port of the destination than one of nowhere.
func (v *view) tlsDiffers(client istio.Client, d *destinations.Destination) bool {
	for _, port := range d.Declared {
		servers := []*destinations.Endpoint{nil}
		if endpoints := v.endpoints(d, port); len(endpoints) > 0 {
			servers = []*destinations.Endpoint{&endpoints[0]}
		}
		for _, server := range servers {
			if !sameTLS(v.sentTo(client, d, port, server), v.sentTo(ofNowhere, d, port, server)) {
				return true
			}
		}
	}
	return false
}

// sentTo is what the client sends to the server; nil: as far as it is decided for all servers alike.
func (v *view) sentTo(
	client istio.Client, d *destinations.Destination, port destinations.Port, server *destinations.Endpoint,
) istio.TLS {
	if server == nil {
		return v.istio.Sends(client, v.toward(d, port))
	}
	return v.istio.Verdict(istio.Connection{Client: client, To: v.toward(d, port), Server: &server.Workload, Port: server.Port}).Sent
}

// sameTLS compares what leaves the client; the settings of a mode that takes none do not matter.
func sameTLS(a, b istio.TLS) bool {
	if a.Mode != b.Mode {
		return false
	}
	plain := a.Mode != meshtlsv1alpha1.SendSimple && a.Mode != meshtlsv1alpha1.SendMutual
	return plain || proto.Equal(a.Settings, b.Settings)
}

// destinationRuleSelectorHidesRule tells of rules for some pods because of which the namespace's other pods lose the rule that they had:
// in a namespace that has any for the host Istio looks no further.
// Source: istio pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule.
func destinationRuleSelectorHidesRule(v *view) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		if rule.Spec.GetWorkloadSelector() == nil {
			continue
		}
		for _, d := range v.called(hostOf(rule)) {
			others := v.istio.Rule(ofNowhere, d.Host).Rules
			loser, any := v.loser(rule, d)
			if len(others) == 0 || !any {
				continue
			}
			lost := "its load balancing and the like"
			if v.tlsDiffers(istio.ClientOf(loser), d) {
				lost = "its TLS"
			}
			f := about(meshtlsv1alpha1.SeverityWarning, model.KindDestinationRule, rule, "spec.workloadSelector")
			f.Message = fmt.Sprintf("Other pods of the namespace, such as %s, lose %s for %s, and %s: Istio looks no further than a namespace "+
				"that has a rule for the host.", loser.Example, ref(model.KindDestinationRule, others[0]), d.Name, lost)
			f.Remedy = "Put a copy of that rule, without workloadSelector and exportTo, into this namespace."
			findings = append(findings, f)
			break
		}
	}
	return findings
}

// loser is the first client of the namespace for which no rule is left, the rule for others being among those that hide it.
func (v *view) loser(rule *istionetworkingv1.DestinationRule, d *destinations.Destination) (model.Workload, bool) {
	for _, w := range v.clients().in[rule.Namespace] {
		if len(v.istio.Rule(istio.ClientOf(w), d.Host).Rules) == 0 && v.hides(rule, w, d) {
			return w, true
		}
	}
	return model.Workload{}, false
}

func (v *view) hides(rule *istionetworkingv1.DestinationRule, w model.Workload, d *destinations.Destination) bool {
	return slices.ContainsFunc(v.istio.Shadowed(istio.ClientOf(w), d.Host), func(s istio.Shadow) bool {
		return s.Rule == rule && s.Reason == istio.ShadowOtherPods
	})
}
