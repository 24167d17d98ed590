package mesh

import (
	"sync"

	"k8s.io/apimachinery/pkg/util/sets"
)

// Reads are the kinds of objects that a reader of a view asked for. It may be used from many goroutines.
type Reads struct {
	mu    sync.Mutex
	kinds sets.Set[string]
}

// Kinds returns the kinds, in order.
func (r *Reads) Kinds() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return sets.List(r.kinds)
}

func (r *Reads) note(kinds []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kinds == nil {
		r.kinds = sets.New[string]()
	}
	r.kinds.Insert(kinds...)
}

// Recording returns the same view for one reader: it notes the kinds that this one asks for.
func (v *View) Recording(reads *Reads) *View {
	recording := *v
	recording.reads = reads
	return &recording
}

// note takes down that the answer depends on objects of the kinds.
func (v *contents) note(kinds ...string) {
	if v.reads != nil {
		v.reads.note(kinds)
	}
}
