package controllers

import (
	"hash/maphash"
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/gather"
)

// dependents knows which namespaces asked the cluster what, as of their last pass. A namespace that has not had a pass yet is not in it and
// needs not be: its first pass reads everything as it is then.
//
// There are some thirty reads a policy, and most of them are made by one namespace alone. So of each only its hash is kept, once. Two reads
// with one hash would cost a pass that was not needed, and nothing else.
type dependents struct {
	mu   sync.Mutex
	seed maphash.Seed
	// of are the namespaces that make a read, and made the reads of a namespace.
	of   map[asked]askers
	made map[string]sets.Set[asked]
}

// asked is the hash of a read.
type asked uint64

// askers are the namespaces that make a read: one of them, and the others; nil: there are none.
type askers struct {
	by      string
	besides sets.Set[string]
}

func newDependents() *dependents {
	return &dependents{seed: maphash.MakeSeed(), of: map[asked]askers{}, made: map[string]sets.Set[asked]{}}
}

func (d *dependents) hash(read gather.Read) asked { return asked(maphash.Comparable(d.seed, read)) }

// asking is the reading of a namespace's snapshot.
type asking struct {
	in        *dependents
	namespace string
	now       sets.Set[asked]
}

// begin starts the reading of a namespace's snapshot.
func (d *dependents) begin(namespace string) *asking {
	return &asking{in: d, namespace: namespace, now: sets.New[asked]()}
}

// note takes down a read before it is made: what changes from now on is heard, and what changed before is read.
func (a *asking) note(read gather.Read) {
	a.in.mu.Lock()
	defer a.in.mu.Unlock()
	made := a.in.hash(read)
	a.in.of[made] = a.in.of[made].with(a.namespace)
	a.now.Insert(made)
	if a.in.made[a.namespace] == nil {
		a.in.made[a.namespace] = sets.New[asked]()
	}
	a.in.made[a.namespace].Insert(made)
}

// done forgets what the namespace had read before and did not read again.
func (a *asking) done() {
	a.in.mu.Lock()
	defer a.in.mu.Unlock()
	a.in.keep(a.namespace, a.now)
}

// forget drops what the namespace read.
func (d *dependents) forget(namespace string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keep(namespace, nil)
}

func (d *dependents) keep(namespace string, now sets.Set[asked]) {
	for made := range d.made[namespace] {
		if now.Has(made) {
			continue
		}
		if left, others := d.of[made].without(namespace); others {
			d.of[made] = left
		} else {
			delete(d.of, made)
		}
	}
	if len(now) == 0 {
		delete(d.made, namespace)
		return
	}
	d.made[namespace] = now
}

// on returns the namespaces that made one of the reads, in order.
func (d *dependents) on(reads []gather.Read) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := sets.New[string]()
	for _, read := range reads {
		if made, known := d.of[d.hash(read)]; known {
			found.Insert(made.by)
			maps.Copy(found, made.besides)
		}
	}
	return sets.List(found)
}

// with returns the askers and the namespace.
func (a askers) with(namespace string) askers {
	switch {
	case a.by == "":
		a.by = namespace
	case a.by == namespace:
	case a.besides == nil:
		a.besides = sets.New(namespace)
	default:
		a.besides.Insert(namespace)
	}
	return a
}

// without returns the askers but for the namespace, and reports whether there are any.
func (a askers) without(namespace string) (left askers, any bool) {
	if namespace != a.by {
		a.besides.Delete(namespace)
		return a, true
	}
	a.by, any = a.besides.PopAny()
	return a, any
}
