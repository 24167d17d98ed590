package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/apply"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/metrics"
	"github.com/meshtls/meshtls/internal/model"
)

// Reconciler makes a namespace as its policies ask.
type Reconciler struct {
	options Options
	client  client.Client
	// live reads from the API server.
	live client.Reader
	// contests remembers what was written, so that nobody is fought over an object many times a second.
	contests *apply.Contests
	// pace gives the mesh the time to take up what was written.
	pace *apply.Pace
	// kinds and credentials are what can be read besides what the client reads.
	kinds       *sessions
	credentials *sessions
	// audit is likewise of what only audit policies need.
	audit      *sessions
	dependents *dependents
	// observer knows what is called, and switching how many targets are becoming Strict.
	observer  *observer
	switching *tally
	recorder  events.EventRecorder
	metrics   *metrics.Metrics
	// untested remembers which control planes the log has spoken of.
	untested *untested
}

// Reconcile compiles the namespace that the request names and writes what comes out.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	if !r.options.scope().governs(request.Name) {
		return ctrl.Result{}, nil
	}
	cluster, err := newView(r.client, r.options.scope(), r.kinds, r.audit)
	if err != nil {
		return ctrl.Result{}, err
	}
	leaving, err := namespaceLeaves(ctx, cluster, request.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if leaving {
		r.forget(request.Name)
		return ctrl.Result{}, nil
	}
	snapshot, err := r.gather(ctx, cluster, request.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	r.metrics.Checked(snapshot)
	r.untested.tell(ctx, snapshot.Tags)
	advanced, ahead := r.tellAhead(ctx, cluster, snapshot, r.advance(snapshot))
	result := r.compile(advanced.Snapshot)
	work := workOf(snapshot, result)
	changes := apply.Applier{Client: cluster, Contests: r.contests, Pace: r.pace, Exists: r.exists}.Apply(ctx, work)
	r.recordPruned(snapshot, work.Live, changes)
	r.recordCorrected(work.Live, changes)
	r.metrics.Applied(changes)
	logChanges(ctx, changes)
	again, err := r.tell(ctx, cluster, report{snapshot: snapshot, result: result, changes: changes})
	if err := errors.Join(worthRetrying(changes), err, ahead); err != nil {
		return ctrl.Result{}, err
	}
	next := soonest(again, untilExpiry(snapshot), r.untilNext(advanced), r.contests.Wait(request.Name), r.pace.Wait(request.Name, changes))
	return ctrl.Result{RequeueAfter: next}, nil
}

// soonest returns the shortest of the waits; zero stands for none.
func soonest(waits ...time.Duration) time.Duration {
	waits = slices.DeleteFunc(waits, func(wait time.Duration) bool { return wait == 0 })
	if len(waits) == 0 {
		return 0
	}
	return slices.Min(waits)
}

// exists asks the API server whether the policy is still there: a list needs no other right than those of the cache.
func (r *Reconciler) exists(ctx context.Context, namespace string, policy metav1.OwnerReference) (bool, error) {
	var found meshtlsv1alpha1.MeshTLSPolicyList
	byName := client.MatchingFields{metav1.ObjectNameField: policy.Name}
	if err := r.live.List(ctx, &found, client.InNamespace(namespace), byName); err != nil {
		return false, fmt.Errorf("looking for MeshTLSPolicy %s/%s: %w", namespace, policy.Name, err)
	}
	return slices.ContainsFunc(found.Items, func(p meshtlsv1alpha1.MeshTLSPolicy) bool { return p.UID == policy.UID }), nil
}

// gather reads the namespace, with the credentials that its policies name as far as they can be read now.
func (r *Reconciler) gather(ctx context.Context, cluster view, namespace string) (model.Snapshot, error) {
	reader, readable := withCredentials(cluster, r.credentials.all())
	asking := r.dependents.begin(namespace)
	snapshot, err := gather.Snapshot(ctx, reader, namespace, gather.Options{
		IstioNamespace:       r.options.IstioNamespace,
		RootNamespace:        r.options.RootNamespace,
		ClusterDomain:        r.options.ClusterDomain,
		Missing:              cluster.missing,
		Fields:               cluster.fields,
		CredentialNamespaces: readable,
		Now:                  metav1.NewTime(r.options.now()),
		Note:                 asking.note,
	})
	switch {
	case err != nil: // what was read before may still count
	case len(snapshot.Policies) == 0:
		r.dependents.forget(namespace)
	default:
		asking.done()
	}
	snapshot.Stepwise = r.options.Settle > 0
	snapshot.NoAudit = r.noAudit(cluster)
	snapshot.Mesh.Unseen = r.options.scope().unseen(snapshot.Mesh.RootNamespace)
	return snapshot, err
}

// compile compiles the snapshot and notes how long that takes.
func (r *Reconciler) compile(s model.Snapshot) model.Result {
	began := time.Now()
	result := compile.Compile(s)
	r.metrics.Compiled(time.Since(began))
	return result
}

// namespaceLeaves reports whether the namespace is being deleted. Then nothing can be created in it, and whatever is missing was
// deleted with it.
func namespaceLeaves(ctx context.Context, reader client.Reader, name string) (bool, error) {
	var namespace corev1.Namespace
	err := reader.Get(ctx, client.ObjectKey{Name: name}, &namespace, client.UnsafeDisableDeepCopy)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("getting namespace %s: %w", name, err)
	}
	return namespace.DeletionTimestamp != nil, nil
}

