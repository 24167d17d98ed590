package translate

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// acceptSet is what one PeerAuthentication governs: Istio does not merge several for the same pods (the oldest counts alone), so
// policies on one set are folded into one.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
type acceptSet struct {
	revision string
	pods     pods.Set
}

// acceptKey is what can be decided once about a set: what a port accepts, or with port 0 the workload as a whole.
type acceptKey struct {
	acceptSet
	port int32
}

// acceptPlan is the accept side of a namespace.
type acceptPlan struct {
	rules     []model.AcceptRule
	decisions map[acceptKey]acceptDecision
	outcomes  []entryOutcome
	// excepted are the policies that an exception lets below a floor, with the last day of it.
	excepted map[types.NamespacedName]string
}

type (
	acceptClaim    = claim[acceptKey, acceptValue]
	acceptDecision = decision[acceptKey, acceptValue]
)

// acceptValue is what an entry asks its target to accept now.
type acceptValue struct {
	model.AcceptSettings
	// end is the mode at the end of the policy's rollout; without a rollout it is that of now.
	end meshtlsv1alpha1.AcceptMode
}

// String returns the mode in a sentence.
func (v acceptValue) String() string {
	if v.end != v.Mode {
		return string(v.Mode) + afterRollout
	}
	return string(v.Mode)
}

func only(mode meshtlsv1alpha1.AcceptMode) acceptValue {
	return acceptValue{AcceptSettings: model.AcceptSettings{Mode: mode}, end: mode}
}

// accepts decides what the namespace's workloads accept, and folds it into one rule for each pod set.
func accepts(m indexed, policies []policyTarget) acceptPlan {
	entries, claims, excepted := acceptEntries(m, policies)
	decisions := resolve(append(claims, workloadClaims(policies)...), sameAccept)
	plan := acceptPlan{
		excepted:  excepted,
		rules:     foldAccepts(policies, decisions),
		decisions: make(map[acceptKey]acceptDecision, len(decisions)),
		outcomes:  outcomesOf(entries, decisions, acceptConflict),
	}
	for _, d := range decisions {
		plan.decisions[d.key] = d
	}
	return plan
}

func acceptSetOf(p *policyTarget) acceptSet {
	return acceptSet{revision: p.revision(), pods: p.set}
}

// acceptAsked is what a policy asks its target to accept, by one entry.
type acceptAsked struct {
	*policyTarget
	entryRef
	acceptValue
	// ports are those of the entry; port 0 stands for the workload as a whole.
	ports portNumbers
}

// acceptEntries lists the entries of spec.accept of all policies, with what they claim: the mode of each policy, then its ports.
// Inherit, the default, decides nothing and so claims nothing.
func acceptEntries(m indexed, policies []policyTarget) (
	entries []entry, claims []acceptClaim, excepted map[types.NamespacedName]string,
) {
	bounds := floorsOf(m.Snapshot, policies)
	excepted = map[types.NamespacedName]string{}
	for i := range policies {
		p := &policies[i]
		for _, asked := range acceptsAsked(m, p) {
			verdict := acceptVerdict(m, bounds, asked)
			e := entry{entryRef: asked.entryRef, denied: verdict.denied, notes: slices.Concat(asked.ports.notes, verdict.notes)}
			if first := excepted[p.key()]; verdict.until != "" && (first == "" || verdict.until < first) {
				excepted[p.key()] = verdict.until
			}
			if e.denied == nil && p.target.resolved() {
				for _, number := range asked.ports.numbers {
					key := acceptKey{acceptSet: acceptSetOf(p), port: number}
					claims = append(claims, acceptClaim{entryRef: e.entryRef, entry: len(entries), key: key, value: asked.acceptValue})
				}
			}
			entries = append(entries, e)
		}
	}
	return entries, claims, excepted
}

// acceptsAsked lists what a policy asks its target to accept: its mode, then its ports, then those that its rollout has made Strict.
func acceptsAsked(m indexed, p *policyTarget) []acceptAsked {
	if p.Spec.Accept == nil {
		return nil
	}
	var all []acceptAsked
	if mode := p.Spec.Accept.Mode; mode != "" && mode != meshtlsv1alpha1.AcceptInherit {
		whole := portNumbers{numbers: []int32{0}}
		all = append(all, acceptAsked{p, p.at("spec.accept.mode"), p.valueNow(), whole})
	}
	for n, port := range p.Spec.Accept.Ports {
		at := p.at(fmt.Sprintf("spec.accept.ports[%d]", n))
		all = append(all, acceptAsked{p, at, only(port.Mode), numbersOf(m, p, at.field, port)})
	}
	if p.stage != nil && len(p.stage.strict) > 0 {
		switched := portNumbers{numbers: p.stage.strict}
		all = append(all, acceptAsked{p, p.at(fieldRollout), only(meshtlsv1alpha1.AcceptStrict), switched})
	}
	return all
}

