package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/apply"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/metrics"
	"github.com/meshtls/meshtls/internal/stages"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// What the operator may do in the cluster. The mesh config is read in Istio's namespace only: see config/rbac.
//
// +kubebuilder:rbac:groups=security.meshtls.dev,resources=meshtlspolicies,verbs=list;watch
// +kubebuilder:rbac:groups=security.meshtls.dev,resources=meshtlspolicies/status,verbs=patch
// +kubebuilder:rbac:groups=security.istio.io,resources=peerauthentications,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.istio.io,resources=destinationrules;gateways,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.istio.io,resources=serviceentries;virtualservices;workloadentries,verbs=list;watch
// +kubebuilder:rbac:groups=networking.istio.io,resources=sidecars;envoyfilters,verbs=list;watch
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=gateways;backendtlspolicies;referencegrants,verbs=list;watch
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=httproutes;grpcroutes;tlsroutes;tcproutes,verbs=list;watch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses;ingressclasses,verbs=list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=services;pods;namespaces,verbs=list;watch
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=mutatingwebhookconfigurations,verbs=list;watch
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingwebhookconfigurations,verbs=list;watch
// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Options are what the operator is told at its start.
type Options struct {
	// IstioNamespace is where Istio's mesh config is.
	IstioNamespace string
	// RootNamespace overrides the root namespace of the mesh config. Empty: it does not.
	RootNamespace string
	// ClusterDomain overrides what Istio is installed with. Empty: it does not.
	ClusterDomain string
	// MaxConcurrentReconciles is how many namespaces are compiled at a time.
	MaxConcurrentReconciles int
	// CredentialNamespaces are those whose Secrets and ConfigMaps are checked where policies name them. Empty: no Secret is read.
	CredentialNamespaces []string
	// WatchNamespaces are those whose policies are compiled; besides them, only Istio's namespace and RootNamespace are read.
	// Empty: all namespaces.
	WatchNamespaces []string
	// Version is that of the program, for its metrics.
	Version string
	// Settle is the time that the mesh is given to take up a change: what must follow it, and its status, are written after that. Zero:
	// none.
	Settle time.Duration
	// Evidence is where rollouts learn what is called.
	Evidence EvidenceOptions
	// Clock tells the time; nil: the machine's does.
	Clock func() time.Time
	// Pace is how fast rollouts switch; nil: as stages.DefaultPace says.
	Pace *stages.Pace
}

func (o Options) pace() stages.Pace {
	if o.Pace != nil {
		return *o.Pace
	}
	return stages.DefaultPace()
}

func (o Options) now() time.Time {
	if o.Clock != nil {
		return o.Clock()
	}
	return time.Now()
}

const (
	// firstRetry and lastRetry bound how long a namespace waits after a failure. The wait doubles each time.
	firstRetry = 100 * time.Millisecond
	lastRetry  = time.Minute
	// lastKindRetry bounds the wait for a kind whose CRD has come and that is not served yet.
	lastKindRetry = 5 * time.Second
	// passTimeout ends a pass that hangs, so that it is retried.
	passTimeout = 2 * time.Minute
)

// NewScheme knows the kinds that the operator handles.
func NewScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme,
		meshtlsv1alpha1.AddToScheme,
		verbatim.AddToScheme,
		istionetworkingv1alpha3.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return scheme
}

// ManagerOptions returns the options that a manager must have for Setup: the scheme, what it caches, and a client that reads its
// own writes.
func ManagerOptions(options Options) ctrl.Options {
	return ctrl.Options{
		Scheme: NewScheme(),
		Cache: cache.Options{
			DefaultTransform:  trim,
			DefaultNamespaces: caches(options.scope().parts()...),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.ConfigMap{}:          {Namespaces: map[string]cache.Config{options.IstioNamespace: {}}},
				&discoveryv1.EndpointSlice{}: {Label: withoutSelector},
			},
		},
		Client: client.Options{Cache: readYourWrites(nil)},
	}
}

// withoutSelector leaves out the EndpointSlices that Kubernetes makes for Services with a selector: the pods say what is in them.
var withoutSelector = func() labels.Selector {
	const ofKubernetes = "endpointslice-controller.k8s.io"
	others, err := labels.NewRequirement(discoveryv1.LabelManagedBy, selection.NotIn, []string{ofKubernetes})
	utilruntime.Must(err)
	return labels.NewSelector().Add(*others)
}()

// readYourWrites returns the options of a client that reads from the cache, and waits for its own writes to show in it.
func readYourWrites(reader client.Reader) *client.CacheOptions {
	return &client.CacheOptions{Reader: reader, EnableReadYourWritesConsistency: ptr.To(true)}
}

