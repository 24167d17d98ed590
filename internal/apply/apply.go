package apply

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// FieldManager is the name under which the operator owns fields.
const FieldManager = "meshtls"

var (
	// ErrNotOwned: an object of that name exists and does not carry our label.
	ErrNotOwned = errors.New("the object exists and is not managed by meshtls")
	// ErrHeldBack: the object was not tried, because of another one that could not be written.
	ErrHeldBack = errors.New("held back")
	// ErrOverruled: the object was written and is not as written, so something changes it on its way in.
	ErrOverruled = errors.New("something changes the object while it is written")
)

// inFlight is how many objects of a namespace are written at a time.
const inFlight = 8

// Applier writes objects.
type Applier struct {
	Client client.Client
}

// Apply makes the namespace's objects equal want. Live are all objects of these kinds in the namespace, ours and other
// people's. An object that belonged to a policy of keep is not deleted, also if it is not wanted.
//
// A write that fails does not stop the others of its phase, but all later phases and every deletion. What cannot be written
// until somebody else acts, such as an object that is not ours, holds back only the policies that it belongs to: one foreign
// object must not freeze a namespace.
func (a Applier) Apply(ctx context.Context, live, want model.Objects, keep sets.Set[types.UID]) model.ChangeSet {
	writes, deletes := changes(live, want, keep)
	var done model.ChangeSet
	var held hold
	for _, batch := range phases(writes) {
		batch = held.mark(batch)
		a.run(ctx, batch, &done, a.write)
		held.learn(batch)
	}
	for _, batch := range phases(deletes) {
		a.run(ctx, held.mark(batch), &done, a.remove)
	}
	return done
}

// run does the changes of one phase, some at a time, and notes how each went: in the changes, and in done.
func (a Applier) run(ctx context.Context, batch []change, done *model.ChangeSet, do func(context.Context, change) error) {
	var pool errgroup.Group
	pool.SetLimit(inFlight)
	for i := range batch {
		if batch[i].because.Err != nil {
			continue
		}
		pool.Go(func() error {
			if err := do(ctx, batch[i]); err != nil {
				batch[i].because = model.Failure{Object: batch[i].ref, Reason: reasonOf(batch[i], err), Err: err}
			}
			return nil
		})
	}
	// The pool's functions return no error: each is kept with its change.
	_ = pool.Wait()
	for _, c := range batch {
		if c.because.Err != nil {
			done.Failures = append(done.Failures, c.because)
		} else {
			done.Changes = append(done.Changes, model.Change{Verb: c.verb(), Object: c.ref})
		}
	}
}

// reasonOf is the reason of Programmed=False for the error.
func reasonOf(c change, err error) string {
	switch {
	case apimeta.IsNoMatchError(err):
		return meshtlsv1alpha1.ReasonIstioCRDsMissing
	case c.want == nil:
		return meshtlsv1alpha1.ReasonPruneFailed
	default:
		return meshtlsv1alpha1.ReasonApplyFailed
	}
}

// phases cuts the changes, which are in order, into those that may go at the same time.
func phases(list []change) [][]change {
	var batches [][]change
	for start := 0; start < len(list); {
		end := start + 1
		for end < len(list) && phaseOf(list[end]) == phaseOf(list[start]) {
			end++
		}
		batches = append(batches, list[start:end])
		start = end
	}
	return batches
}

// Standing says whether the failure lasts until somebody else acts, so that trying again is of no use.
func Standing(failure model.Failure) bool {
	return failure.Reason == meshtlsv1alpha1.ReasonNotOwned || failure.Reason == meshtlsv1alpha1.ReasonIstioCRDsMissing
}
