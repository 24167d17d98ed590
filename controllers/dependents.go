package controllers

import (
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/gather"
)

// dependents knows which namespaces asked the cluster what, as of their last pass. A namespace that has not had a pass yet is not in it and
// needs not be: its first pass reads everything as it is then.
//
// There are some thirty reads a policy, and most of them are made by one namespace alone. So each is kept once.
type dependents struct {
	mu sync.Mutex
	// of are the reads that are made, and made those of a namespace.
	of   map[gather.Read]*asked
	made map[string]sets.Set[*asked]
}

// asked is a read with the namespaces that make it.
type asked struct {
	read gather.Read
	// by is one of them, and besides are the others; nil: there are none.
	by      string
	besides sets.Set[string]
}

func newDependents() *dependents {
	return &dependents{of: map[gather.Read]*asked{}, made: map[string]sets.Set[*asked]{}}
}

// asking is the reading of a namespace's snapshot.
type asking struct {
	in        *dependents
	namespace string
	now       sets.Set[*asked]
}

// begin starts the reading of a namespace's snapshot.
func (d *dependents) begin(namespace string) *asking {
	return &asking{in: d, namespace: namespace, now: sets.New[*asked]()}
}

// note takes down a read before it is made: what changes from now on is heard, and what changed before is read.
func (a *asking) note(read gather.Read) {
	a.in.mu.Lock()
	defer a.in.mu.Unlock()
	made, known := a.in.of[read]
	if !known {
		made = &asked{read: read, by: a.namespace}
		a.in.of[read] = made
	}
	made.add(a.namespace)
	a.now.Insert(made)
	if a.in.made[a.namespace] == nil {
		a.in.made[a.namespace] = sets.New[*asked]()
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

func (d *dependents) keep(namespace string, now sets.Set[*asked]) {
	for made := range d.made[namespace] {
		if !now.Has(made) && !made.without(namespace) {
			delete(d.of, made.read)
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
		if made, known := d.of[read]; known {
			found.Insert(made.by)
			maps.Copy(found, made.besides)
		}
	}
	return sets.List(found)
}

// add notes that the namespace makes the read.
func (a *asked) add(namespace string) {
	if namespace == a.by {
		return
	}
	if a.besides == nil {
		a.besides = sets.New[string]()
	}
	a.besides.Insert(namespace)
}

// without notes that the namespace does not make the read any more, and reports whether another does.
func (a *asked) without(namespace string) bool {
	if namespace != a.by {
		a.besides.Delete(namespace)
		return true
	}
	next, found := a.besides.PopAny()
	a.by = next
	return found
}