// Setup adds the operator to a manager that was made with ManagerOptions.
func Setup(manager ctrl.Manager, options Options) error {
	if err := addIndexes(context.Background(), manager.GetFieldIndexer(), func(obj client.Object) bool { return !isIstio(obj) }); err != nil {
		return err
	}
	asked, err := options.Evidence.sources()
	if err != nil {
		return err
	}
	reconciler := &Reconciler{
		observer: newObserver(options, asked), switching: newTally(),
		options: options, client: manager.GetClient(), live: manager.GetAPIReader(),
		contests: apply.NewContests(), pace: apply.NewPace(options.Settle), untested: &untested{},
		kinds: newSessions(), credentials: newSessions(), audit: newSessions(), dependents: newDependents(),
		recorder: manager.GetEventRecorder("meshtls"), metrics: metrics.New(options.Version),
	}
	reconciler.observer.look, reconciler.observer.told = reconciler.look, reconciler.metrics.Asked
	if err := errors.Join(reconciler.metrics.Register(ctrlmetrics.Registry), manager.Add(reconciler.observer)); err != nil {
		return err
	}
	main, err := newController(manager, "meshtlspolicy", controller.Options{
		Reconciler:              reconciler,
		MaxConcurrentReconciles: options.MaxConcurrentReconciles,
		RateLimiter:             retries(lastRetry),
		EnableWarmup:            ptr.To(true),
	})
	if err != nil {
		return err
	}
	doors := &doors{controller: main, mapping: mapping{
		cache: scopedReader{Reader: manager.GetCache(), scope: options.scope()}, dependents: reconciler.dependents,
	}}
	readable := make(chan event.GenericEvent, 1)
	if err := errors.Join(doors.open(manager.GetCache(), readable), doors.openObserved(reconciler.observer.changed)); err != nil {
		return err
	}
	late, secret := late{doors, readable}, credentialSubjects(options.CredentialNamespaces)
	return errors.Join(
		setupKinds(manager, newFollower(manager, istioSubjects(options.scope()), reconciler.kinds, late)),
		setupCredentials(manager, newFollower(manager, secret, reconciler.credentials, late)),
		setupAudit(manager, newFollower(manager, auditSubjects(options), reconciler.audit, late)),
	)
}

// setupKinds adds the controller that follows Istio's CRDs. It runs without being elected: a standby keeps its caches warm.
func setupKinds(manager ctrl.Manager, kinds *follower) error {
	if err := manager.AddReadyzCheck("istio-kinds", func(*http.Request) error { return kinds.sessions.check() }); err != nil {
		return err
	}
	controller, err := addFollower(manager, "istiokinds", kinds, lastKindRetry)
	if err != nil {
		return err
	}
	return watchCRDs(controller, manager.GetCache(), kinds.subjects)
}

// setupCredentials adds the controller that reads credentials, if any are to be read.
func setupCredentials(manager ctrl.Manager, credentials *follower) error {
	if len(credentials.subjects) == 0 {
		return nil
	}
	credentials.patience = credentialPatience
	_, err := addFollower(manager, "credentials", credentials, lastRetry)
	return err
}

// addFollower has the manager run the follower, at the start and when one of its subjects comes or goes.
func addFollower(manager ctrl.Manager, name string, f *follower, longest time.Duration) (controller.Controller, error) {
	if err := manager.Add(f); err != nil {
		return nil, err
	}
	created, err := newController(manager, name, controller.Options{
		Reconciler:         f,
		RateLimiter:        retries(longest),
		NeedLeaderElection: ptr.To(false),
	})
	if err != nil {
		return nil, err
	}
	return created, f.lookOnce(created)
}

// retries returns the rate limiter of retries after failures.
func retries(longest time.Duration) workqueue.TypedRateLimiter[ctrl.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](firstRetry, longest)
}

// newController adds what all our controllers have to the options.
func newController(manager ctrl.Manager, name string, options controller.Options) (controller.Controller, error) {
	options.ReconciliationTimeout = passTimeout
	options.LogConstructor = func(request *ctrl.Request) logr.Logger {
		log := manager.GetLogger().WithValues("controller", name)
		if request != nil {
			log = log.WithValues("name", request.Name)
		}
		return log
	}
	created, err := controller.New(name, manager, options)
	if err != nil {
		return nil, fmt.Errorf("adding controller %s: %w", name, err)
	}
	return created, nil
}

// addIndexes adds those of gather's indexes whose kind is chosen.
func addIndexes(ctx context.Context, indexer client.FieldIndexer, chosen func(client.Object) bool) error {
	for _, index := range gather.Indexes {
		if !chosen(index.Object) {
			continue
		}
		if err := indexer.IndexField(ctx, index.Object, index.Field, index.Extract); err != nil {
			return fmt.Errorf("indexing %T by %s: %w", index.Object, index.Field, err)
		}
	}
	return nil
}

func isIstio(obj client.Object) bool {
	return slices.ContainsFunc(istioKinds, func(kind istioKind) bool { return sameKind(kind.object, obj) })
}
