package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// compareNames orders objects by namespace and name.
func compareNames(a, b metav1.Object) int {
	return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
}

// onBases gives each rule what it starts from and whom it is exported to. A rule that carried only TLS would throw away the load
// balancing, pools and subsets of the rule that it takes the place of, since Istio uses one rule for a client and a host.
// A wildcard has no base: it takes the place of many rules.
func (a *sendAsker) onBases(rules []model.SendRule) []model.SendRule {
	wide, selecting := wideByHost(rules), selectingHosts(rules)
	for i := range rules {
		host := a.hostOf(rules[i].Host)
		rules[i].HostPorts = host.Ports
		rules[i].ExportTo = a.exportTo(rules[i], selecting)
		if !hosts.IsWildcard(rules[i].Host) {
			rules[i].Base = specOf(a.foreign.base(rules[i], host))
		}
	}
	for i := range rules {
		if rules[i].Audience != model.AudienceWorkload {
			continue
		}
		if at, beside := wide[hostKeyOf(rules[i])]; beside {
			rules[i] = onTopOf(rules[at], rules[i])
			rules[i].Base = rules[at].Base
		} else if at, below := wide.above(hostKeyOf(rules[i])); below {
			rules[i] = onTopOf(rules[at], rules[i])
		}
	}
	return rules
}

// hostOf is the destination as far as it is known.
func (a *sendAsker) hostOf(name string) model.Host {
	if host, known := a.known[name]; known {
		return host
	}
	namespace, _, _ := hosts.Service(name)
	return model.Host{Name: name, Namespace: namespace}
}

// exportTo limits a rule to its own namespace, unless it is for every client, or stands beside one for single workloads: then Istio
// keeps the two apart only if they are exported differently.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
func (a *sendAsker) exportTo(rule model.SendRule, selecting sets.Set[hostKey]) []string {
	switch rule.Audience {
	case model.AudienceAll:
		return a.foreign.everybody()
	case model.AudienceNamespace:
		if selecting.Has(hostKeyOf(rule)) || a.besideForeignSelecting(rule) {
			return a.foreign.everybody()
		}
	}
	return []string{exportToOwn}
}

// besideForeignSelecting says whether somebody else has a rule for single workloads of the namespace and the same host.
func (a *sendAsker) besideForeignSelecting(rule model.SendRule) bool {
	return slices.ContainsFunc(a.foreign.of(sendSet{revision: rule.Revision, host: rule.Host}),
		func(foreign *istionetworkingv1.DestinationRule) bool { return !isWide(foreign) })
}

// selectingHosts are those for which there is a rule for single workloads.
func selectingHosts(rules []model.SendRule) sets.Set[hostKey] {
	selecting := sets.New[hostKey]()
	for _, rule := range rules {
		if rule.Audience == model.AudienceWorkload {
			selecting.Insert(hostKeyOf(rule))
		}
	}
	return selecting
}

// hostKey is what a workload's rule and the rule without selector beside it have in common.
type hostKey struct{ revision, host string }

func hostKeyOf(r model.SendRule) hostKey { return hostKey{revision: r.Revision, host: r.Host} }

// wideRules are the positions of the rules without selector.
type wideRules map[hostKey]int

// above is the rule for the narrowest wildcard that covers the host.
func (w wideRules) above(key hostKey) (int, bool) {
	for _, wildcard := range hosts.Wildcards(key.host) {
		if at, found := w[hostKey{revision: key.revision, host: wildcard}]; found {
			return at, true
		}
	}
	return 0, false
}

func wideByHost(rules []model.SendRule) wideRules {
	wide := wideRules{}
	for i, r := range rules {
		if r.Audience != model.AudienceWorkload {
			wide[hostKeyOf(r)] = i
		}
	}
	return wide
}

// onTopOf is the rule, with the settings of the one for the whole namespace where it has none of its own: Istio gives a pod one rule
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

// companions are the bases of workloads' rules, as rules of this namespace without selector: where a namespace has only rules for
// single workloads, Istio gives its other pods none, and looks no further.
// Source: istio pilot/pkg/model/push_context.go, destinationRule (the first namespace with any rule for the host decides), and
// pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule.
func (a *sendAsker) companions(rules []model.SendRule) []model.SendRule {
	wide := wideByHost(rules)
	at := map[hostKey]int{}
	var companions []model.SendRule
	for _, rule := range rules {
		key := hostKeyOf(rule)
		if _, beside := wide[key]; beside || rule.Audience != model.AudienceWorkload {
			continue
		}
		companion, needed := a.companionOf(rule, rules, wide)
		switch i, made := at[key]; {
		case !needed:
		case made:
			companions[i].Owners = addOwners(companions[i].Owners, rule.Owners...)
		default:
			at[key] = len(companions)
			companions = append(companions, companion)
		}
	}
	return companions
}

