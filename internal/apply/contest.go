package apply

import (
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

const (
	// firstDelay and lastDelay bound how long an object is left alone that was put back, and is not as it was put back. It doubles.
	firstDelay = time.Second
	lastDelay  = time.Minute
	// contestedFrom is how often an object was put back in a row when it is said that it is contested.
	contestedFrom = 2
	// leastCalm is how long an object must stay as it is until it is not contested any more. At least twice the delay.
	leastCalm = 10 * time.Second
)

// ErrContested: somebody else changes the object back again and again.
var ErrContested = errors.New("somebody else changes the object back again and again")

// Contests remembers, for minutes, what was written: an object that has to be written again as it was is changed by somebody else, or
// deleted. It is memory of the operator that nothing depends on but how often an object is written.
type Contests struct {
	now func() time.Time

	mu         sync.Mutex
	namespaces map[string]map[model.ObjectRef]*contest
	swept      time.Time
}

// contest is what was written to an object.
type contest struct {
	wrote uint64
	at    time.Time
	// corrections is how often it was written as it had been written before, and by the field manager that made it necessary; empty: that
	// cannot be seen.
	corrections int
	by          string
}

// NewContests remembers nothing yet.
func NewContests() *Contests {
	return &Contests{now: time.Now, namespaces: map[string]map[model.ObjectRef]*contest{}}
}

// delay returns how long after its last write the object is left alone.
func (c *contest) delay() time.Duration {
	if c.corrections == 0 {
		return 0
	}
	return min(firstDelay<<min(c.corrections-1, 10), lastDelay)
}

func (c *contest) calm() time.Duration { return max(leastCalm, 2*c.delay()) }

func (c *contest) problem() error {
	if c.by == "" {
		return ErrContested
	}
	return fmt.Errorf("%w: field manager %s", ErrContested, c.by)
}

// admit reports whether the object may be written now.
func (all *Contests) admit(c change) error {
	all.mu.Lock()
	defer all.mu.Unlock()
	found := all.namespaces[c.ref.Namespace][c.ref]
	if found == nil || found.wrote != digestOf(c.want) || all.now().Sub(found.at) >= found.delay() {
		return nil
	}
	if by := lastHand(c.live); by != "" {
		found.by = by
	}
	return found.problem()
}

// note takes in that the object was written.
func (all *Contests) note(c change) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.sweep()
	objects := all.namespaces[c.ref.Namespace]
	if objects == nil {
		objects = map[model.ObjectRef]*contest{}
		all.namespaces[c.ref.Namespace] = objects
	}
	digest, by := digestOf(c.want), lastHand(c.live)
	switch found := objects[c.ref]; {
	case found != nil && found.wrote == digest && all.now().Sub(found.at) < found.calm():
		found.corrections++
		found.at = all.now()
		if by != "" {
			found.by = by
		}
	case by != "": // it was written before it can be remembered
		objects[c.ref] = &contest{wrote: digest, at: all.now(), corrections: 1, by: by}
	default:
		objects[c.ref] = &contest{wrote: digest, at: all.now()}
	}
}

// forget drops what was written to an object that is deleted: to write it again as it was is no correction then.
func (all *Contests) forget(ref model.ObjectRef) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.namespaces[ref.Namespace], ref)
}

// standing returns the failures of objects of the namespace that are as planned, and were put back too often for this to be believed.
func (all *Contests) standing(namespace string, changed map[model.ObjectRef]bool) []model.Failure {
	all.mu.Lock()
	defer all.mu.Unlock()
	var failures []model.Failure
	for ref, c := range all.namespaces[namespace] {
		if !changed[ref] && c.corrections >= contestedFrom && all.now().Sub(c.at) < c.calm() {
			failures = append(failures, model.Failure{Object: ref, Reason: meshtlsv1alpha1.ReasonContested, Err: c.problem()})
		}
	}
	return failures
}

// Wait returns how long it takes until there is something to do about a contested object of the namespace: to write it again, or to say
// that it is not contested any more. Zero: none is.
func (all *Contests) Wait(namespace string) time.Duration {
	all.mu.Lock()
	defer all.mu.Unlock()
	var next time.Duration
	for _, c := range all.namespaces[namespace] {
		if c.corrections == 0 {
			continue
		}
		since := all.now().Sub(c.at)
		for _, due := range []time.Duration{c.delay() - since, c.calm() - since} {
			if due > 0 && (next == 0 || due < next) {
				next = due
			}
		}
	}
	return next
}

// sweep forgets what is long past, once in a while.
func (all *Contests) sweep() {
	if all.now().Sub(all.swept) < 2*lastDelay {
		return
	}
	all.swept = all.now()
	for namespace, objects := range all.namespaces {
		for ref, c := range objects {
			if all.now().Sub(c.at) > c.calm() {
				delete(objects, ref)
			}
		}
		if len(objects) == 0 {
			delete(all.namespaces, namespace)
		}
	}
}

// digestOf stands for what is written.
func digestOf(want object) uint64 {
	digest := fnv.New64a()
	// Neither the hash nor the marshaller of a message that was made here has an error.
	spec, _ := proto.MarshalOptions{Deterministic: true}.Marshal(verbatim.SpecOf(want))
	_, _ = digest.Write(spec)
	_, _ = fmt.Fprint(digest, want.GetLabels())
	for _, owner := range want.GetOwnerReferences() {
		_, _ = fmt.Fprint(digest, owner.UID)
	}
	return digest.Sum64()
}

// lastHand returns the field manager of the latest change that somebody else made to what is ours; empty: none shows.
func lastHand(live object) string {
	if live == nil {
		return ""
	}
	var last metav1.ManagedFieldsEntry
	for _, entry := range othersOnSpec(live.GetManagedFields()) {
		if last.Manager == "" || last.Time.Before(entry.Time) {
			last = entry
		}
	}
	return last.Manager
}
