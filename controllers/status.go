package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/apply"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/status"
)

// inFlight is how many statuses of a namespace are written at a time.
const inFlight = 8

// raceWait is how long a status waits that was refused because the policy had changed.
const raceWait = time.Second

// report is what there is to tell after a pass.
type report struct {
	snapshot model.Snapshot
	result   model.Result
	changes  model.ChangeSet
}

// tell writes the status of each policy of the namespace where it differs, and records what became of it.
//
// A status that was refused because the policy has changed is not told: again says after which time it is tried again. Mostly the event of
// that change comes first, but a conflict may also be one that no event follows.
func (r *Reconciler) tell(ctx context.Context, cluster client.Client, done report) (again time.Duration, err error) {
	policies := map[string]*meshtlsv1alpha1.MeshTLSPolicy{}
	for _, policy := range done.snapshot.Policies {
		policies[policy.Name] = policy
	}
	errs := make([]error, len(done.result.Policies))
	told := make([]meshtlsv1alpha1.MeshTLSPolicyStatus, len(done.result.Policies))
	var pool errgroup.Group
	pool.SetLimit(inFlight)
	for i, outcome := range done.result.Policies {
		pool.Go(func() error {
			policy := policies[outcome.Policy.Name]
			r.recordDrift(policy, outcome, done.changes)
			if settles(outcome, done.changes) {
				told[i] = policy.Status
				return nil
			}
			told[i] = status.Of(outcome, done.result.Mesh, done.changes.Failures)
			errs[i] = r.tellOne(ctx, cluster, policy, told[i])
			return nil
		})
	}
	// The pool's functions return no error: each has its place.
	_ = pool.Wait()
	r.metrics.Passed(done.result, told)
	if slices.ContainsFunc(errs, apierrors.IsConflict) {
		again = raceWait
	}
	return again, errors.Join(slices.DeleteFunc(errs, apierrors.IsConflict)...)
}

// settles reports whether the policy's status waits: the proxies may not have what was written for the policy, or taken away, and nothing
// of it failed. Told at once, Ready would come before the proxies do what it says; told twice, it would cost a second write.
func settles(outcome model.Outcome, changes model.ChangeSet) bool {
	failed := slices.ContainsFunc(changes.Failures, func(f model.Failure) bool {
		return slices.Contains(outcome.Objects, meshtlsv1alpha1.ObjectReference{Kind: f.Object.Kind, Name: f.Object.Name})
	})
	return !failed && (outcome.InTransit || changes.Unsettled.Has(outcome.UID))
}

// tellOne writes one status where it differs. That the policy has gone meanwhile is no error: its event brings us back.
func (r *Reconciler) tellOne(
	ctx context.Context, cluster client.Client, policy *meshtlsv1alpha1.MeshTLSPolicy, want meshtlsv1alpha1.MeshTLSPolicyStatus,
) error {
	want.Conditions = withTransitions(policy.Status.Conditions, want.Conditions)
	if equality.Semantic.DeepEqual(policy.Status, want) {
		return nil
	}
	told := policy.DeepCopy()
	told.Status = want
	// With the resource version the patch cannot hit a younger policy of the same name, nor a newer spec.
	patch := client.MergeFromWithOptions(policy, client.MergeFromWithOptimisticLock{})
	err := cluster.Status().Patch(ctx, told, patch, client.FieldOwner(apply.FieldManager))
	switch {
	case err == nil:
		r.metrics.StatusUpdated()
		r.recordTransition(policy, want)
		r.recordMeaning(policy, want)
		r.recordExceptions(policy, want)
		r.recordRollout(policy, want)
		return nil
	case apierrors.IsConflict(err):
		return err
	case apierrors.IsNotFound(err):
		return nil
	default:
		return fmt.Errorf("writing the status of MeshTLSPolicy %s/%s: %w", policy.Namespace, policy.Name, err)
	}
}

// withTransitions gives the wanted conditions their transition times: the time that is there where the condition's status
// stays, now where it changes.
func withTransitions(live, want []metav1.Condition) []metav1.Condition {
	merged := slices.Clone(live)
	for _, condition := range want {
		apimeta.SetStatusCondition(&merged, condition)
	}
	timed := make([]metav1.Condition, 0, len(want))
	for _, condition := range want {
		timed = append(timed, *apimeta.FindStatusCondition(merged, condition.Type))
	}
	return timed
}
