package apply

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/model"
)

// hold is what may not be done any more, because of what failed.
type hold struct {
	// all is the failure that holds back everything; its Err is nil where none does.
	all model.Failure
	// owners are the policies that are held back, each with the failure that does it.
	owners map[types.UID]model.Failure
}

// learn takes in how a batch went.
func (h *hold) learn(batch []change) {
	for _, c := range batch {
		switch {
		case c.because.Err == nil, errors.Is(c.because.Err, ErrHeldBack):
		case Standing(c.because):
			h.holdOwners(c)
		case h.all.Err == nil:
			h.all = c.because
		}
	}
}

func (h *hold) holdOwners(c change) {
	if h.owners == nil {
		h.owners = map[types.UID]model.Failure{}
	}
	for _, owner := range c.owners() {
		h.owners[owner.UID] = c.because
	}
}

// mark notes on each change of the batch what holds it back, and returns the batch. A deletion that waits for somebody else to
// act is left out: its policy is told of what it waits for, and there is nothing more to say.
func (h *hold) mark(batch []change) []change {
	var marked []change
	for _, c := range batch {
		cause, is := h.cause(c)
		if is && c.because.Err == nil {
			if c.want == nil && Standing(cause) {
				continue
			}
			err := fmt.Errorf("%w until %s can be written", ErrHeldBack, cause.Object)
			c.because = model.Failure{Object: c.ref, Reason: reasonOf(c, err), Err: err}
		}
		marked = append(marked, c)
	}
	return marked
}

func (h *hold) cause(c change) (model.Failure, bool) {
	if h.all.Err != nil {
		return h.all, true
	}
	for _, owner := range c.owners() {
		if cause, is := h.owners[owner.UID]; is {
			return cause, true
		}
	}
	return model.Failure{}, false
}
