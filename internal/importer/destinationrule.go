package importer

import (
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// ruleSet is what Istio makes one DestinationRule of: a host and its clients.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
type ruleSet struct{ namespace, revision, host, selector, exportTo string }

func (m *original) ruleSetOf(rule *istionetworkingv1.DestinationRule) ruleSet {
	set := ruleSet{
		namespace: rule.Namespace, revision: rule.Labels[meshtlsv1alpha1.LabelRevision],
		host: m.domain().Qualify(rule.Spec.GetHost(), rule.Namespace),
	}
	if selector := rule.Spec.GetWorkloadSelector(); selector != nil {
		set.selector = "for " + selectorKey(selector.GetMatchLabels())
	} else {
		set.exportTo = strings.Join(rule.Spec.GetExportTo(), ",")
	}
	return set
}

// mergedRule is what Istio makes of the rules of a set.
type mergedRule struct {
	// rules are the set, oldest first, but the one whose trafficPolicy counts, if any, before all.
	rules   []*istionetworkingv1.DestinationRule
	policy  *networkingapi.TrafficPolicy
	subsets []*networkingapi.Subset
}

func (r mergedRule) first() *istionetworkingv1.DestinationRule { return r.rules[0] }

// merge keeps the oldest trafficPolicy, and of subsets of one name the first.
func merge(group []*istionetworkingv1.DestinationRule) mergedRule {
	merged := mergedRule{rules: slices.Clone(group)}
	for i, rule := range group {
		if rule.Spec.TrafficPolicy != nil && merged.policy == nil {
			merged.policy = rule.Spec.TrafficPolicy
			merged.rules = slices.Insert(slices.Delete(merged.rules, i, i+1), 0, rule)
		}
		for _, subset := range rule.Spec.Subsets {
			if !slices.ContainsFunc(merged.subsets, func(s *networkingapi.Subset) bool { return s.GetName() == subset.GetName() }) {
				merged.subsets = append(merged.subsets, subset)
			}
		}
	}
	return merged
}

// destinationRules proposes a policy for each set of rules in which TLS counts.
func (d *draft) destinationRules(all []*istionetworkingv1.DestinationRule) {
	for _, group := range grouped(all, d.original.ruleSetOf) {
		rule := merge(group)
		switch {
		case !slices.ContainsFunc(group, saysTLS):
			for _, each := range group {
				d.withoutTLS = append(d.withoutTLS, refOf(model.KindDestinationRule, each))
			}
		case subsetWithTLS(rule) != "":
			d.refuseRules(rule, fmt.Sprintf("Subset %s has TLS of its own, and a MeshTLSPolicy knows hosts and ports, but no subsets.",
				subsetWithTLS(rule)))
		case unknownTLS(group) != "":
			d.refuseRules(rule, unsayable(unknownTLS(group)))
		case !policySaysTLS(rule.policy):
			d.refuseRules(rule, "")
		default:
			d.send(rule)
		}
	}
}

// refuseRules refuses those of the set that speak of TLS; the younger ones because they do so to no effect.
func (d *draft) refuseRules(rule mergedRule, why string) {
	first := refOf(model.KindDestinationRule, rule.first())
	for i, each := range rule.rules {
		ref := refOf(model.KindDestinationRule, each)
		switch {
		case i == 0 && why != "":
			d.refuse(ref, why)
		case i > 0 && saysTLS(each):
			d.refuse(ref, fmt.Sprintf("Istio ignores its trafficPolicy beside that of the older %s for the same host and clients.", first))
		case !saysTLS(each):
			d.withoutTLS = append(d.withoutTLS, ref)
		}
	}
}

// send proposes a policy for a set of rules whose TLS counts.
func (d *draft) send(rule mergedRule) {
	clients, why := d.original.clientsOf(rule.first())
	if why != "" {
		d.refuseRules(rule, why)
		return
	}
	c := sendCandidate(rule, clients, d.original.Mesh.AutoMTLS)
	if saysMore(rule) {
		rest, why := d.original.restOf(rule, clients)
		if why != "" {
			d.refuseRules(rule, why)
			return
		}
		c.rest = rest
		c.notes = append(c.notes, fmt.Sprintf("What else %s says (load balancing, connection pools, outlier detection, subsets) is in the "+
			"DestinationRule after the policy. It lives in the root namespace %s, where the operator finds it as what its own rule starts from, "+
			"and no client uses it before that one.", c.from[0], rest.Namespace))
	}
	if d.original.mayBeMeantForAll(rule.first(), clients) {
		c.notes = append(c.notes, fmt.Sprintf("Nothing that was read declares host %s. If a Service or ServiceEntry of namespace %s does, "+
			"every client uses the rule: import both together.", rule.first().Spec.GetHost(), rule.first().Namespace))
	}
	d.candidates = append(d.candidates, c)
}

// sendCandidate says the rule's TLS as an entry of send.
func sendCandidate(rule mergedRule, clients clients, autoMTLS bool) *candidate {
	first := rule.first()
	c := &candidate{kind: model.KindDestinationRule, policy: policyFor(first)}
	send := meshtlsv1alpha1.Send{Hosts: []string{first.Spec.GetHost()}, Clients: clients.send}
	if clients.selector != nil {
		c.policy.Spec.Workload = &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: clients.selector}}
	}
	destination := clientTLS(rule.policy.GetTls())
	if rule.policy.GetTls() == nil && autoMTLS {
		destination.Mode = meshtlsv1alpha1.SendAuto
	}
	send.ClientTLS = destination
	send.Ports = sendPorts(rule.policy)
	c.policy.Spec.Send = []meshtlsv1alpha1.Send{send}
	if saysDisable(rule.policy) {
		c.notes = append(c.notes, "A tls of it has mode DISABLE, or no mode, which Istio reads the same: no TLS is sent. "+
			"If TLS was meant, change the mode.")
	}
	for _, each := range rule.rules {
		c.from = append(c.from, refOf(model.KindDestinationRule, each))
	}
	for i, loser := range rule.rules {
		if i > 0 && loser.Spec.TrafficPolicy != nil {
			c.notes = append(c.notes, fmt.Sprintf("The trafficPolicy of %s has no effect, since Istio uses only the oldest for a host and its "+
				"clients, that of %s. It must go too, or the policy is not rendered.", c.from[i], c.from[0]))
		}
	}
	return c
}

