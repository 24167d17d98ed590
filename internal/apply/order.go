package apply

import (
	"cmp"
	"slices"

	"github.com/meshtls/meshtls/internal/model"
)

// phase is a step of the order in which changes are made. What accepts more connections than before is written before the clients
// change, what accepts fewer after: at no time does a client send what its server refuses, as far as the order of writes can see to that.
type phase int

const (
	// phaseShield: changes of PeerAuthentications that nobody feels now, and that keep pods as they are when a wider scope changes.
	phaseShield phase = iota
	phaseLoosenAccept
	phaseLoosenGateway
	phaseSend
	// phasePruneSend: rules go by which clients send plaintext. Their servers must not be Strict before.
	phasePruneSend
	phaseTightenGateway
	phaseTightenAccept
	// phasePrune: what is no longer needed goes.
	phasePrune
	// phaseAudit: audit policies come and go. They refuse nothing, so nothing waits for them.
	phaseAudit
)

// turn is when a change is due: its phase, and within it its rank. What covers the same pods or hosts has different ranks; changes of
// one phase and rank may go at the same time.
type turn struct {
	phase phase
	rank  int
}

func (t turn) compare(u turn) int {
	return cmp.Or(cmp.Compare(t.phase, u.phase), cmp.Compare(t.rank, u.rank))
}

// later returns the later of the two phases.
func later(a, b phase) phase { return max(a, b) }

// direction is what a change of a server does to the connections that it accepts.
type direction int

const (
	// tightens: some are refused that were accepted before. Also the answer where nothing is known for sure: written last,
	// such a change does not happen at all if the clients could not be written.
	tightens direction = iota
	// loosens: some are accepted that were refused before, and none the other way round.
	loosens
)

// together returns the direction of a change that consists of several moves. No move at all, such as another certificate, is not
// known to be harmless.
func together(moves []direction) direction {
	if len(moves) > 0 && !slices.Contains(moves, tightens) {
		return loosens
	}
	return tightens
}

// inOrder gives each change its turn, and sorts the changes by it.
func inOrder(list []change, work Work) {
	scopes := newScopes(work, list)
	for i := range list {
		list[i].turn = turnOf(&list[i], scopes)
	}
	waitForShields(list, scopes)
	slices.SortFunc(list, func(a, b change) int {
		return cmp.Or(a.turn.compare(b.turn), cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.Name, b.ref.Name))
	})
}

func turnOf(c *change, scopes scopes) turn {
	switch c.ref.Kind {
	case model.KindPeerAuthentication:
		return scopes.turnOf(c)
	case model.KindGateway:
		return turn{gatewayPhase(*c), rankGateway}
	case model.KindAuthorizationPolicy:
		return turn{phase: phaseAudit}
	default:
		return sendTurn(c)
	}
}

// The ranks among deletions: a wider PeerAuthentication goes before those that it covers, since each of these is what its pods keep to
// until then; servers that loosen go before clients, and those that tighten after them.
const (
	rankPruneWide = iota
	// rankAfterWide is for what is written, not deleted: it may follow the wider scope only once that is gone.
	rankAfterWide
	rankPruneLoosening
	rankPruneSend
	rankGateway    = rankPruneSend + breadest + 1
	rankPruneTight = rankGateway + 1
)
