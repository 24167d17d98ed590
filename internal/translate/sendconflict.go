package translate

import (
	"fmt"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// conflictingSends denies the entries whose audience cannot be had beside that of another entry for the same host. The entries come,
// and go, in order of precedence.
func conflictingSends(m sendMesh, entries []sendEntry) []sendEntry {
	wide := map[hostKey]*sendEntry{}
	for i := range entries {
		e := &entries[i]
		if e.narrow() || e.denied != nil {
			continue
		}
		first, decided := wide[e.set.hostKey()]
		switch {
		case !decided:
			wide[e.set.hostKey()] = e
		case first.audience != e.audience:
			e.denied = otherAudience(e, first)
		}
	}
	named := selectorsByHost(entries)
	for i := range entries {
		if e := &entries[i]; e.narrow() && e.denied == nil {
			denyBeside(m, e, wide, named[e.set.hostKey()])
		}
	}
	return entries
}

// denyBeside denies a workload's entry that cannot be had beside what the wide entries send, or what the namespace's other pods have.
func denyBeside(m sendMesh, e *sendEntry, wide map[hostKey]*sendEntry, named []map[string]string) {
	if beside := wide[e.set.hostKey()]; beside != nil {
		e.denied = wideWithoutCompanion(m, e, beside)
		return
	}
	hidden := hidesFromOthers(m, e, narrowestAbove(wide, e.set.hostKey()), named)
	switch {
	case hidden == nil:
	case m.live.Has(e.set):
		e.notes = append(e.notes, inForceAlready(*hidden))
	default:
		e.denied = hidden
	}
}

// inForceAlready returns the finding about an entry whose rule is live: to take it away because of pods that came later would loosen what
// the policy asks for.
func inForceAlready(f model.Finding) model.Finding {
	f.Message = strings.Replace(f.Message, "would lose", "lose", 1)
	f.Message = strings.Replace(f.Message, " This entry is not rendered.", "", 1)
	f.Condition, f.Reason = meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonConflicted
	return f
}

// selectorsByHost lists the pods that entries name, by the host that they send to.
func selectorsByHost(entries []sendEntry) map[hostKey][]map[string]string {
	selectors := map[hostKey][]map[string]string{}
	for i := range entries {
		if e := &entries[i]; e.narrow() && e.policy.target.resolved() {
			selectors[e.set.hostKey()] = append(selectors[e.set.hostKey()], e.policy.target.selector)
		}
	}
	return selectors
}

// narrowestAbove returns the entry for the narrowest wildcard that covers the host; nil: there is none.
func narrowestAbove(entries map[hostKey]*sendEntry, key hostKey) *sendEntry {
	for _, wildcard := range hosts.Wildcards(key.host) {
		if e := entries[hostKey{revision: key.revision, host: wildcard}]; e != nil {
			return e
		}
	}
	return nil
}

// otherAudience refuses a rule for the namespace's clients beside one for all clients of the same host, and the other way round:
// both are without selector, and which of the two Istio would use depends on their age.
func otherAudience(e, first *sendEntry) *model.Finding {
	f := e.lostTo(first.policy.MeshTLSPolicy, "send-audience-conflict",
		fmt.Sprintf("%s of MeshTLSPolicy %s already decides what is sent to %s with clients %s; this entry says clients %s.",
			first.field, first.policy.key(), e.set.host, first.audience, e.audience))
	return &f
}

// wideWithoutCompanion refuses a workload's entry beside a namespace-wide one for the same host where the two cannot both be had:
// the namespace-wide rule would have to be exported (Istio merges two private rules for one host), and an exported rule would
// reach every client of the mesh, where the host is the namespace's own or the namespace is the root.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
func wideWithoutCompanion(m sendMesh, e, wide *sendEntry) *model.Finding {
	why := m.noExport(e.set.hostKey())
	if wide.audience == model.AudienceAll || why == "" {
		return nil
	}
	f := e.lostTo(wide.policy.MeshTLSPolicy, "send-workload-beside-namespace",
		fmt.Sprintf("%s of MeshTLSPolicy %s sends to %s for the whole namespace. Beside a rule for single workloads Istio keeps that one only "+
			"if it is exported, and as %s it would then govern every client of the mesh.", wide.field, wide.policy.key(), e.set.host, why))
	f.Remedy = "Give each workload that sends to the host its own policy, or say it for all clients (clients: All)."
	return &f
}

// firstSends finds the first entries that stand for each host: those for more than the pods of a selector, and the wildcards of the
// others.
type firstSends struct{ wide, narrow map[hostKey]*sendEntry }

func newFirstSends(entries []sendEntry) firstSends {
	first := firstSends{wide: map[hostKey]*sendEntry{}, narrow: map[hostKey]*sendEntry{}}
	for i := range entries {
		e := &entries[i]
		of := first.wide
		if e.narrow() {
			of = first.narrow
		}
		if e.denied == nil && of[e.set.hostKey()] == nil {
			of[e.set.hostKey()] = e
		}
	}
	return first
}

// above returns the entry for the narrowest wildcard that covers the host; nil: there is none.
func (f firstSends) above(key hostKey) *sendEntry {
	for _, wildcard := range hosts.Wildcards(key.host) {
		covering := hostKey{revision: key.revision, host: wildcard}
		for _, e := range []*sendEntry{f.wide[covering], f.narrow[covering]} {
			if e != nil {
				return e
			}
		}
	}
	return nil
}