// forget drops what is remembered of a namespace that leaves: no pass may come after it has left.
func (r *Reconciler) forget(namespace string) {
	r.metrics.Forget(namespace)
	r.pace.Forget(namespace)
	r.observer.ask(namespace, nil)
	r.switching.put(namespace, 0)
	r.dependents.forget(namespace)
}

// workOf returns what is to be made of the namespace.
func workOf(s model.Snapshot, result model.Result) apply.Work {
	return apply.Work{
		Namespace: s.Namespace, Written: written(s),
		Live: s.Live(), Want: result.Objects, Keep: kept(result),
		Mesh: ofRoot(s), Services: s.OwnServices(),
	}
}

// written returns the objects that the policies' statuses name.
func written(s model.Snapshot) sets.Set[model.ObjectRef] {
	refs := sets.New[model.ObjectRef]()
	for _, policy := range s.Policies {
		for _, object := range policy.Status.Objects {
			refs.Insert(model.ObjectRef{Kind: object.Kind, Namespace: s.Namespace, Name: object.Name})
		}
	}
	return refs
}

// ofRoot returns the PeerAuthentications of Istio's root namespace, where that is another one.
func ofRoot(s model.Snapshot) []*istiosecurityv1.PeerAuthentication {
	if s.Namespace == s.Mesh.RootNamespace {
		return nil
	}
	return model.InNamespace(s.PeerAuthentications, s.Mesh.RootNamespace)
}

// kept returns the policies whose needs are not known now: what they needed before must stay.
func kept(result model.Result) sets.Set[types.UID] {
	unresolved := sets.New[types.UID]()
	for _, outcome := range result.Policies {
		if outcome.Unresolved {
			unresolved.Insert(outcome.UID)
		}
	}
	return unresolved
}

// worthRetrying returns the failures that may not happen again, or that end without an event. The others end with one: the foreign object
// goes, the CRD comes, what held an object back is written, the namespace is gone.
func worthRetrying(changes model.ChangeSet) error {
	var failed []error
	for _, failure := range changes.Failures {
		leaving := apierrors.HasStatusCause(failure.Err, corev1.NamespaceTerminatingCause)
		if !leaving && apply.Retried(failure) {
			failed = append(failed, failure.Err)
		}
	}
	return errors.Join(failed...)
}

// logChanges says what was written. A pass that wrote nothing says nothing.
func logChanges(ctx context.Context, changes model.ChangeSet) {
	if len(changes.Changes) == 0 {
		return
	}
	counts := map[model.Verb]int{}
	for _, change := range changes.Changes {
		counts[change.Verb]++
	}
	log := ctrl.LoggerFrom(ctx)
	log.Info("applied",
		"created", counts[model.Created],
		"updated", counts[model.Updated],
		"driftCorrected", counts[model.DriftCorrected],
		"pruned", counts[model.Pruned],
		"failed", len(changes.Failures))
	for _, change := range changes.Changes {
		log.V(1).Info("wrote", "verb", change.Verb, "object", change.Object.String())
	}
}
