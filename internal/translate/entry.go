package translate

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// entryRef names an entry of a policy's spec: a mode, a port, a host, a server.
type entryRef struct {
	policy *meshtlsv1alpha1.MeshTLSPolicy
	// field is the entry's path in the spec.
	field string
}

// unsupported returns the finding that Istio cannot honour the entry here.
func (e entryRef) unsupported(check, message, remedy string) *model.Finding {
	return &model.Finding{
		Check: check, Severity: meshtlsv1alpha1.SeverityError, Subject: model.PolicyRef(keyOf(e.policy)), Field: e.field,
		Message: message, Remedy: remedy,
		Condition: meshtlsv1alpha1.ConditionAccepted, Reason: meshtlsv1alpha1.ReasonUnsupported,
	}
}

// lostTo returns the finding that a policy lost the entry, and to whom.
func (e entryRef) lostTo(winner *meshtlsv1alpha1.MeshTLSPolicy, check, message string) model.Finding {
	remedy := "Remove one of the two; the older policy wins."
	if e.policy == winner {
		remedy = "Remove one of the two; the first one wins."
	}
	return model.Finding{
		Check: check, Severity: meshtlsv1alpha1.SeverityError, Subject: model.PolicyRef(keyOf(e.policy)), Related: policyRef(winner),
		Field: e.field, Message: message, Remedy: remedy,
		Condition: meshtlsv1alpha1.ConditionAccepted, Reason: meshtlsv1alpha1.ReasonConflicted,
	}
}

// entry is an entry of a spec before it is resolved. It may claim several keys (a named port with several numbers) or, while a
// reference is missing, none.
type entry struct {
	entryRef
	// denied says why the entry may claim nothing; nil: it may.
	denied *model.Finding
	// notes are findings that hold however the entry is decided.
	notes []model.Finding
}

// entryOutcome is what became of an entry. Every entry has one.
type entryOutcome struct {
	policy types.NamespacedName
	// accepted reports whether the plan holds the entry, or could hold it once a reference resolves.
	accepted bool
	findings []model.Finding
}

// outcomesOf returns what became of each entry. One fails where it is denied, or where it lost all that it claimed.
func outcomesOf[K comparable, V any](
	entries []entry, decisions []decision[K, V], conflict func(loser, winner claim[K, V]) model.Finding,
) []entryOutcome {
	won := make([]int, len(entries))
	conflicts := make([][]model.Finding, len(entries))
	for _, d := range decisions {
		for _, c := range append([]claim[K, V]{d.claim}, d.agreeing...) {
			if c.entry != implied {
				won[c.entry]++
			}
		}
		for _, c := range d.lost {
			if c.entry != implied {
				conflicts[c.entry] = append(conflicts[c.entry], conflict(c, d.claim))
			}
		}
	}
	outcomes := make([]entryOutcome, len(entries))
	for i, e := range entries {
		outcomes[i] = e.outcome(won[i], conflicts[i])
	}
	return outcomes
}

func (e entry) outcome(won int, conflicts []model.Finding) entryOutcome {
	if e.denied != nil {
		return entryOutcome{policy: keyOf(e.policy), findings: []model.Finding{*e.denied}}
	}
	return entryOutcome{
		policy: keyOf(e.policy), accepted: won > 0 || len(conflicts) == 0, findings: slices.Concat(e.notes, conflicts),
	}
}
