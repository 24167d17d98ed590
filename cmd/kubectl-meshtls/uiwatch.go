package main

import (
	"context"
	"errors"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/restmapper"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// watched are the kinds whose changes the page follows at once. What else bears on it is read along with these.
var watched = []schema.GroupKind{
	meshtlsv1alpha1.GroupVersion.WithKind(policyKind).GroupKind(),
	{Kind: "Namespace"}, {Kind: "Pod"}, {Kind: "Service"},
	{Group: "security.istio.io", Kind: model.KindPeerAuthentication},
	{Group: "security.istio.io", Kind: model.KindAuthorizationPolicy},
	{Group: "networking.istio.io", Kind: model.KindDestinationRule},
	{Group: "networking.istio.io", Kind: model.KindGateway},
	{Group: "networking.istio.io", Kind: model.KindVirtualService},
	{Group: "networking.istio.io", Kind: model.KindServiceEntry},
}

// watchesAgainIn is how long a watch that ended is left alone.
const watchesAgainIn = 5 * time.Second

// watchCluster calls changed for each change of a watched kind. A kind that the user may not watch, or that the cluster does not know, is
// looked at again from time to time.
func (m *meshSource) watchCluster(ctx context.Context, changed func()) {
	for ctx.Err() == nil {
		if objects, err := m.watchedObjects(); err == nil {
			round, stop := context.WithTimeout(ctx, 10*time.Minute)
			done := make(chan struct{}, len(watched))
			for _, kind := range watched {
				go func() {
					defer func() { done <- struct{}{} }()
					objects.watch(round, kind, changed)
				}()
			}
			for range watched {
				<-done
			}
			stop()
		}
		pause(ctx, watchesAgainIn)
		changed()
	}
}

// watchedObjects reads the metadata of a cluster's objects.
type watchedObjects struct {
	client metadata.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper

	mu    sync.Mutex
	asked time.Time
}

func (m *meshSource) watchedObjects() (*watchedObjects, error) {
	config, err := restConfig(m.objects.kube)
	if err != nil {
		return nil, err
	}
	discovery, err := m.objects.kube.ToDiscoveryClient()
	if err != nil {
		return nil, err
	}
	objects, err := metadata.NewForConfig(config)
	return &watchedObjects{client: objects, mapper: restmapper.NewDeferredDiscoveryRESTMapper(discovery)}, err
}

// mapping returns where a kind is served. What the cluster is known to serve is kept; where a kind is not among it, that is asked anew,
// once for all kinds in a while: CRDs may have come.
func (o *watchedObjects) mapping(kind schema.GroupKind) (*apimeta.RESTMapping, error) {
	mapping, err := o.mapper.RESTMapping(kind)
	if !apimeta.IsNoMatchError(err) {
		return mapping, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.asked) >= watchesAgainIn {
		o.mapper.Reset()
		o.asked = time.Now()
	}
	return o.mapper.RESTMapping(kind)
}

// watch watches the objects of a kind, all namespaces together, until the context ends.
func (o *watchedObjects) watch(ctx context.Context, kind schema.GroupKind, changed func()) {
	for ctx.Err() == nil {
		if mapping, err := o.mapping(kind); err == nil {
			err = watchOnce(ctx, o.client.Resource(mapping.Resource), changed)
			if err != nil && !answered(err) {
				changed() // the API server is gone, and who reads it says so
			}
		}
		pause(ctx, watchesAgainIn)
	}
}

// answered reports whether the error is what the API server says, such as that the user may not watch.
func answered(err error) bool {
	status := apierrors.APIStatus(nil)
	return errors.As(err, &status)
}

// watchOnce watches from now on, until the API server ends it.
func watchOnce(ctx context.Context, objects metadata.Getter, changed func()) error {
	now, err := objects.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return err
	}
	events, err := objects.Watch(ctx, metav1.ListOptions{ResourceVersion: now.ResourceVersion, AllowWatchBookmarks: true})
	if err != nil {
		return err
	}
	defer events.Stop()
	changed() // what came between the last read and this watch
	for event := range events.ResultChan() {
		if event.Type != watch.Bookmark {
			changed()
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
