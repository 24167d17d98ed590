package translate

import (
	"slices"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// withCompanions adds the rules that give other pods of the namespace back what the rules take from them: one without selector for those
// that nobody tells apart, and one for each set of pods that has a rule of its own for a wildcard above the host.
func withCompanions(m sendMesh, rules []model.SendRule) []model.SendRule {
	wide := wideByHost(rules)
	c := companions{sendMesh: m, rules: rules, wide: wide, at: map[sendSet]int{}}
	for _, rule := range rules {
		c.at[setOf(rule)] = -1
		if rule.Audience == model.AudienceWorkload && hosts.IsWildcard(rule.Host) {
			c.wildcards = append(c.wildcards, rule)
		}
	}
	for _, rule := range rules {
		c.addForSelected(rule)
		if _, beside := wide[hostKeyOf(rule)]; !beside && rule.Audience == model.AudienceWorkload {
			c.addForOthers(rule)
		}
	}
	return slices.Concat(rules, c.added)
}

func setOf(r model.SendRule) sendSet {
	return sendSet{revision: r.Revision, host: r.Host, pods: pods.SetOf(r.Selector)}
}

// companions collects them.
type companions struct {
	sendMesh
	rules []model.SendRule
	wide  wideRules
	// wildcards are those of the rules that are for the pods of a selector and a wildcard.
	wildcards []model.SendRule
	added     []model.SendRule
	// at are the positions of those that were added, by what they govern; -1 for what policies' rules govern.
	at map[sendSet]int
}

// add adds a companion of the rule, or the rule's owners to one that is there.
func (c *companions) add(companion model.SendRule) {
	companion.Companion = true
	set := setOf(companion)
	switch i, made := c.at[set]; {
	case !made:
		c.at[set] = len(c.added)
		c.added = append(c.added, companion)
	case i >= 0:
		c.added[i].Owners = addOwners(c.added[i].Owners, companion.Owners...)
	}
}

// addForSelected adds the companions of the pods for which there is a rule for a wildcard above the rule's host: a foreign one, or one of
// a policy that names other pods.
func (c *companions) addForSelected(rule model.SendRule) {
	for _, foreign := range c.foreignSelecting {
		host := c.domain().Qualify(foreign.Spec.GetHost(), foreign.Namespace)
		if !hosts.Covers(host, rule.Host) || !model.InRevision(foreign, rule.Revision) {
			continue
		}
		companion := c.forPods(rule, foreign.Spec.GetWorkloadSelector().GetMatchLabels())
		if choice := c.governing(companion); choice.Selecting() {
			c.add(companion)
		}
	}
	if _, beside := c.wide[hostKeyOf(rule)]; beside {
		return // it is for these pods, too, and names the host more exactly
	}
	for _, above := range c.wildcards {
		if above.Revision != rule.Revision || !hosts.Covers(above.Host, rule.Host) {
			continue
		}
		companion := c.forPods(rule, above.Selector)
		companion.TLS, companion.Ports = above.TLS, above.Ports
		companion.Owners = addOwners(companion.Owners, above.Owners...)
		c.add(companion)
	}
}

func (c *companions) forPods(rule model.SendRule, selector map[string]string) model.SendRule {
	return model.SendRule{
		Revision: rule.Revision, Host: rule.Host, Audience: model.AudienceWorkload, Selector: selector, Owners: slices.Clone(rule.Owners),
	}
}

// addForOthers adds the companion of the pods that no rule tells apart, if they would lose something and it can be given back.
func (c *companions) addForOthers(rule model.SendRule) {
	companion := model.SendRule{Revision: rule.Revision, Host: rule.Host, Audience: model.AudienceNamespace, Owners: slices.Clone(rule.Owners)}
	at, below := c.wide.above(hostKeyOf(rule))
	var above *sendEntry
	if below {
		above = &sendEntry{audience: c.rules[at].Audience}
		companion.TLS, companion.Ports = c.rules[at].TLS, c.rules[at].Ports
		companion.Owners = addOwners(companion.Owners, c.rules[at].Owners...)
	}
	if lost := c.lossOf(hostKeyOf(rule), above); !lost.none() && c.canBeGivenBack(lost, hostKeyOf(rule)) {
		c.add(companion)
	}
}