// companionOf is what the namespace's other pods have without the rule, if they would lose something and may be given it here: the
// rule that it takes the place of, with what the policies send for the namespace to a wildcard above the host.
func (a *sendAsker) companionOf(rule model.SendRule, rules []model.SendRule, wide wideRules) (model.SendRule, bool) {
	companion := model.SendRule{
		Revision: rule.Revision, Host: rule.Host, Audience: model.AudienceNamespace, ExportTo: a.foreign.everybody(), Companion: true,
		HostPorts: rule.HostPorts, Owners: slices.Clone(rule.Owners),
	}
	companion.Base = specOf(a.foreign.base(companion, a.hostOf(rule.Host)))
	lost := a.lostByOthers(rule)
	if at, below := wide.above(hostKeyOf(rule)); below && !hosts.IsWildcard(rule.Host) {
		companion.TLS, companion.Ports = rules[at].TLS, rules[at].Ports
		companion.Owners = addOwners(companion.Owners, rules[at].Owners...)
		forAll := rules[at].Audience == model.AudienceAll && (lost == nil || a.foreign.isForEverybody(lost))
		return companion, a.noExport(rule.Host) == "" || (forAll && a.Namespace != a.Mesh.RootNamespace)
	}
	return companion, lost != nil && a.companionIsPossible(rule, lost)
}

// lostByOthers is the rule that the namespace's other pods lose because of a workload's rule; nil: they lose none. A rule without
// selector for the same host in the same namespace stays theirs. A wildcard takes more than one: that is for a check to say.
func (a *sendAsker) lostByOthers(rule model.SendRule) *istionetworkingv1.DestinationRule {
	if hosts.IsWildcard(rule.Host) {
		return nil
	}
	others := model.SendRule{Revision: rule.Revision, Host: rule.Host, Audience: model.AudienceNamespace}
	choice := a.foreign.base(others, a.hostOf(rule.Host))
	if len(choice.Rules) == 0 {
		return nil
	}
	lost := choice.Rules[0]
	if lost.Namespace == a.Namespace && hosts.Qualify(lost.Spec.GetHost(), lost.Namespace) == rule.Host {
		return nil
	}
	return lost
}

// companionIsPossible says whether a copy of the rule may stand in this namespace, exported: it reaches nobody else, or only those
// who have the rule anyway.
func (a *sendAsker) companionIsPossible(rule model.SendRule, lost *istionetworkingv1.DestinationRule) bool {
	return a.noExport(rule.Host) == "" || (a.Namespace != a.Mesh.RootNamespace && a.foreign.isForEverybody(lost))
}

// losses tell the policies whose workloads' rules take a rule from the namespace's other pods.
func (a *sendAsker) losses(rules []model.SendRule) []model.Finding {
	wide := wideByHost(rules)
	var findings []model.Finding
	for _, rule := range rules {
		if _, beside := wide[hostKeyOf(rule)]; beside || rule.Audience != model.AudienceWorkload {
			continue
		}
		if lost := a.lostByOthers(rule); lost != nil && !a.companionIsPossible(rule, lost) {
			findings = append(findings, a.lossOf(rule, lost)...)
		}
	}
	return findings
}

func (a *sendAsker) lossOf(rule model.SendRule, lost *istionetworkingv1.DestinationRule) []model.Finding {
	findings := make([]model.Finding, 0, len(rule.Owners))
	for _, owner := range rule.Owners {
		findings = append(findings, model.Finding{
			Check:    "send-hides-rule",
			Severity: meshtlsv1alpha1.SeverityWarning,
			Subject:  model.PolicyRef(types.NamespacedName{Namespace: a.Namespace, Name: owner.Name}),
			Related:  model.ObjectRef{Kind: model.KindDestinationRule, Namespace: lost.Namespace, Name: lost.Name},
			Field:    "spec.send",
			Message: fmt.Sprintf("Because of the rule for these pods the other pods of namespace %s lose DestinationRule %s/%s for %s, "+
				"and no copy of it can stand here, since %s.", a.Namespace, lost.Namespace, lost.Name, rule.Host, a.noExport(rule.Host)),
			Remedy: "Send from the whole namespace instead, or give the other pods a policy of their own.",
		})
	}
	return findings
}