// acceptVerdict says why a policy may not ask for the settings at all, or what lets it.
func acceptVerdict(m indexed, bounds floors, asked acceptAsked) floorVerdict {
	if asked.target.scope == scopeWorkload && m.Namespace == m.Mesh.RootNamespace {
		return floorVerdict{denied: asked.unsupported("accept-workload-in-root-namespace",
			fmt.Sprintf("Istio ignores a PeerAuthentication with a selector in the root namespace %s.", m.Namespace),
			"Remove the workload to govern the mesh, or move the policy to a namespace that is not the root.")}
	}
	verdict := bounds.judge(asked)
	if verdict.denied == nil && asked.Mode == meshtlsv1alpha1.AcceptDisable && allAmbient(m, asked.policyTarget) {
		return floorVerdict{denied: asked.unsupported("accept-disable-on-ambient",
			"The target's pods are in ambient mode, where ztunnel does not know Disable.",
			"Use Permissive: ztunnel then accepts plaintext as well as mutual TLS.")}
	}
	return verdict
}

// allAmbient reports whether the target has pods and ztunnel carries the traffic of all of them.
func allAmbient(m indexed, p *policyTarget) bool {
	if p.target.scope != scopeWorkload || !p.target.resolved() {
		return false
	}
	selected := m.pods(p)
	return len(selected) > 0 && !slices.ContainsFunc(selected, func(w *model.Workload) bool { return w.Dataplane != model.DataplaneAmbient })
}

func acceptConflict(loser, winner acceptClaim) model.Finding {
	what := "these pods"
	if loser.key.port != 0 {
		what = fmt.Sprintf("port %d of these pods", loser.key.port)
	}
	return loser.lostTo(winner.policy, "accept-conflict",
		fmt.Sprintf("%s of MeshTLSPolicy %s already sets %s to %s; %s is not rendered.",
			winner.field, keyOf(winner.policy), what, winner.value, loser.value.end))
}

// foldAccepts makes one rule of the decisions about each set, in the order in which the sets first appear. A set for which only Inherit
// is decided has no rule: its PeerAuthentication would set nothing and hide others.
func foldAccepts(policies []policyTarget, decisions []acceptDecision) []model.AcceptRule {
	selectors := selectorsOf(policies)
	var rules []model.AcceptRule
	at := map[acceptSet]int{}
	for _, d := range decisions {
		if d.value.Mode == meshtlsv1alpha1.AcceptInherit {
			continue
		}
		i, begun := at[d.key.acceptSet]
		if !begun {
			i = len(rules)
			at[d.key.acceptSet] = i
			rules = append(rules, model.AcceptRule{
				Revision: d.key.revision, Selector: selectors[d.key.pods],
				AcceptSettings: model.AcceptSettings{Mode: meshtlsv1alpha1.AcceptInherit},
			})
		}
		addDecision(&rules[i], d)
	}
	for i := range rules {
		slices.SortFunc(rules[i].Ports, func(a, b model.PortAccept) int { return cmp.Compare(a.Port, b.Port) })
		rules[i].Owners = inPrecedence(policies, rules[i].Owners)
	}
	return rules
}

func addDecision(rule *model.AcceptRule, d acceptDecision) {
	rule.Owners = addOwners(rule.Owners, d.owners()...)
	if d.key.port == 0 {
		rule.AcceptSettings = d.value.AcceptSettings
		return
	}
	rule.Ports = append(rule.Ports, model.PortAccept{Port: d.key.port, AcceptSettings: d.value.AcceptSettings})
}

// selectorsOf finds the labels behind each canonical selector.
func selectorsOf(policies []policyTarget) map[pods.Set]map[string]string {
	selectors := make(map[pods.Set]map[string]string, len(policies))
	for i := range policies {
		selectors[policies[i].set] = policies[i].target.selector
		if policies[i].stage != nil {
			for _, w := range policies[i].stage.workloads {
				selectors[pods.SetOf(w)] = w
			}
		}
	}
	return selectors
}

// inPrecedence orders the owners as the policies are ordered. There are few owners and no need for an index.
func inPrecedence(policies []policyTarget, owners []model.Owner) []model.Owner {
	if len(owners) < 2 {
		return owners
	}
	ordered := make([]model.Owner, 0, len(owners))
	for i := range policies {
		if o := ownerOf(policies[i].MeshTLSPolicy); slices.Contains(owners, o) {
			ordered = append(ordered, o)
		}
	}
	return ordered
}
