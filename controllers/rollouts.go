package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/stages"
)

const (
	// switchesAtATime is how many targets become Strict at a time.
	switchesAtATime = 5
	// actionRollOut is what the operator was doing, as the action of an event.
	actionRollOut = "RollOut"
)

// advance moves the namespace's rollouts on, and has what they want to know next asked.
func (r *Reconciler) advance(s model.Snapshot) stages.Advanced {
	advanced := stages.Advance(s, stages.Input{
		Answers: r.observer.answersFor(s.Namespace), Now: r.options.now(), Pace: r.options.pace(),
		Free: switchesAtATime - r.switching.besides(s.Namespace),
	})
	r.observer.ask(s.Namespace, advanced.Questions)
	r.switching.put(s.Namespace, advanced.Switching)
	return advanced
}

// tellAhead writes the stages by which targets come to accept something else, and has this pass leave these targets as they are: the next
// one reads the stages from the statuses. A stage that is in force and not in the status would be taken for what somebody else has done,
// and the rest of a status waits until the mesh has settled.
func (r *Reconciler) tellAhead(
	ctx context.Context, cluster client.Client, before model.Snapshot, advanced stages.Advanced,
) (stages.Advanced, error) {
	var errs []error
	for i, policy := range before.Policies {
		reached := advanced.Snapshot.Policies[i]
		if !stages.Moves(policy.Status.Rollout, reached.Status.Rollout) {
			continue
		}
		told := *policy.Status.DeepCopy()
		told.Rollout = reached.Status.Rollout
		if err := r.tellOne(ctx, cluster, policy, told); err != nil && !apierrors.IsConflict(err) {
			errs = append(errs, err)
		}
		advanced.Snapshot.Policies[i] = policy
		advanced.Again = r.options.now()
	}
	return advanced, errors.Join(errs...)
}

// untilNext returns how long it takes until time alone moves a rollout on; zero: it does not.
func (r *Reconciler) untilNext(advanced stages.Advanced) time.Duration {
	if advanced.Again.IsZero() {
		return 0
	}
	return max(advanced.Again.Sub(r.options.now()), time.Second)
}

// recordRollout tells of a rollout that has another phase than before.
func (r *Reconciler) recordRollout(policy *meshtlsv1alpha1.MeshTLSPolicy, now meshtlsv1alpha1.MeshTLSPolicyStatus) {
	before, reached := policy.Status.Rollout, now.Rollout
	if reached == nil || before != nil && before.Phase == reached.Phase {
		return
	}
	severity := corev1.EventTypeNormal
	if reached.Phase == meshtlsv1alpha1.RolloutBlocked || reached.Phase == meshtlsv1alpha1.RolloutUndone {
		severity = corev1.EventTypeWarning
	}
	r.record(policy, announcement{
		severity: severity, reason: string(reached.Phase), action: actionRollOut, note: fmt.Sprintf("Rollout: %s", reached.Message),
	})
}

// tally counts something by namespace.
type tally struct {
	mu sync.Mutex
	of map[string]int
}

func newTally() *tally { return &tally{of: map[string]int{}} }

func (t *tally) put(namespace string, count int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if count == 0 {
		delete(t.of, namespace)
		return
	}
	t.of[namespace] = count
}

// besides returns the count of all other namespaces.
func (t *tally) besides(namespace string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := 0
	for name, count := range t.of {
		if name != namespace {
			sum += count
		}
	}
	return sum
}
