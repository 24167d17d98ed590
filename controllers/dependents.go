package controllers

import (
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/gather"
)

// dependents knows which namespaces asked the cluster what, as of their last pass. A namespace that has not had a pass yet is not in it and
// needs not be: its first pass reads everything as it is then.
type dependents struct {
	mu sync.Mutex
	// of are the namespaces by read, made the reads by namespace.
	of   map[gather.Read]sets.Set[string]
	made map[string]sets.Set[gather.Read]
}

func newDependents() *dependents {
	return &dependents{of: map[gather.Read]sets.Set[string]{}, made: map[string]sets.Set[gather.Read]{}}
}

// asking is the reading of a namespace's snapshot.
type asking struct {
	in        *dependents
	namespace string
	now       sets.Set[gather.Read]
}

// begin starts the reading of a namespace's snapshot.
func (d *dependents) begin(namespace string) *asking {
	return &asking{in: d, namespace: namespace, now: sets.New[gather.Read]()}
}

// note takes down a read before it is made: what changes from now on is heard, and what changed before is read.
func (a *asking) note(read gather.Read) {
	a.now.Insert(read)
	a.in.mu.Lock()
	defer a.in.mu.Unlock()
	if a.in.of[read] == nil {
		a.in.of[read] = sets.New[string]()
	}
	a.in.of[read].Insert(a.namespace)
	if a.in.made[a.namespace] == nil {
		a.in.made[a.namespace] = sets.New[gather.Read]()
	}
	a.in.made[a.namespace].Insert(read)
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

func (d *dependents) keep(namespace string, now sets.Set[gather.Read]) {
	for read := range d.made[namespace] {
		if now.Has(read) {
			continue
		}
		d.of[read].Delete(namespace)
		if d.of[read].Len() == 0 {
			delete(d.of, read)
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
		maps.Copy(found, d.of[read])
	}
	return sets.List(found)
}
