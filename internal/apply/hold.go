package apply

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// hold is what may not be done any more, because of what failed.
type hold struct {
	work *Work
	// all is the failure that holds back everything; its Err is nil where none does.
	all model.Failure
	// lasting are the changes that failed until somebody else acts.
	lasting []change
}

// learn takes in how a batch went. What was held back by a change that lasts holds back in turn what it could matter for.
func (h *hold) learn(batch []change) {
	for _, c := range batch {
		switch {
		case c.because.Err == nil:
		case lasts(c.because), errors.Is(c.because.Err, ErrHeldBack):
			h.lasting = append(h.lasting, c)
		case h.all.Err == nil:
			h.all = c.because
		}
	}
}

// mark notes on each change of the batch what holds it back, and returns the batch. A deletion that waits for somebody else to
// act is left out: its policy is told of what it waits for, and there is nothing more to say.
func (h *hold) mark(batch []change) []change {
	var marked []change
	for _, c := range batch {
		cause, is := h.cause(&c)
		if is && c.because.Err == nil {
			if c.want == nil && lasts(cause) {
				h.lasting = append(h.lasting, c)
				continue
			}
			err := fmt.Errorf("%w until %s can be written", ErrHeldBack, cause.Object)
			c.because = model.Failure{Object: c.ref, Reason: reasonOf(c, err), Err: err}
		}
		marked = append(marked, c)
	}
	return marked
}

func (h *hold) cause(c *change) (model.Failure, bool) {
	if h.all.Err != nil {
		return h.all, true
	}
	for i := range h.lasting {
		if matters(&h.lasting[i], c, h.work.Services) {
			return h.lasting[i].because, true
		}
	}
	return model.Failure{}, false
}

// lasts reports whether the failure lasts until somebody else acts, as far as its kind tells: trying again at once is of no use.
func lasts(failure model.Failure) bool {
	return !Retried(failure) || errors.Is(failure.Err, ErrOverruled) || apierrors.IsForbidden(failure.Err) ||
		apierrors.IsInvalid(failure.Err) || apierrors.IsBadRequest(failure.Err) || apierrors.IsRequestEntityTooLargeError(failure.Err)
}

// Retried reports whether the failure is worth trying again without an event: there is none when a right is given.
func Retried(failure model.Failure) bool {
	switch {
	case errors.Is(failure.Err, ErrHeldBack):
		return false // what holds it back is tried
	case errors.Is(failure.Err, ErrContested), errors.Is(failure.Err, ErrOwnerGone), errors.Is(failure.Err, ErrCollision):
		return false // time, the policy's event, or somebody's change of a policy brings us back
	case failure.Reason == meshtlsv1alpha1.ReasonNotOwned, failure.Reason == meshtlsv1alpha1.ReasonIstioCRDsMissing:
		return false
	default:
		return true
	}
}
