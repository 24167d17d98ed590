package translate

import (
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// claim is what an entry wants to decide: a key, which can be decided only once, as a value.
type claim[K comparable, V any] struct {
	entryRef
	// entry is the index of the entry among those that are resolved together.
	entry int
	key   K
	value V
}

// implied is the entry of a claim that no entry of a spec makes: it follows from one of another kind.
const implied = -1

// decision is a key with the claim that won it.
type decision[K comparable, V any] struct {
	claim[K, V]
	// agreeing are the later claims of the same value: their policies contribute too.
	agreeing []claim[K, V]
	// lost are the later claims of another value.
	lost []claim[K, V]
}

// resolve decides each key once: the first claim wins, so claims come in order of precedence. Decisions come in the order in which
// their keys first appear.
func resolve[K comparable, V any](claims []claim[K, V], same func(winner, later V) bool) []decision[K, V] {
	var decisions []decision[K, V]
	at := make(map[K]int, len(claims))
	for _, c := range claims {
		i, decided := at[c.key]
		switch {
		case !decided:
			at[c.key] = len(decisions)
			decisions = append(decisions, decision[K, V]{claim: c})
		case same(decisions[i].value, c.value):
			decisions[i].agreeing = append(decisions[i].agreeing, c)
		default:
			decisions[i].lost = append(decisions[i].lost, c)
		}
	}
	return decisions
}

// owners returns the policies that contribute to the decision, in order of precedence, each once.
func (d decision[K, V]) owners() []model.Owner {
	owners := []model.Owner{ownerOf(d.policy)}
	for _, c := range d.agreeing {
		owners = addOwners(owners, ownerOf(c.policy))
	}
	return owners
}

func ownerOf(policy *meshtlsv1alpha1.MeshTLSPolicy) model.Owner {
	return model.Owner{Name: policy.Name, UID: policy.UID}
}

// addOwners appends the owners that are not there yet.
func addOwners(owners []model.Owner, more ...model.Owner) []model.Owner {
	for _, o := range more {
		if !slices.Contains(owners, o) {
			owners = append(owners, o)
		}
	}
	return owners
}
