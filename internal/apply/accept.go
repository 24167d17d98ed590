package apply

import (
	"cmp"
	"maps"
	"slices"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

type acceptMode = securityapi.PeerAuthentication_MutualTLS_Mode

const (
	modeUnset      = securityapi.PeerAuthentication_MutualTLS_UNSET
	modeDisable    = securityapi.PeerAuthentication_MutualTLS_DISABLE
	modePermissive = securityapi.PeerAuthentication_MutualTLS_PERMISSIVE
	modeStrict     = securityapi.PeerAuthentication_MutualTLS_STRICT
)

// The ranks among the writes of a phase: what covers fewer pods is written first, and shields these from what covers more; what begins
// to follow a wider scope that gets stronger is written after it.
const (
	rankNarrow = iota
	rankWide
	rankFollows
)

// scope is what the namespace gives to workloads that say nothing themselves, before the changes and after them.
type scope struct {
	was, is acceptMode
	// turn is when that changes.
	turn turn
}

// changes reports whether that changes at all.
func (s scope) changes() bool { return s.was != s.is }

// strengthens reports whether less plaintext is accepted than before, and weakens whether more is.
func (s scope) strengthens() bool { return strengthOfMode(s.was) < strengthOfMode(s.is) }
func (s scope) weakens() bool     { return strengthOfMode(s.was) > strengthOfMode(s.is) }

// strengthOfMode orders modes by how little plaintext gets in.
func strengthOfMode(m acceptMode) int {
	return slices.Index([]acceptMode{modeDisable, modePermissive, modeStrict}, m)
}

// scopes are the namespace's scope for each control plane revision, since each reads PeerAuthentications of its own.
type scopes map[string]scope

func newScopes(work Work, list []change) scopes {
	after := afterwards(work, list)
	all := scopes{}
	for i := range list {
		if list[i].ref.Kind != model.KindPeerAuthentication {
			continue
		}
		revision := list[i].revision()
		if _, known := all[revision]; known {
			continue
		}
		mesh := wideMode(work.Mesh, revision, modePermissive)
		s := scope{was: wideMode(work.Live.PeerAuthentications, revision, mesh), is: wideMode(after, revision, mesh)}
		s.turn = s.ownTurn(list, revision)
		all[revision] = s
	}
	return all
}

// ownTurn is when the scope changes: when the PeerAuthentication that it comes from does.
func (s scope) ownTurn(list []change, revision string) turn {
	goes := slices.ContainsFunc(list, func(c change) bool { return c.isWide() && c.want == nil && c.revision() == revision })
	switch {
	case goes && s.changes():
		return turn{phasePrune, rankPruneWide}
	default:
		return turn{acceptPhase(s.moves()), rankWide}
	}
}

func (s scope) moves() []direction {
	if !s.changes() {
		return nil
	}
	return []direction{modeDirection(s.was, s.is)}
}

// afterwards returns the namespace's PeerAuthentications once the changes are made. What is there keeps its age.
func afterwards(work Work, list []change) []*istiosecurityv1.PeerAuthentication {
	changed := map[string]*istiosecurityv1.PeerAuthentication{}
	for i := range list {
		if list[i].ref.Kind == model.KindPeerAuthentication && list[i].because.Err == nil {
			changed[list[i].ref.Name], _ = list[i].want.(*istiosecurityv1.PeerAuthentication)
		}
	}
	var after []*istiosecurityv1.PeerAuthentication
	for _, live := range work.Live.PeerAuthentications {
		want, touched := changed[live.Name]
		delete(changed, live.Name)
		switch {
		case !touched:
			after = append(after, live)
		case want != nil:
			aged := want.DeepCopy()
			aged.CreationTimestamp = live.CreationTimestamp
			after = append(after, aged)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		if changed[name] != nil {
			after = append(after, changed[name])
		}
	}
	return after
}

// wideMode returns the mode of the PeerAuthentication without selector that Istio takes: the oldest, then the first by name; what is not
// there yet has no age and comes last. Without one, or where it says nothing, it is what is inherited.
func wideMode(list []*istiosecurityv1.PeerAuthentication, revision string, inherited acceptMode) acceptMode {
	var first *istiosecurityv1.PeerAuthentication
	for _, pa := range list {
		if len(pa.Spec.GetSelector().GetMatchLabels()) == 0 && model.InRevision(pa, revision) && (first == nil || older(pa, first)) {
			first = pa
		}
	}
	if first == nil {
		return inherited
	}
	return cmp.Or(first.Spec.GetMtls().GetMode(), inherited)
}

func older(a, b *istiosecurityv1.PeerAuthentication) bool {
	switch {
	case a.CreationTimestamp.IsZero() != b.CreationTimestamp.IsZero():
		return b.CreationTimestamp.IsZero()
	case !a.CreationTimestamp.Equal(&b.CreationTimestamp):
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	default:
		return a.Name < b.Name
	}
}

// turnOf says when a change of a PeerAuthentication is due.
func (all scopes) turnOf(c *change) turn {
	s := all[c.revision()]
	if c.isWide() {
		if c.want == nil {
			return turn{phasePrune, rankPruneWide}
		}
		return s.turn
	}
	before, after := acceptSpec(c.live), acceptSpec(c.want)
	switch {
	case c.want == nil:
		return turn{phasePrune, prunedRank(movesOf(before, nil, scope{was: s.was, is: s.is}))}
	case before != nil && !maps.Equal(before.GetSelector().GetMatchLabels(), after.GetSelector().GetMatchLabels()):
		return turn{phaseTightenAccept, rankNarrow} // somebody changed the selector under our feet
	case s.changes() && follows(before, after) && (s.strengthens() || !follows(after, before)):
		// Before the wider scope, it would follow what is neither asked for before nor now. Where a part of it is a shield, that comes
		// first, unless what the rest would follow is weaker than either.
		if s.turn.phase == phasePrune {
			return turn{phasePrune, rankAfterWide}
		}
		return turn{later(acceptPhase(movesOf(before, after, s)), s.turn.phase), rankFollows}
	default:
		return turn{acceptPhase(movesOf(before, after, scope{was: s.was, is: s.was})), rankNarrow}
	}
}

// waitForShields makes the wider scope wait, where it gets weaker, for what shields pods from it.
func waitForShields(list []change, all scopes) {
	for i := range list {
		wide := &list[i]
		if !wide.isWide() || wide.want == nil || !all[wide.revision()].weakens() {
			continue
		}
		for j := range list {
			if c := &list[j]; c.ref.Kind == model.KindPeerAuthentication && !c.isWide() && c.want != nil &&
				c.revision() == wide.revision() && follows(acceptSpec(c.want), acceptSpec(c.live)) {
				wide.turn.phase = later(wide.turn.phase, c.turn.phase)
			}
		}
	}
}

func prunedRank(moves []direction) int {
	if together(moves) == loosens {
		return rankPruneLoosening
	}
	return rankPruneTight
}

// acceptPhase is when moves of what is accepted are due.
func acceptPhase(moves []direction) phase {
	switch {
	case len(moves) == 0:
		return phaseShield
	case together(moves) == loosens:
		return phaseLoosenAccept
	default:
		return phaseTightenAccept
	}
}

// movesOf compares what the workload and each port accept. One write cannot do both, so a PeerAuthentication that loosens one port and
// tightens another goes with the tightening ones: neither order is free of refusals, and that one does not loosen anything if the
// clients could not be written.
func movesOf(before, after *securityapi.PeerAuthentication, s scope) []direction {
	var moves []direction
	for _, port := range portsOf(before, after) {
		was, is := cmp.Or(modeAt(before, port), s.was), cmp.Or(modeAt(after, port), s.is)
		if was != is {
			moves = append(moves, modeDirection(was, is))
		}
	}
	return moves
}

// follows reports whether the workload or a port follows the wider scope afterwards that did not before.
func follows(before, after *securityapi.PeerAuthentication) bool {
	return slices.ContainsFunc(portsOf(before, after), func(port uint32) bool {
		return modeAt(before, port) != modeUnset && modeAt(after, port) == modeUnset
	})
}

// modeDirection compares two different modes by what they accept: PERMISSIVE everything, STRICT only mutual TLS, DISABLE only
// plaintext. So DISABLE to PERMISSIVE loosens, although the mode is the stronger one, and PERMISSIVE to DISABLE tightens: a
// client that is told to use mutual TLS is refused. Between STRICT and DISABLE either order refuses somebody for a moment, so there
// security decides.
func modeDirection(was, is acceptMode) direction {
	if is == modePermissive || (is == modeDisable && was == modeStrict) {
		return loosens
	}
	return tightens
}

// portsOf returns the ports that either of the two speaks of, and zero, which stands for the workload as a whole.
func portsOf(before, after *securityapi.PeerAuthentication) []uint32 {
	ports := []uint32{0}
	ports = slices.AppendSeq(ports, maps.Keys(before.GetPortLevelMtls()))
	ports = slices.AppendSeq(ports, maps.Keys(after.GetPortLevelMtls()))
	slices.Sort(ports)
	return slices.Compact(ports)
}

// modeAt returns the mode of a port: its own, or else the workload's; UNSET where it follows the wider scope.
func modeAt(pa *securityapi.PeerAuthentication, port uint32) acceptMode {
	return cmp.Or(pa.GetPortLevelMtls()[port].GetMode(), pa.GetMtls().GetMode())
}

// isWide reports whether the change is of a PeerAuthentication for the whole namespace.
func (c *change) isWide() bool {
	return c.ref.Kind == model.KindPeerAuthentication &&
		len(acceptSpec(c.live).GetSelector().GetMatchLabels()) == 0 && len(acceptSpec(c.want).GetSelector().GetMatchLabels()) == 0
}

// revision is that of the object.
func (c *change) revision() string {
	if c.want != nil {
		return c.want.GetLabels()[meshtlsv1alpha1.LabelRevision]
	}
	return c.live.GetLabels()[meshtlsv1alpha1.LabelRevision]
}

func acceptSpec(obj object) *securityapi.PeerAuthentication {
	if pa, ok := obj.(*istiosecurityv1.PeerAuthentication); ok {
		return &pa.Spec
	}
	return nil
}
