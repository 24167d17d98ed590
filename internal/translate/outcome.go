package translate

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/model"
)

// policyOutcomes sums up what became of each policy's entries, with the findings that belong to no single entry.
func policyOutcomes(policies []policyTarget, accept acceptReporter, entries []entryOutcome, more []model.Finding) []model.Outcome {
	all := make([]model.Outcome, len(policies))
	at := make(map[types.NamespacedName]int, len(policies))
	for i := range policies {
		p := &policies[i]
		all[i] = outcomeOf(p, accept.Now)
		all[i].Accepts = accept.words(p)
		all[i].Serves = serveWords(supported(accept.Mesh, serversOf(p)))
		all[i].AcceptPorts = accept.ports(p)
		at[p.key()] = i
	}
	for _, e := range entries {
		addEntry(&all[at[e.policy]], e)
	}
	for _, f := range more {
		o := &all[at[f.Subject.Key()]]
		o.Findings = append(o.Findings, f)
	}
	return all
}

// outcomeOf returns the outcome of a policy before its entries are counted.
func outcomeOf(p *policyTarget, now metav1.Time) model.Outcome {
	o := model.Outcome{
		Policy:     p.key(),
		UID:        p.UID,
		Generation: p.Generation,
		Selector:   p.target.selector,
		Target:     p.target.words,
		Sends:      sendWords(p.Spec.Send),
		Unresolved: !p.target.resolved(),
	}
	if p.stage != nil {
		o.Rollout, o.RolloutStalled = &p.stage.told, p.stage.stalled(now)
	}
	if p.target.problem != nil {
		o.Findings = append(o.Findings, *p.target.problem)
	}
	return o
}

func addEntry(o *model.Outcome, e entryOutcome) {
	o.Asked++
	if e.accepted {
		o.Accepted++
	}
	o.Findings = append(o.Findings, e.findings...)
}
