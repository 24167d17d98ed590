package apply

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// FieldManager is the name under which the operator owns fields.
const FieldManager = model.FieldManager

var (
	// ErrNotOwned: an object of that name exists that we have not written, or that no policy owns.
	ErrNotOwned = errors.New("the object exists and is not managed by meshtls")
	// ErrHeldBack: the object was not tried, because of another one that could not be written.
	ErrHeldBack = errors.New("held back")
	// ErrOwnerGone: the policies that own the object are gone, and the cache does not know yet.
	ErrOwnerGone = errors.New("the policies that own the object are gone")
	// ErrCollision: two objects of the plan have one name.
	ErrCollision = errors.New("another object of the plan has the same name")
	// ErrOverruled: the object was written and is not as written, so something changes it on its way in.
	ErrOverruled = errors.New("something changes the object while it is written")
)

// inFlight is how many objects of a namespace are written at a time.
const inFlight = 8

// Applier writes objects.
type Applier struct {
	Client client.Client
	// Contests remembers what was written.
	Contests *Contests
	// Pace keeps writes that follow one another apart in time.
	Pace *Pace
	// Exists asks the API server, not a cache, whether a policy of the namespace is still there.
	Exists func(ctx context.Context, namespace string, policy metav1.OwnerReference) (bool, error)

	written sets.Set[model.ObjectRef]
}

// Work is what is to be made of a namespace.
type Work struct {
	Namespace string
	// Live are all objects of the kinds that are rendered in the namespace, ours and other people's, and Want those that are planned.
	Live, Want model.Objects
	// Keep are policies whose objects are not deleted, also if they are not wanted.
	Keep sets.Set[types.UID]
	// Mesh are the PeerAuthentications of Istio's root namespace, which decide where the namespace has none for all its pods.
	Mesh []*istiosecurityv1.PeerAuthentication
	// Written are the objects that a status names as written. One that is to be created again was deleted.
	Written sets.Set[model.ObjectRef]
	// Services tell which pods are behind a host.
	Services []model.Service
}

// Apply makes the namespace's objects as they are wanted.
//
// A write that fails does not stop the others of its turn. It holds back all that comes later if it may pass when it is tried again. If it
// lasts until somebody else acts, such as a missing right or an object that is not ours, it holds back only what it could matter for: one
// object must not freeze a namespace.
//
// What must reach the proxies after something that was written a moment ago is left for a later pass: Pace.Wait says when.
func (a Applier) Apply(ctx context.Context, work Work) model.ChangeSet {
	var done model.ChangeSet
	held, spaced := hold{work: &work}, a.Pace.begin(&work)
	a.written = work.Written
	for _, batch := range turns(changes(work)) {
		batch = spaced.due(held.mark(batch))
		a.run(ctx, batch, &done)
		held.learn(batch)
		a.Pace.note(work.Namespace, batch)
	}
	done.Unsettled = spaced.unsettled()
	done.Failures = append(done.Failures, a.Contests.standing(work.Namespace, touched(done))...)
	return done
}

// touched returns the objects that were written, or could not be.
func touched(done model.ChangeSet) map[model.ObjectRef]bool {
	refs := map[model.ObjectRef]bool{}
	for _, failure := range done.Failures {
		refs[failure.Object] = true
	}
	return refs
}

// run does the changes of one turn, some at a time, and notes how each went: in the changes, and in done.
func (a Applier) run(ctx context.Context, batch []change, done *model.ChangeSet) {
	var pool errgroup.Group
	pool.SetLimit(inFlight)
	for i := range batch {
		if batch[i].because.Err != nil {
			continue
		}
		pool.Go(func() error {
			if err := a.do(ctx, batch[i]); err != nil {
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

// reasonOf returns the reason of Programmed=False for the error.
func reasonOf(c change, err error) string {
	switch {
	case apimeta.IsNoMatchError(err):
		return meshtlsv1alpha1.ReasonIstioCRDsMissing
	case errors.Is(err, ErrContested):
		return meshtlsv1alpha1.ReasonContested
	case c.want == nil:
		return meshtlsv1alpha1.ReasonPruneFailed
	default:
		return meshtlsv1alpha1.ReasonApplyFailed
	}
}

// do makes one change.
func (a Applier) do(ctx context.Context, c change) error {
	if c.want == nil {
		a.Contests.forget(c.ref)
		return a.remove(ctx, c)
	}
	if err := errors.Join(a.Contests.admit(c), a.stillOwned(ctx, c)); err != nil {
		return err
	}
	err := a.write(ctx, c)
	if err == nil || errors.Is(err, ErrOverruled) {
		a.Contests.note(c)
	}
	return err
}

// stillOwned asks for the owners of an object that is created again. A watch of policies that lags does not tell that the policy is gone:
// Kubernetes would delete the object, we would create it, and so on.
func (a Applier) stillOwned(ctx context.Context, c change) error {
	if c.live != nil || !a.written.Has(c.ref) {
		return nil
	}
	for _, owner := range ourOwners(c.want) {
		there, err := a.Exists(ctx, c.ref.Namespace, owner)
		if there || err != nil {
			return err
		}
	}
	return ErrOwnerGone
}

// turns cuts the changes, which are in order, into those that may go at the same time.
func turns(list []change) [][]change {
	var batches [][]change
	for start := 0; start < len(list); {
		end := start + 1
		for end < len(list) && list[end].turn == list[start].turn {
			end++
		}
		batches = append(batches, list[start:end])
		start = end
	}
	return batches
}
