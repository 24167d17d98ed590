package apply

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
)

// Pace keeps apart in time what must reach the proxies one after the other. istiod pushes all that it hears within its debounce as one,
// and a proxy takes the parts of a push in any order, each proxy at its own time: two writes in the right order come to nothing if one push
// carries both.
// Source: istio pilot/pkg/xds/discovery.go, debounce (PILOT_DEBOUNCE_AFTER, 100 ms).
//
// It is memory of the operator that nothing depends on but when an object is written: after a restart the time has passed.
type Pace struct {
	settle time.Duration
	now    func() time.Time

	mu     sync.Mutex
	recent map[string][]settling
}

// settling is a change that the proxies may not have taken up yet.
type settling struct {
	change
	at time.Time
}

// NewPace returns a pace that gives the mesh the settle time to take up a change. Zero: none is waited for.
func NewPace(settle time.Duration) *Pace {
	return &Pace{settle: settle, now: time.Now, recent: map[string][]settling{}}
}

// soon is how long a pass waits for what has settled while it ran.
const soon = time.Millisecond

// Wait returns how long it takes until there is something to do about what a pass over the namespace has left unsettled. Zero: it left
// nothing.
func (p *Pace) Wait(namespace string, done model.ChangeSet) time.Duration {
	if len(done.Unsettled) == 0 {
		return 0
	}
	next := p.settle
	left := p.settling(namespace)
	for _, s := range left {
		next = min(next, s.at.Add(p.settle).Sub(p.now()))
	}
	if len(left) == 0 {
		next = soon
	}
	return max(next, soon)
}

// Forget drops what is remembered of a namespace that leaves.
func (p *Pace) Forget(namespace string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.recent, namespace)
}

// settling returns the changes of the namespace that the proxies may not have taken up, and forgets the others.
func (p *Pace) settling(namespace string) []settling {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(p.recent[namespace]), func(s settling) bool { return p.now().Sub(s.at) >= p.settle })
	if len(left) == 0 {
		delete(p.recent, namespace)
		return nil
	}
	p.recent[namespace] = left
	return left
}

// note takes in the changes of a batch that were made.
func (p *Pace) note(namespace string, batch []change) {
	if p.settle == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range batch {
		if batch[i].because.Err == nil {
			p.recent[namespace] = append(p.recent[namespace], settling{batch[i], p.now()})
		}
	}
}

// spacing is the pace of one pass.
type spacing struct {
	pace *Pace
	work *Work
	// earlier settle from before the pass, waiting wait in it.
	earlier []settling
	waiting []change
}

func (p *Pace) begin(work *Work) *spacing {
	return &spacing{pace: p, work: work, earlier: p.settling(work.Namespace)}
}

// due returns the changes of the batch whose turn is now. The others wait: what they must follow has not settled, or waits itself.
func (s *spacing) due(batch []change) []change {
	if s.pace.settle == 0 {
		return batch
	}
	now := s.pace.settling(s.work.Namespace)
	due := make([]change, 0, len(batch))
	for _, c := range batch {
		c.reach = reachOf(&c, s.work.Services)
		if c.because.Err == nil && (c.followsAny(s.earlier) || c.followsMade(now) || c.followsWaiting(s.waiting)) {
			s.waiting = append(s.waiting, c)
			continue
		}
		due = append(due, c)
	}
	return due
}

// followsAny reports whether one of the changes, made in an earlier pass, can be felt by what the change can be felt by.
func (c *change) followsAny(earlier []settling) bool {
	return slices.ContainsFunc(earlier, func(e settling) bool { return c.reach.meets(e.reach) })
}

// followsMade reports likewise of changes that the pass has made: the proxies may take up those of one phase in any order.
func (c *change) followsMade(made []settling) bool {
	return slices.ContainsFunc(made, func(e settling) bool { return e.turn.phase < c.turn.phase && c.reach.meets(e.reach) })
}

// followsWaiting reports likewise of changes that wait: these keep their order within a phase, too.
func (c *change) followsWaiting(waiting []change) bool {
	return slices.ContainsFunc(waiting, func(e change) bool { return e.turn.compare(c.turn) < 0 && c.reach.meets(e.reach) })
}

// unsettled returns the policies with an object that the proxies may not have as planned yet: it was written a moment ago, or its write
// waits. An object may also have belonged to a policy before.
func (s *spacing) unsettled() sets.Set[types.UID] {
	pending := slices.Clone(s.waiting)
	for _, made := range s.pace.settling(s.work.Namespace) {
		pending = append(pending, made.change)
	}
	policies := sets.New[types.UID]()
	for _, c := range pending {
		for _, o := range []object{c.live, c.want} {
			if o == nil {
				continue
			}
			for _, owner := range ourOwners(o) {
				policies.Insert(owner.UID)
			}
		}
	}
	return policies
}

// reach is what a change can be felt by.
type reach struct {
	// host is what a DestinationRule is for.
	host string
	// pods are selectors of the servers that the change is about.
	pods []map[string]string
	// gateway are the selectors of a gateway's pods.
	gateway []map[string]string
}

func reachOf(c *change, services []model.Service) reach {
	switch c.ref.Kind {
	case model.KindGateway:
		return reach{gateway: []map[string]string{selectorOf(c)}}
	case model.KindDestinationRule:
		return reach{host: hostOf(c), pods: serversOf(hostOf(c), services)}
	case model.KindAuthorizationPolicy:
		return reach{} // it refuses nothing, and is best written together with what closes connections anyway
	default:
		return reach{pods: []map[string]string{selectorOf(c)}}
	}
}

// meets reports whether one server, host or gateway can feel both.
func (r reach) meets(other reach) bool {
	if r.host != "" && other.host != "" {
		return hostsMeet(r.host, other.host)
	}
	return anyMeet(r.pods, other.pods) || anyMeet(r.gateway, other.gateway)
}

func anyMeet(some, others []map[string]string) bool {
	return slices.ContainsFunc(some, func(a map[string]string) bool {
		return slices.ContainsFunc(others, func(b map[string]string) bool { return meet(a, b) })
	})
}
