package istio

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// ShadowReason is why a DestinationRule does not govern.
type ShadowReason string

const (
	// ShadowMerged: an older rule of the same host has a trafficPolicy, and Istio drops this one's.
	ShadowMerged ShadowReason = "Merged"
	// ShadowOtherPods: another rule of the same host is the one for these pods.
	ShadowOtherPods ShadowReason = "OtherPods"
	// ShadowLessSpecific: a rule of the same namespace names the host more exactly.
	ShadowLessSpecific ShadowReason = "LessSpecific"
	// ShadowEarlierNamespace: a namespace in which Istio looks earlier has a rule.
	ShadowEarlierNamespace ShadowReason = "EarlierNamespace"
	// ShadowNotExported: exportTo keeps the rule from the client's namespace.
	ShadowNotExported ShadowReason = "NotExported"
)

// Shadow is a DestinationRule that stands for the host and does not govern the client's traffic to it.
type Shadow struct {
	Rule   *istionetworkingv1.DestinationRule
	Reason ShadowReason
	// Winner is the rule that governs in its place; the zero model.ObjectRef where none does.
	Winner model.ObjectRef
	Why    string
}

// Shadowed lists the rules of the client's, the host's and the root namespace that stand for the host to no effect, in the order in
// which Istio looks. A rule of which Istio takes some part is not among them, unless its trafficPolicy is dropped.
func (m *Model) Shadowed(client Client, host model.Host) []Shadow {
	search := shadowSearch{client: client, chosen: m.rules().choose(client, host),
		seen: map[*istionetworkingv1.DestinationRule]bool{}}
	search.start()
	decided := false
	for pool, exported := range m.rules().pools(client.Namespace, host) {
		matches := slices.Collect(pool.matching(host.Name))
		for depth, candidates := range matches {
			search.judge(candidates.merged, decided, exported, depth)
		}
		visible := len(matches) > 0
		if visible && exported {
			visible = len(matches[0].visibleTo(client.Namespace)) > 0
		}
		decided = decided || visible
	}
	return search.found
}

type shadowSearch struct {
	client Client
	chosen *mergedRule
	seen   map[*istionetworkingv1.DestinationRule]bool
	found  []Shadow
}

// start notes what the chosen rule is made of, and which trafficPolicy is dropped in the making.
func (s *shadowSearch) start() {
	if s.chosen == nil {
		return
	}
	for _, rule := range s.chosen.from {
		if rule.Spec.TrafficPolicy != nil && rule != s.chosen.policy {
			s.add(rule, ShadowMerged, fmt.Sprintf("%s is merged before it, and Istio keeps only the first trafficPolicy of a host.",
				ruleRef(s.chosen.policy)))
		}
		s.seen[rule] = true
	}
}

func (s *shadowSearch) judge(candidates []*mergedRule, decided, exported bool, depth int) {
	for _, candidate := range candidates {
		reason, why := ShadowOtherPods, "Another rule of the host is the one for these pods."
		switch {
		case exported && !candidate.visibleTo(s.client.Namespace):
			reason, why = ShadowNotExported, fmt.Sprintf("Its exportTo does not reach namespace %s.", s.client.Namespace)
		case decided:
			reason, why = ShadowEarlierNamespace, "Istio takes the rules of the first namespace that has any for the host: the client's, "+
				"the host's, the root namespace."
		case depth > 0:
			reason, why = ShadowLessSpecific, "A rule of the same namespace names the host more exactly."
		}
		for _, rule := range candidate.from {
			s.add(rule, reason, why)
		}
	}
}

func (s *shadowSearch) add(rule *istionetworkingv1.DestinationRule, reason ShadowReason, why string) {
	if s.seen[rule] {
		return
	}
	s.seen[rule] = true
	shadow := Shadow{Rule: rule, Reason: reason, Why: why}
	if s.chosen != nil {
		shadow.Winner = ruleRef(s.chosen.first())
	}
	if reason == ShadowMerged {
		shadow.Winner = ruleRef(s.chosen.policy)
	}
	s.found = append(s.found, shadow)
}