// clients are whose traffic a rule governs.
type clients struct {
	// selector are the labels of the pods; nil: they are not told apart.
	selector map[string]string
	// send is All, or empty for the namespace's own.
	send meshtlsv1alpha1.SendClients
}

// clientsOf says whose traffic a rule governs, as far as a policy of its namespace can say it, or why it cannot. Istio looks for a
// rule in the namespace of the client, of the host and in the root's, and nowhere else.
// Source: istio pilot/pkg/model/push_context.go, destinationRule and setDestinationRules.
func (m *original) clientsOf(rule *istionetworkingv1.DestinationRule) (clients, string) {
	if selector := rule.Spec.GetWorkloadSelector(); selector != nil {
		if len(selector.GetMatchLabels()) == 0 {
			return clients{}, "Its workloadSelector has no labels; without a workloadSelector it would say the same and could be imported."
		}
		return clients{selector: selector.GetMatchLabels()}, ""
	}
	exportTo := m.exportTo(rule)
	own := func(namespace string) bool { return namespace == "." || namespace == rule.Namespace }
	found := m.foundElsewhere(rule)
	switch {
	case len(exportTo) == 0 || slices.Contains(exportTo, "*"):
		if found {
			return clients{send: meshtlsv1alpha1.ClientsAll}, ""
		}
		return clients{}, ""
	case !slices.ContainsFunc(exportTo, func(n string) bool { return !own(n) }):
		return clients{}, ""
	case found:
		return clients{}, fmt.Sprintf("It is exported to some namespaces (%s), and a policy is for the clients of its own namespace or for all. "+
			"Write a policy in each of them instead.", strings.Join(exportTo, ", "))
	case !slices.ContainsFunc(exportTo, own):
		return clients{}, fmt.Sprintf("No client uses it: namespace %s is neither the host's nor the root, and the rule is not exported to "+
			"its own. It has no effect; delete it.", rule.Namespace)
	default:
		return clients{}, ""
	}
}

// mayBeMeantForAll reports whether clients of other namespaces would use the rule if its namespace declared the host, and nobody is known
// to do so.
func (m *original) mayBeMeantForAll(rule *istionetworkingv1.DestinationRule, c clients) bool {
	host := m.domain().Qualify(rule.Spec.GetHost(), rule.Namespace)
	exported := slices.ContainsFunc(m.exportTo(rule), func(n string) bool { return n != "." && n != rule.Namespace }) ||
		len(m.exportTo(rule)) == 0
	return exported && c.selector == nil && c.send == "" && !m.declares("", host)
}

// exportTo returns the namespaces whose clients may use the rule; empty: all.
func (m *original) exportTo(rule *istionetworkingv1.DestinationRule) []string {
	if exportTo := rule.Spec.GetExportTo(); len(exportTo) > 0 {
		return exportTo
	}
	return m.Mesh.DefaultDestinationRuleExportTo
}

// foundElsewhere reports whether clients of other namespaces find the rule, and a policy may decide for them.
func (m *original) foundElsewhere(rule *istionetworkingv1.DestinationRule) bool {
	host := m.domain().Qualify(rule.Spec.GetHost(), rule.Namespace)
	return rule.Namespace == m.Mesh.RootNamespace || m.domain().Belongs(host, rule.Namespace) || m.declares(rule.Namespace, host)
}
