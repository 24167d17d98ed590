package translate

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// others are the pods of the namespace that no rule for single workloads names, and what such rules do to them.
type others struct {
	// companions give them back what they lose.
	companions []model.SendRule
	// findings tell the policies what cannot be given back.
	findings []model.Finding
}

// forOthers finds what the namespace's other pods lose by the rules for single workloads: where a namespace has only such rules for a
// host, Istio gives its other pods none, and looks no further. They get the rule that they would have as one of this namespace.
// Source: istio pilot/pkg/model/push_context.go, destinationRule (the first namespace with any rule for the host decides), and
// pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule.
func forOthers(m sendMesh, rules []model.SendRule) others {
	wide := wideByHost(rules)
	at := map[hostKey]int{}
	var found others
	for _, rule := range rules {
		key := hostKeyOf(rule)
		if _, beside := wide[key]; beside || rule.Audience != model.AudienceWorkload {
			continue
		}
		lost := lostByOthers(m, rule)
		if lost != nil && !companionIsPossible(m, rule, lost) {
			found.findings = append(found.findings, lossOf(m, rule, lost)...)
		}
		companion, needed := companionOf(m, rule, lost, rules)
		switch i, made := at[key]; {
		case !needed:
		case made:
			found.companions[i].Owners = addOwners(found.companions[i].Owners, rule.Owners...)
		default:
			at[key] = len(found.companions)
			found.companions = append(found.companions, companion)
		}
	}
	return found
}

// companionOf is what the namespace's other pods have without the rule, if they would lose something and may be given it here: the
// rule that it takes the place of, with what the policies send for the namespace to a wildcard above the host.
func companionOf(m sendMesh, rule model.SendRule, lost *istionetworkingv1.DestinationRule, rules []model.SendRule) (model.SendRule, bool) {
	companion := model.SendRule{
		Revision: rule.Revision, Host: rule.Host, Audience: model.AudienceNamespace, ExportTo: m.everybody(), Companion: true,
		HostPorts: rule.HostPorts, Owners: slices.Clone(rule.Owners),
	}
	companion.Base = specOf(m.base(companion))
	at, below := wideByHost(rules).above(hostKeyOf(rule))
	if !below || hosts.IsWildcard(rule.Host) {
		return companion, lost != nil && companionIsPossible(m, rule, lost)
	}
	companion.TLS, companion.Ports = rules[at].TLS, rules[at].Ports
	companion.Owners = addOwners(companion.Owners, rules[at].Owners...)
	forAll := rules[at].Audience == model.AudienceAll && (lost == nil || m.isForEverybody(lost))
	return companion, m.noExport(hostKeyOf(rule)) == "" || (forAll && m.Namespace != m.Mesh.RootNamespace)
}

// lostByOthers is the rule that the namespace's other pods lose because of a workload's rule; nil: they lose none. A rule without
// selector for the same host in the same namespace stays theirs. A wildcard takes more than one: that is for a check to say.
func lostByOthers(m sendMesh, rule model.SendRule) *istionetworkingv1.DestinationRule {
	if hosts.IsWildcard(rule.Host) {
		return nil
	}
	choice := m.base(model.SendRule{Revision: rule.Revision, Host: rule.Host, Audience: model.AudienceNamespace})
	if len(choice.Rules) == 0 {
		return nil
	}
	lost := choice.Rules[0]
	if lost.Namespace == m.Namespace && hosts.Qualify(lost.Spec.GetHost(), lost.Namespace) == rule.Host {
		return nil
	}
	return lost
}

// companionIsPossible reports whether a copy of the rule may stand in this namespace, exported: it reaches nobody else, or only those
// who have the rule anyway.
func companionIsPossible(m sendMesh, rule model.SendRule, lost *istionetworkingv1.DestinationRule) bool {
	return m.noExport(hostKeyOf(rule)) == "" || (m.Namespace != m.Mesh.RootNamespace && m.isForEverybody(lost))
}

// lossOf tells the policies of a rule that it takes another one from the namespace's other pods.
func lossOf(m sendMesh, rule model.SendRule, lost *istionetworkingv1.DestinationRule) []model.Finding {
	findings := make([]model.Finding, 0, len(rule.Owners))
	for _, owner := range rule.Owners {
		findings = append(findings, model.Finding{
			Check:    "send-hides-rule",
			Severity: meshtlsv1alpha1.SeverityWarning,
			Subject:  model.PolicyRef(types.NamespacedName{Namespace: m.Namespace, Name: owner.Name}),
			Related:  model.RefOf(model.KindDestinationRule, lost),
			Field:    "spec.send",
			Message: fmt.Sprintf("Because of the rule for these pods the other pods of namespace %s lose DestinationRule %s/%s for %s, "+
				"and no copy of it can stand here, since %s.", m.Namespace, lost.Namespace, lost.Name, rule.Host, m.noExport(hostKeyOf(rule))),
			Remedy: "Send from the whole namespace instead, or give the other pods a policy of their own.",
		})
	}
	return findings
}
