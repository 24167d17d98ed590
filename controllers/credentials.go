package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/meshtls/meshtls/internal/gather"
)

// startPatience is how long the start waits for the credentials of a namespace.
const startPatience = 10 * time.Second

// credentialObjects are what a credential can be.
func credentialObjects() []client.Object {
	return []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}
}

// credentials holds a cache of the Secrets and ConfigMaps of each namespace whose credentials the operator is told to check.
//
// They are apart from the manager's cache, so that a namespace that is gone, or a right that was taken away, does not keep the
// operator from starting. What cannot be read is tried again; until then nothing is known of it, and nothing is said.
type credentials struct {
	manager    ctrl.Manager
	namespaces []string
	// watch starts the watch of a kind of a namespace that has been read.
	watch func(client.Object, cache.Informer) error
	// changed is told when a namespace has been read.
	changed func()

	settled chan struct{}
	mu      sync.RWMutex
	ended   bool
	open    map[string]credentialCache
}

// credentialCache holds the credentials of one namespace.
type credentialCache struct {
	cache.Cache
	stop context.CancelFunc
}

func newCredentials(manager ctrl.Manager, namespaces []string) *credentials {
	return &credentials{manager: manager, namespaces: namespaces, settled: make(chan struct{}), open: map[string]credentialCache{}}
}

// Start reads what it can. The manager runs it with its caches, so that no policy is told that all is well before anybody has looked.
func (c *credentials) Start(ctx context.Context) error {
	var reading errgroup.Group
	for _, namespace := range c.namespaces {
		reading.Go(func() error {
			patient, cancel := context.WithTimeout(ctx, startPatience)
			defer cancel()
			_ = c.sync(patient, namespace) // the controller tries it again, and tells why it fails
			return nil
		})
	}
	_ = reading.Wait()
	close(c.settled)
	<-ctx.Done()
	c.end()
	return nil
}

// GetCache makes the manager treat the credentials as a cache: it waits for WaitForCacheSync before it starts anything else.
func (c *credentials) GetCache() cache.Cache {
	return settling{Cache: c.manager.GetCache(), settled: c.settled}
}

// Reconcile reads the namespace that the request names, if that has not been done.
func (c *credentials) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	filling, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	return ctrl.Result{}, c.sync(filling, request.Name)
}

// sync fills a cache with the credentials of the namespace and begins to watch them.
func (c *credentials) sync(ctx context.Context, namespace string) error {
	if c.isOpen(namespace) {
		return nil
	}
	filled, err := c.fill(ctx, namespace)
	if err != nil {
		return fmt.Errorf("reading the credentials of namespace %s: %w", namespace, err)
	}
	for _, object := range credentialObjects() {
		if err := c.watchIn(ctx, filled, object); err != nil {
			filled.stop()
			return fmt.Errorf("watching the credentials of namespace %s: %w", namespace, err)
		}
	}
	c.put(namespace, filled)
	c.changed()
	return nil
}

func (c *credentials) watchIn(ctx context.Context, filled credentialCache, object client.Object) error {
	informer, err := filled.GetInformer(ctx, object)
	if err != nil {
		return err
	}
	return c.watch(object, informer)
}

// fill starts a cache that is limited to the namespace, and waits until it has listed everything.
func (c *credentials) fill(ctx context.Context, namespace string) (credentialCache, error) {
	created, err := cache.New(c.manager.GetConfig(), cache.Options{
		HTTPClient:        c.manager.GetHTTPClient(),
		Scheme:            c.manager.GetScheme(),
		Mapper:            c.manager.GetRESTMapper(),
		DefaultTransform:  trim,
		DefaultNamespaces: map[string]cache.Config{namespace: {}},
		ByObject:          map[client.Object]cache.ByObject{&corev1.Secret{}: {Field: gather.CredentialSelector()}},
	})
	if err != nil {
		return credentialCache{}, err
	}
	for _, object := range credentialObjects() {
		if _, err := created.GetInformer(ctx, object, cache.BlockUntilSynced(false)); err != nil {
			return credentialCache{}, err
		}
	}
	// The cache outlives the call: it ends with the manager.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() { _ = created.Start(running) }() // its one error is that it was started before
	if !created.WaitForCacheSync(ctx) {
		stop()
		return credentialCache{}, fmt.Errorf("listing its Secrets and ConfigMaps: %w", context.Cause(ctx))
	}
	return credentialCache{Cache: created, stop: stop}, nil
}

func (c *credentials) isOpen(namespace string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, open := c.open[namespace]
	return open
}

func (c *credentials) put(namespace string, filled credentialCache) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[namespace] = filled
	if c.ended {
		filled.stop()
	}
}

func (c *credentials) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, open := range c.open {
		open.stop()
	}
}

// over is the view with the credentials that can be read now, and the namespaces of these.
func (c *credentials) over(cluster view) (credentialView, sets.Set[string]) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	over := credentialView{view: cluster, open: make(map[string]client.Reader, len(c.open))}
	for namespace, open := range c.open {
		over.open[namespace] = open
	}
	return over, sets.KeySet(over.open)
}

// credentialView gets Secrets and ConfigMaps of the namespaces that are open from their caches.
type credentialView struct {
	view
	open map[string]client.Reader
}

// Get reads an object from the cache of its kind, or of its namespace's credentials.
func (v credentialView) Get(ctx context.Context, key client.ObjectKey, obj client.Object, options ...client.GetOption) error {
	switch obj.(type) {
	case *corev1.Secret, *corev1.ConfigMap:
		if credentials, open := v.open[key.Namespace]; open {
			return credentials.Get(ctx, key, obj, options...)
		}
	}
	return v.view.Get(ctx, key, obj, options...)
}

// watchNamespaces makes the controller look at each of the namespaces once; failures bring it back.
func (c *credentials) watchNamespaces(follower controller.Controller) error {
	return follower.Watch(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		for _, namespace := range c.namespaces {
			queue.Add(ctrl.Request{NamespacedName: types.NamespacedName{Name: namespace}})
		}
		return nil
	}))
}
