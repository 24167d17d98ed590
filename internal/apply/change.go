package apply

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// object is one of the kinds that are rendered.
type object = model.Object

const (
	kindPeerAuthentication = model.KindPeerAuthentication
	kindDestinationRule    = model.KindDestinationRule
	kindGateway            = model.KindGateway

	kindAuthorizationPolicy = model.KindAuthorizationPolicy
)

// change is an object that is not as planned.
type change struct {
	ref model.ObjectRef
	// live is the object as it is; nil: it does not exist.
	live object
	// want is the object as planned; nil: it is to go.
	want object
	// turn is when it is due.
	turn turn
	// reach is what the change can be felt by, once its pace was asked for.
	reach reach
	// because says why it cannot be made as planned; empty: nothing is known against it.
	because model.Failure
}

// verb returns what the change is called once it is done.
func (c change) verb() model.Verb {
	switch {
	case c.want == nil:
		return model.Pruned
	case c.live == nil:
		return model.Created
	case tampered(c.live):
		return model.DriftCorrected
	default:
		return model.Updated
	}
}

// owners returns the policies that the object belongs to, or belonged to.
func (c change) owners() []metav1.OwnerReference {
	if c.want != nil {
		return ourOwners(c.want)
	}
	return ourOwners(c.live)
}

// keptBy reports whether the object belongs to one of the policies.
func (c change) keptBy(policies sets.Set[types.UID]) bool {
	return slices.ContainsFunc(c.owners(), func(owner metav1.OwnerReference) bool { return policies.Has(owner.UID) })
}

// changes returns what is between live and what is wanted, in the order in which it is to be done.
func changes(work Work) []change {
	existing := map[model.ObjectRef]object{}
	for _, obj := range work.Live.All() {
		existing[RefOf(obj)] = obj
	}
	planned, all := planOf(work.Want, existing)
	for _, obj := range work.Live.All() {
		ref := RefOf(obj)
		if planned[ref] != nil || !model.Ours(obj) || leaving(obj) {
			continue
		}
		if c := (change{ref: ref, live: obj}); !c.keptBy(work.Keep) {
			all = append(all, c)
		}
	}
	for ref, obj := range planned {
		if c, differs := compare(existing[ref], obj); differs {
			all = append(all, c)
		}
	}
	inOrder(all, work)
	return all
}

// planOf returns the planned object of each name, and what cannot be because another has its name. The one for the same pods or host as
// what is there stays; else it is the one that was planned first.
func planOf(want model.Objects, existing map[model.ObjectRef]object) (planned map[model.ObjectRef]object, losers []change) {
	planned = map[model.ObjectRef]object{}
	for _, obj := range want.All() {
		ref := RefOf(obj)
		other, taken := planned[ref]
		if !taken {
			planned[ref] = obj
			continue
		}
		if live := existing[ref]; live != nil && governsSame(live, obj) && !governsSame(live, other) {
			planned[ref], obj = obj, other
		}
		problem := model.Failure{Object: ref, Reason: meshtlsv1alpha1.ReasonNameCollision, Err: ErrCollision}
		losers = append(losers, change{ref: ref, want: obj, because: problem})
	}
	return planned, losers
}

// governsSame reports whether both objects are for the same pods and host.
func governsSame(a, b object) bool {
	return maps.Equal(acceptSpec(a).GetSelector().GetMatchLabels(), acceptSpec(b).GetSelector().GetMatchLabels()) &&
		sendSpec(a).GetHost() == sendSpec(b).GetHost() &&
		maps.Equal(sendSpec(a).GetWorkloadSelector().GetMatchLabels(), sendSpec(b).GetWorkloadSelector().GetMatchLabels())
}

// compare says what is to be done about a planned object.
func compare(live, want object) (change, bool) {
	c := change{ref: RefOf(want), live: live, want: want}
	if live == nil {
		return c, true
	}
	if !model.Ours(live) {
		c.because = model.Failure{Object: c.ref, Reason: meshtlsv1alpha1.ReasonNotOwned, Err: ErrNotOwned}
		return c, true
	}
	return c, !matches(live, want)
}
