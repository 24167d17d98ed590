package translate

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// entry is what became of one entry of a policy's spec: a mode, a port, a host, a server. Every entry asked for yields one.
type entry struct {
	policy types.NamespacedName
	// stands says that the plan holds the entry, or could hold it once a reference resolves.
	stands   bool
	findings []model.Finding
}

// fallen is an entry that the plan does not hold, because of the finding.
func fallen(policy *meshtlsv1alpha1.MeshTLSPolicy, because model.Finding) entry {
	return entry{policy: keyOf(policy), findings: []model.Finding{because}}
}

// ask is an entry of a spec before it is settled. An entry may claim several keys (a named port with several numbers) or, while a
// reference is missing, none.
type ask struct {
	policy policyTarget
	field  string
	// denied says why the entry may claim nothing; nil: it may.
	denied *model.Finding
	// notes are what there is to say about it however it is settled.
	notes []model.Finding
}

// impliedAsk is the ask of a claim that no entry of a spec made: it follows from one of another kind.
const impliedAsk = -1

// entriesOf says what became of each ask. An ask falls where it is denied, or where all that it claimed was lost.
func entriesOf[K comparable, V any](
	asks []ask, decisions []decision[K, V], conflict func(loser, winner claim[K, V]) model.Finding,
) []entry {
	won := make([]int, len(asks))
	conflicts := make([][]model.Finding, len(asks))
	for _, d := range decisions {
		for _, c := range append([]claim[K, V]{d.claim}, d.agreeing...) {
			if c.ask != impliedAsk {
				won[c.ask]++
			}
		}
		for _, c := range d.lost {
			if c.ask != impliedAsk {
				conflicts[c.ask] = append(conflicts[c.ask], conflict(c, d.claim))
			}
		}
	}
	entries := make([]entry, len(asks))
	for i, a := range asks {
		entries[i] = a.settled(won[i] > 0 || len(conflicts[i]) == 0, conflicts[i])
	}
	return entries
}

func (a ask) settled(stands bool, conflicts []model.Finding) entry {
	if a.denied != nil {
		return fallen(a.policy.MeshTLSPolicy, *a.denied)
	}
	return entry{policy: a.policy.key(), stands: stands, findings: slices.Concat(a.notes, conflicts)}
}

func keyOf(policy *meshtlsv1alpha1.MeshTLSPolicy) types.NamespacedName {
	return types.NamespacedName{Namespace: policy.Namespace, Name: policy.Name}
}
