package translate

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Where a namespace has a DestinationRule for a host, Istio looks for none elsewhere, nor for one of a less exact host: the pods that it
// does not select have none.
// Source: istio pilot/pkg/model/push_context.go, destinationRule; pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule.

// loss is what the namespace's other pods lose by a workload's rule: a DestinationRule, and what an entry sends for all of them to a
// wildcard above the host. The zero value: nothing.
type loss struct {
	rule  *istionetworkingv1.DestinationRule
	above *sendEntry
}

// lossOf finds what the namespace's other pods lose by a workload's rule for the host.
func (m sendMesh) lossOf(key hostKey, above *sendEntry) loss {
	lost := loss{above: above}
	choice := m.governing(model.SendRule{Revision: key.revision, Host: key.host, Audience: model.AudienceNamespace})
	if len(choice.Rules) > 0 && !m.staysWith(choice.Rules[0], key) && m.isOneRule(choice.Rules[0], key) {
		lost.rule = choice.Rules[0]
	}
	return lost
}

// staysWith reports whether the other pods keep the rule: one without selector, for the same host, that they find in the same place. In
// the root namespace they look only among its private rules first.
func (m sendMesh) staysWith(rule *istionetworkingv1.DestinationRule, key hostKey) bool {
	samePlace := rule.Namespace == m.Namespace && (m.Namespace != m.Mesh.RootNamespace || m.isPrivate(rule))
	return samePlace && m.domain().Qualify(rule.Spec.GetHost(), rule.Namespace) == key.host
}

// isOneRule reports whether the rule is the only one that the host takes the place of: a wildcard hides the rules of many hosts, unless
// the namespace itself has a wider one.
func (m sendMesh) isOneRule(rule *istionetworkingv1.DestinationRule, key hostKey) bool {
	return !hosts.IsWildcard(key.host) || rule.Namespace == m.Namespace
}

// none reports whether nothing is lost.
func (l loss) none() bool { return l.rule == nil && l.above == nil }

// canBeGivenBack reports whether a rule without selector may give the other pods back what they lose: exported, as it must be beside
// one with a selector, it reaches nobody else, or only clients who have all of it anyway.
func (m sendMesh) canBeGivenBack(l loss, key hostKey) bool {
	if m.noExport(key) == "" {
		return true
	}
	everybodys := (l.rule == nil || m.isForEverybody(l.rule)) && (l.above == nil || l.above.audience == model.AudienceAll)
	return m.Namespace != m.Mesh.RootNamespace && everybodys
}

func (l loss) String() string {
	switch {
	case l.rule == nil:
		return fmt.Sprintf("what %s of MeshTLSPolicy %s sends to %s", l.above.field, l.above.policy.key(), l.above.set.host)
	case l.above == nil:
		return fmt.Sprintf("DestinationRule %s/%s", l.rule.Namespace, l.rule.Name)
	default:
		return fmt.Sprintf("DestinationRule %s/%s, with what %s of MeshTLSPolicy %s sends to %s",
			l.rule.Namespace, l.rule.Name, l.above.field, l.above.policy.key(), l.above.set.host)
	}
}

// hidesFromOthers returns the finding that the entry's rule takes something from the namespace's other pods that cannot be given back; nil:
// it does not.
func hidesFromOthers(m sendMesh, e *sendEntry, above *sendEntry, named []map[string]string) *model.Finding {
	lost := m.lossOf(e.set.hostKey(), above)
	if lost.none() || m.canBeGivenBack(lost, e.set.hostKey()) {
		return nil
	}
	loser, any := m.otherPod(e.policy, named)
	if !any {
		return nil
	}
	f := model.Finding{
		Check: "send-hides-rule", Severity: meshtlsv1alpha1.SeverityError, Subject: model.PolicyRef(e.policy.key()), Field: e.field,
		Message: fmt.Sprintf("Beside a rule for these pods the other pods of namespace %s, such as %s, would lose %s for %s, and no copy of it "+
			"can stand here, since %s. This entry is not rendered.", m.Namespace, loser.Example, lost, e.set.host, m.noExport(e.set.hostKey())),
		Remedy:    "Send from the whole namespace instead, or give each of the other pods a policy that sends to the host.",
		Condition: meshtlsv1alpha1.ConditionAccepted, Reason: meshtlsv1alpha1.ReasonConflicted,
	}
	if lost.rule != nil {
		f.Related = model.RefOf(model.KindDestinationRule, lost.rule)
	}
	return &f
}

// otherPod returns a pod of the namespace with a proxy that no selector selects.
func (m sendMesh) otherPod(p *policyTarget, selectors []map[string]string) (pod *model.Workload, found bool) {
	for _, w := range m.view(p).Selected(m.Namespace, nil) {
		selects := func(selector map[string]string) bool { return pods.Matches(selector, w.Labels) }
		if mesh.ReadsRules(w) && !slices.ContainsFunc(selectors, selects) {
			return w, true
		}
	}
	return nil, false
}
