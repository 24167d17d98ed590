package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// istioKind is an Istio kind that the operator reads.
type istioKind struct {
	name   string
	crd    string
	object client.Object
}

// istioKinds are the Istio kinds that a snapshot holds.
var istioKinds = []istioKind{
	{model.KindPeerAuthentication, "peerauthentications.security.istio.io", &istiosecurityv1.PeerAuthentication{}},
	{model.KindDestinationRule, "destinationrules.networking.istio.io", &istionetworkingv1.DestinationRule{}},
	{model.KindGateway, "gateways.networking.istio.io", &istionetworkingv1.Gateway{}},
	{model.KindServiceEntry, "serviceentries.networking.istio.io", &istionetworkingv1.ServiceEntry{}},
	{model.KindVirtualService, "virtualservices.networking.istio.io", &istionetworkingv1.VirtualService{}},
}

// fillTimeout is how long a kind's cache may take to fill before it is tried again.
const fillTimeout = 2 * time.Minute

// kinds holds, for each Istio kind whose CRD the cluster has, a cache and a client of its own.
//
// They are apart from the manager's because they end with the CRD. An informer could be taken out of the manager's cache as
// well, but the client's read-your-writes consistency listens to the first informer of a kind only: after a CRD went and came
// again, a read would wait for ever for what it no longer hears of. A new client with a new cache starts afresh.
type kinds struct {
	manager ctrl.Manager
	scope   scope
	// watch starts the watch of a kind that has come.
	watch func(istioKind, cache.Informer) error
	// changed is told when a kind has come or gone.
	changed func()

	settled chan struct{}
	mu      sync.RWMutex
	ended   bool
	open    map[string]*session
}

// session is the time between a CRD's coming and its going.
type session struct {
	crd types.UID
	// caches and clients are by namespace, as the scope has parts.
	caches  map[string]cache.Cache
	clients parts
	stop    context.CancelFunc
}

func newKinds(manager ctrl.Manager, scope scope) *kinds {
	return &kinds{manager: manager, scope: scope, settled: make(chan struct{}), open: map[string]*session{}}
}

// Start opens the kinds that are there. The manager runs it with its caches, so that no controller starts before: a policy
// must not be told that a kind is missing only because nobody has looked yet.
func (k *kinds) Start(ctx context.Context) error {
	for _, kind := range istioKinds {
		err := k.sync(ctx, k.manager.GetAPIReader(), kind)
		if err != nil && !apimeta.IsNoMatchError(err) { // one that is only just coming is the CRD controller's
			return err
		}
	}
	close(k.settled)
	<-ctx.Done()
	k.end()
	return nil
}

// GetCache makes the manager treat the kinds as a cache: it waits for WaitForCacheSync before it starts anything else.
func (k *kinds) GetCache() cache.Cache {
	return settling{Cache: k.manager.GetCache(), settled: k.settled}
}

// settling is in sync when the kinds have been looked for.
type settling struct {
	cache.Cache
	settled <-chan struct{}
}

// WaitForCacheSync waits for the kinds that were there at the start to be open.
func (s settling) WaitForCacheSync(ctx context.Context) bool {
	select {
	case <-s.settled:
		return true
	case <-ctx.Done():
		return false
	}
}

// sync opens or closes the kind as the CRD, which reader reads, is there or not.
func (k *kinds) sync(ctx context.Context, reader client.Reader, kind istioKind) error {
	crd := crdMetadata()
	err := reader.Get(ctx, client.ObjectKey{Name: kind.crd}, crd)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("getting CustomResourceDefinition %s: %w", kind.crd, err)
	}
	there := err == nil && crd.DeletionTimestamp == nil
	now := k.session(kind)
	if now != nil && (!there || now.crd != crd.UID) {
		k.close(kind)
		now = nil
	}
	if !there || now != nil {
		return nil
	}
	if err := k.begin(ctx, kind, crd.UID); err != nil {
		return fmt.Errorf("reading %s: %w", kind.name, err)
	}
	return nil
}

// begin opens a session: it fills a cache with the kind and starts to watch it. The session is there before the watch is: a
// pass that an event of the watch sets off must see the kind.
func (k *kinds) begin(ctx context.Context, kind istioKind, crd types.UID) error {
	s, err := k.newSession(ctx, kind)
	if err != nil {
		return err
	}
	s.crd = crd
	informers, err := s.fill(ctx, kind)
	if err != nil {
		return err
	}
	k.put(kind, s)
	for _, informer := range informers {
		if err := k.watch(kind, informer); err != nil {
			k.close(kind)
			return err
		}
	}
	k.changed()
	return nil
}

func (k *kinds) newSession(ctx context.Context, kind istioKind) (*session, error) {
	gvk, err := k.manager.GetClient().GroupVersionKindFor(kind.object)
	if err != nil {
		return nil, err
	}
	// A CRD is there a little before its kind is served.
	if _, err := k.manager.GetRESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
		return nil, err
	}
	s := &session{caches: map[string]cache.Cache{}, clients: parts{}}
	for _, namespace := range k.scope.parts() {
		if err := k.addPart(ctx, s, kind, namespace); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// addPart adds the cache and the client for a namespace, or for all of them.
func (k *kinds) addPart(ctx context.Context, s *session, kind istioKind, namespace string) error {
	part, err := cache.New(k.manager.GetConfig(), cache.Options{
		HTTPClient:        k.manager.GetHTTPClient(),
		Scheme:            k.manager.GetScheme(),
		Mapper:            k.manager.GetRESTMapper(),
		DefaultTransform:  trim,
		DefaultNamespaces: caches(namespace),
	})
	if err != nil {
		return err
	}
	s.caches[namespace] = part
	s.clients[namespace], err = client.New(k.manager.GetConfig(), client.Options{
		HTTPClient: k.manager.GetHTTPClient(),
		Scheme:     k.manager.GetScheme(),
		Mapper:     k.manager.GetRESTMapper(),
		Cache:      readYourWrites(part),
	})
	if err != nil {
		return err
	}
	return addIndexes(ctx, part, func(indexed client.Object) bool { return sameKind(indexed, kind.object) })
}

// fill starts the session's caches and returns the kind's informers when they have listed everything.
func (s *session) fill(ctx context.Context, kind istioKind) ([]cache.Informer, error) {
	// The session outlives the call: it ends with its CRD or with the manager.
	var running context.Context
	running, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	filling, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	var informers []cache.Informer
	for _, part := range s.caches {
		informer, err := part.GetInformer(ctx, kind.object)
		if err != nil {
			s.stop()
			return nil, err
		}
		informers = append(informers, informer)
		go func() { _ = part.Start(running) }() // its one error is that it was started before
	}
	for _, part := range s.caches {
		if !part.WaitForCacheSync(filling) {
			s.stop()
			return nil, fmt.Errorf("listing: %w", context.Cause(filling))
		}
	}
	return informers, nil
}

// session is the kind's session; nil: the kind is missing.
func (k *kinds) session(kind istioKind) *session {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.open[kind.name]
}

func (k *kinds) put(kind istioKind, s *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open[kind.name] = s
	if k.ended {
		s.stop()
	}
}

func (k *kinds) close(kind istioKind) {
	k.mu.Lock()
	k.open[kind.name].stop()
	delete(k.open, kind.name)
	k.mu.Unlock()
	k.changed()
}

// end closes all sessions, also those that are only just being opened.
func (k *kinds) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	for _, s := range k.open {
		s.stop()
	}
}

// crdMetadata is an empty CustomResourceDefinition, of which only the metadata is read.
func crdMetadata() *metav1.PartialObjectMetadata {
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	return crd
}
