package translate

import (
	"cmp"
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// sendSet is what one DestinationRule governs: a host, for the pods of a selector, or with an empty pod set for everybody in its
// audience.
type sendSet struct {
	revision string
	host     string
	pods     pods.Set
}

// hostKey is a host to the control plane of a revision.
type hostKey struct{ revision, host string }

func (s sendSet) hostKey() hostKey { return hostKey{revision: s.revision, host: s.host} }

func hostKeyOf(r model.SendRule) hostKey { return hostKey{revision: r.Revision, host: r.Host} }

// sendKey is what can be decided once about a set: what is sent to a port, or with port 0 to the destination as a whole.
type sendKey struct {
	sendSet
	port int32
}

// sendValue is how a key is decided. Istio would merge two DestinationRules without selector for one host, or let the older hide the
// other, so the audience is part of what is decided.
type sendValue struct {
	audience model.Audience
	tls      meshtlsv1alpha1.ClientTLS
}

type (
	sendClaim    = claim[sendKey, sendValue]
	sendDecision = decision[sendKey, sendValue]
)

// sendPlan is the send side of a namespace.
type sendPlan struct {
	rules    []model.SendRule
	outcomes []entryOutcome
	// findings are about what the rules do besides what their entries ask for.
	findings []model.Finding
}

// sends decides what the namespace's policies send, and makes one rule for each host and client set. The clients that are held on the way
// to what is accepted are told nothing else.
func sends(m sendMesh, policies []policyTarget, accepted transit) sendPlan {
	sent := conflictingSends(m, sendEntries(m, policies))
	told := impliedSends(m, sent, policies, accepted.rules)
	entries, claims := sendClaims(sent)
	decisions := resolve(slices.Concat(claims, accepted.holds, told.claims), sameSend)
	rules := composed(m, withCompanions(m, foldSends(policies, decisions)))
	return sendPlan{
		rules:    rules,
		outcomes: outcomesOf(entries, decisions, sendConflict),
		findings: slices.Concat(told.findings, baseSecrets(m, rules), told.unmet(decisions)),
	}
}

func sendConflict(loser, winner sendClaim) model.Finding {
	what := "what is sent to " + loser.key.host
	if loser.key.port != 0 {
		what = fmt.Sprintf("what is sent to port %d of %s", loser.key.port, loser.key.host)
	}
	return loser.lostTo(winner.policy, "send-conflict",
		fmt.Sprintf("%s of MeshTLSPolicy %s already decides %s for these clients (%s); %s is not rendered.",
			winner.field, keyOf(winner.policy), what, winner.value, loser.value))
}

// String returns how messages name the value.
func (v sendValue) String() string {
	if v.audience == model.AudienceAll {
		return string(v.tls.Mode) + " for all clients"
	}
	return string(v.tls.Mode)
}

// foldSends makes one rule of the decisions about each set, in the order in which the sets first appear. All decisions about a set have
// one audience: an entry with another was denied.
func foldSends(policies []policyTarget, decisions []sendDecision) []model.SendRule {
	selectors := selectorsOf(policies)
	var rules []model.SendRule
	at := map[sendSet]int{}
	for _, d := range decisions {
		i, begun := at[d.key.sendSet]
		if !begun {
			i = len(rules)
			at[d.key.sendSet] = i
			rules = append(rules, model.SendRule{
				Revision: d.key.revision, Host: d.key.host, Audience: d.value.audience, Selector: selectors[d.key.pods],
			})
		}
		addSend(&rules[i], d)
	}
	for i := range rules {
		slices.SortFunc(rules[i].Ports, func(a, b model.PortTLS) int { return cmp.Compare(a.Port, b.Port) })
		rules[i].Owners = inPrecedence(policies, rules[i].Owners)
	}
	return rules
}

func addSend(rule *model.SendRule, d sendDecision) {
	rule.Owners = addOwners(rule.Owners, d.owners()...)
	if d.key.port == 0 {
		rule.TLS = d.value.tls
		return
	}
	rule.Ports = append(rule.Ports, model.PortTLS{Port: d.key.port, TLS: d.value.tls})
}
