package translate

import (
	"cmp"
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// acceptSet is what one PeerAuthentication governs: Istio does not merge several for the same pods (the oldest counts alone), so
// policies on one set are folded into one.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
type acceptSet struct {
	revision string
	pods     podSet
}

// acceptKey is one mode of a set: of a port, or with port 0 of the workload as a whole.
type acceptKey struct {
	acceptSet
	port int32
}

// acceptPlan is the accept side of a namespace.
type acceptPlan struct {
	rules     []model.AcceptRule
	decisions map[acceptKey]acceptDecision
	entries   []entry
}

type (
	acceptClaim    = claim[acceptKey, meshtlsv1alpha1.AcceptMode]
	acceptDecision = decision[acceptKey, meshtlsv1alpha1.AcceptMode]
)

// accepts settles what the namespace's policies accept, and folds it into one rule for each pod set.
func accepts(at site, policies []policyTarget) acceptPlan {
	asker := acceptAsker{site: at, floors: floorsOf(at.Snapshot, policies)}
	for _, p := range policies {
		if p.Spec.Accept != nil {
			asker.askAll(p)
		}
	}
	decisions := settle(asker.claims, func(a, b meshtlsv1alpha1.AcceptMode) bool { return a == b })
	plan := acceptPlan{
		rules:     foldAccepts(policies, decisions),
		decisions: make(map[acceptKey]acceptDecision, len(decisions)),
		entries:   entriesOf(asker.asks, decisions, acceptConflict),
	}
	for _, d := range decisions {
		plan.decisions[d.key] = d
	}
	return plan
}

func acceptSetOf(p policyTarget) acceptSet {
	return acceptSet{revision: p.revision(), pods: p.set}
}

// acceptAsker collects what the policies ask for and claim.
type acceptAsker struct {
	site
	floors floors
	asks   []ask
	claims []acceptClaim
}

// askAll adds the entries of one policy: its mode, then its ports. Inherit, the default, decides nothing and so claims nothing.
func (a *acceptAsker) askAll(p policyTarget) {
	if mode := p.Spec.Accept.Mode; mode != "" && mode != meshtlsv1alpha1.AcceptInherit {
		a.ask(p, "spec.accept.mode", mode, portNumbers{numbers: []int32{0}})
	}
	for i, port := range p.Spec.Accept.Ports {
		field := fmt.Sprintf("spec.accept.ports[%d]", i)
		a.ask(p, field, port.Mode, a.numbersOf(p, field, port))
	}
}

func (a *acceptAsker) ask(p policyTarget, field string, mode meshtlsv1alpha1.AcceptMode, ports portNumbers) {
	entry := ask{policy: p, field: field, denied: a.denial(p, field, mode), notes: ports.notes}
	if entry.denied == nil && p.target.resolved() {
		for _, number := range ports.numbers {
			a.claims = append(a.claims, acceptClaim{
				policy: p.MeshTLSPolicy, field: field, ask: len(a.asks),
				key: acceptKey{acceptSet: acceptSetOf(p), port: number}, value: mode,
			})
		}
	}
	a.asks = append(a.asks, entry)
}

// denial says why a policy may not declare the mode at all; nil: it may.
func (a *acceptAsker) denial(p policyTarget, field string, mode meshtlsv1alpha1.AcceptMode) *model.Finding {
	f := a.floors.binding(p.target.scope)
	switch {
	case p.target.scope == scopeWorkload && p.Namespace == a.Mesh.RootNamespace:
		return at(p.MeshTLSPolicy, field).unsupported("accept-workload-in-root-namespace",
			fmt.Sprintf("Istio ignores a PeerAuthentication with a selector in the root namespace %s.", p.Namespace),
			"Remove the workload to govern the mesh, or move the policy to a namespace that is not the root.")
	case f.forbids(mode):
		finding := belowFloor(p, field, mode, f)
		return &finding
	case mode == meshtlsv1alpha1.AcceptDisable && a.allAmbient(p):
		return at(p.MeshTLSPolicy, field).unsupported("accept-disable-on-ambient",
			"The target's pods are in ambient mode, where ztunnel does not know Disable.",
			"Use Permissive: ztunnel then accepts plaintext as well as mutual TLS.")
	default:
		return nil
	}
}

// allAmbient says whether the target has pods and ztunnel carries the traffic of all of them.
func (a *acceptAsker) allAmbient(p policyTarget) bool {
	if p.target.scope != scopeWorkload || !p.target.resolved() {
		return false
	}
	selected := a.pods.Selected(p.target.selector)
	return len(selected) > 0 && !slices.ContainsFunc(selected, func(w model.Workload) bool { return w.Dataplane != model.DataplaneAmbient })
}

func acceptConflict(loser, winner acceptClaim) model.Finding {
	what := "these pods"
	if loser.key.port != 0 {
		what = fmt.Sprintf("port %d of these pods", loser.key.port)
	}
	return at(loser.policy, loser.field).lostTo(winner.policy, "accept-conflict",
		fmt.Sprintf("%s of MeshTLSPolicy %s already sets %s to %s; %s is not rendered.",
			winner.field, keyOf(winner.policy), what, winner.value, loser.value))
}

// foldAccepts makes one rule of the decisions about each set, in the order in which the sets first appear. A set about which
// nothing but Inherit was decided has no rule: a PeerAuthentication that says nothing would only hide others.
func foldAccepts(policies []policyTarget, decisions []acceptDecision) []model.AcceptRule {
	selectors := selectorsOf(policies)
	var rules []model.AcceptRule
	at := map[acceptSet]int{}
	for _, d := range decisions {
		if d.value == meshtlsv1alpha1.AcceptInherit {
			continue
		}
		i, begun := at[d.key.acceptSet]
		if !begun {
			i = len(rules)
			at[d.key.acceptSet] = i
			rules = append(rules, model.AcceptRule{
				Revision: d.key.revision, Selector: selectors[d.key.pods], Mode: meshtlsv1alpha1.AcceptInherit,
			})
		}
		addDecision(&rules[i], d)
	}
	for i := range rules {
		slices.SortFunc(rules[i].Ports, func(a, b model.PortMode) int { return cmp.Compare(a.Port, b.Port) })
		rules[i].Owners = inPrecedence(policies, rules[i].Owners)
	}
	return rules
}

func addDecision(rule *model.AcceptRule, d acceptDecision) {
	rule.Owners = addOwners(rule.Owners, d.owners()...)
	if d.key.port == 0 {
		rule.Mode = d.value
		return
	}
	rule.Ports = append(rule.Ports, model.PortMode{Port: d.key.port, Mode: d.value})
}

// selectorsOf finds the labels behind each canonical selector.
func selectorsOf(policies []policyTarget) map[podSet]map[string]string {
	selectors := make(map[podSet]map[string]string, len(policies))
	for _, p := range policies {
		selectors[p.set] = p.target.selector
	}
	return selectors
}

// inPrecedence orders the owners as the policies are ordered. There are few owners and no need for an index.
func inPrecedence(policies []policyTarget, owners []model.Owner) []model.Owner {
	if len(owners) < 2 {
		return owners
	}
	ordered := make([]model.Owner, 0, len(owners))
	for _, p := range policies {
		if o := ownerOf(p.MeshTLSPolicy); slices.Contains(owners, o) {
			ordered = append(ordered, o)
		}
	}
	return ordered
}
