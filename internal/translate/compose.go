package translate

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// composed gives each rule its base, what it is exported to, and the settings of the rule that it takes the place of. A rule that
// carried only TLS would throw away the load balancing, pools and subsets of its base, since Istio uses one rule for a client and a host.
func composed(m sendMesh, rules []model.SendRule) []model.SendRule {
	wide, selecting := wideByHost(rules), selectingHosts(rules)
	for i := range rules {
		rules[i].HostPorts = m.host(hostKeyOf(rules[i])).Ports
		rules[i].ExportTo = exportTo(m, rules[i], selecting)
		rules[i].Base = m.baseOf(rules[i])
		if rules[i].Audience != model.AudienceWorkload {
			continue
		}
		if at, beside := wide[hostKeyOf(rules[i])]; beside {
			rules[i] = onTopOf(rules[at], rules[i])
		} else if at, below := wide.above(hostKeyOf(rules[i])); below {
			rules[i] = onTopOf(rules[at], rules[i])
		}
	}
	return rules
}

// exportTo limits a rule to its own namespace, unless it is for every client, or stands beside one for single workloads: then Istio
// keeps the two apart only if they are exported differently.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
func exportTo(m sendMesh, rule model.SendRule, selecting sets.Set[hostKey]) []string {
	switch rule.Audience {
	case model.AudienceAll:
		return m.everybody()
	case model.AudienceNamespace:
		if selecting.Has(hostKeyOf(rule)) || slices.ContainsFunc(m.foreignOf(hostKeyOf(rule)), isSelecting) {
			return m.everybody()
		}
	}
	return []string{exportToOwn}
}

// selectingHosts returns the hosts for which there is a rule for single workloads.
func selectingHosts(rules []model.SendRule) sets.Set[hostKey] {
	selecting := sets.New[hostKey]()
	for _, rule := range rules {
		if rule.Audience == model.AudienceWorkload {
			selecting.Insert(hostKeyOf(rule))
		}
	}
	return selecting
}

// wideRules are the positions of the rules without selector.
type wideRules map[hostKey]int

func wideByHost(rules []model.SendRule) wideRules {
	wide := wideRules{}
	for i, r := range rules {
		if r.Audience != model.AudienceWorkload {
			wide[hostKeyOf(r)] = i
		}
	}
	return wide
}

// above returns the position of the rule for the narrowest wildcard that covers the host.
func (w wideRules) above(key hostKey) (int, bool) {
	for _, wildcard := range hosts.Wildcards(key.host) {
		if at, found := w[hostKey{revision: key.revision, host: wildcard}]; found {
			return at, true
		}
	}
	return 0, false
}

// onTopOf adds to the rule the settings of the one for the whole namespace where it has none of its own: Istio gives a pod one rule
// only. A destination level of its own stands for all ports.
func onTopOf(wide, rule model.SendRule) model.SendRule {
	if rule.TLS.Mode != "" {
		return rule
	}
	rule.TLS = wide.TLS
	ports := slices.Clone(rule.Ports)
	for _, p := range wide.Ports {
		if !slices.ContainsFunc(rule.Ports, func(own model.PortTLS) bool { return own.Port == p.Port }) {
			ports = append(ports, p)
		}
	}
	slices.SortFunc(ports, func(a, b model.PortTLS) int { return cmp.Compare(a.Port, b.Port) })
	rule.Ports = ports
	return rule
}
