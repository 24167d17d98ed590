package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/decode"
)

// fillTimeout is how long caches may take to fill before it is tried again.
const fillTimeout = 2 * time.Minute

// subject is what has caches of its own, because it comes and goes while the operator runs: an Istio kind with its CRD, the credentials
// of a namespace with the right to read them.
type subject struct {
	name string
	// request is the name in the requests of the controller that follows the subject.
	request string
	// crd is the CRD that the subject comes and goes with; empty: it is always there.
	crd string
	// otherVersions: releases of the CRD may not serve the version that is read. The operator is ready without the subject then.
	otherVersions bool
	// objects are the kinds that are read.
	objects []client.Object
	// namespaces are those that are read, each into a cache of its own; an empty one stands for all.
	namespaces []string
	// selected restricts what is read of a kind.
	selected map[client.Object]cache.ByObject
}

// String returns the subject in a message.
func (s subject) String() string {
	if s.crd == "" {
		return "the credentials of namespace " + s.name
	}
	return s.name
}

// session is the time in which a subject is read.
//
// Its caches are apart from the manager's because they end with it. An informer could be taken out of the manager's cache as
// well, but the client's read-your-writes consistency listens to the first informer of a kind only: after a CRD went and came
// again, a read would wait for ever for what it no longer hears of. A new client with a new cache starts afresh.
type session struct {
	// crd tells the session from one of an older CRD of the name, or of an older state of it.
	crd crdState
	// renewAt is when the session is to be opened anew; zero: never.
	renewAt time.Time
	// fields are those of versions.Fields that the CRD has; nil: none is about its kind.
	fields sets.Set[string]
	// caches and clients are by namespace, as the subject has namespaces.
	caches  map[string]cache.Cache
	clients parts
	watched []watched
	stop    context.CancelFunc

	mu sync.Mutex
	// trouble is the last error of a list or watch.
	trouble error
}

// schemaLag is how long an API server may go on with the schema that a CRD had before it changed. What a session reads meanwhile is cut by
// that schema, so it is opened anew after that.
const schemaLag = 5 * time.Second

// renewsIn returns how long it is until the session is to be opened anew; 0: it is not.
func (s *session) renewsIn() time.Duration {
	if s == nil || s.renewAt.IsZero() {
		return 0
	}
	return max(time.Until(s.renewAt), time.Millisecond)
}

func (s *session) isDue() bool { return !s.renewAt.IsZero() && !time.Now().Before(s.renewAt) }

// crdState is a CRD as it is at a time. What a watch shows is cut by the schema that the API server had when the watch began: after a
// change, only a new one shows the fields that the change has brought.
type crdState struct {
	uid        types.UID
	generation int64
}

// watched is a kind that a session hears of.
type watched struct {
	object   client.Object
	informer cache.Informer
}

// newSession makes the caches and clients of a subject.
func newSession(ctx context.Context, manager ctrl.Manager, of subject) (*session, error) {
	s := &session{caches: map[string]cache.Cache{}, clients: parts{}}
	for _, object := range of.objects {
		gvk, err := manager.GetClient().GroupVersionKindFor(object)
		if err != nil {
			return nil, err
		}
		// A CRD is there a little before its kind is served.
		if _, err := manager.GetRESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
			return nil, err
		}
	}
	for _, namespace := range of.namespaces {
		if err := s.addPart(ctx, manager, of, namespace); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// addPart adds the cache and the client for a namespace, or for all of them.
func (s *session) addPart(ctx context.Context, manager ctrl.Manager, of subject, namespace string) error {
	options := cache.Options{
		HTTPClient:               manager.GetHTTPClient(),
		Scheme:                   manager.GetScheme(),
		Mapper:                   manager.GetRESTMapper(),
		DefaultTransform:         trim,
		DefaultNamespaces:        caches(namespace),
		ByObject:                 of.selected,
		DefaultWatchErrorHandler: s.note,
	}
	if of.crd != "" {
		options.NewInformer = tolerant(manager, namespace).Informers()
	}
	part, err := cache.New(manager.GetConfig(), options)
	if err != nil {
		return err
	}
	s.caches[namespace] = part
	s.clients[namespace], err = client.New(manager.GetConfig(), client.Options{
		HTTPClient: manager.GetHTTPClient(),
		Scheme:     manager.GetScheme(),
		Mapper:     manager.GetRESTMapper(),
		Cache:      readYourWrites(part),
	})
	if err != nil {
		return err
	}
	for _, object := range of.objects {
		if err := addIndexes(ctx, part, func(indexed client.Object) bool { return sameKind(indexed, object) }); err != nil {
			return err
		}
		informer, err := part.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			return err
		}
		s.watched = append(s.watched, watched{object, informer})
	}
	return nil
}

// tolerant reads the namespace's objects, or all, so that one which cannot be decoded does not hide the others.
func tolerant(manager ctrl.Manager, namespace string) decode.Cluster {
	return decode.Cluster{
		Config: manager.GetConfig(), Client: manager.GetHTTPClient(), Scheme: manager.GetScheme(), Mapper: manager.GetRESTMapper(),
		Namespace: namespace,
		Tell: func(object metav1.Object, why error) {
			manager.GetLogger().Error(why, "an object cannot be decoded: what it decides is not known",
				"object", fmt.Sprintf("%T", object), "namespace", object.GetNamespace(), "name", object.GetName())
		},
	}
}

// fill starts the caches and waits until they have listed everything.
func (s *session) fill(ctx context.Context) error {
	// The session outlives the call: it ends with its subject or with the manager.
	var running context.Context
	running, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, part := range s.caches {
		go func() { _ = part.Start(running) }() // its one error is that it was started before
	}
	filling, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	for _, part := range s.caches {
		if !part.WaitForCacheSync(filling) {
			s.stop()
			return fmt.Errorf("listing: %w", errors.Join(context.Cause(filling), s.lastTrouble()))
		}
	}
	return nil
}

// note keeps why a list or watch failed, and says it as caches do.
func (s *session) note(ctx context.Context, reflector *toolscache.Reflector, err error) {
	s.mu.Lock()
	s.trouble = err
	s.mu.Unlock()
	toolscache.DefaultWatchErrorHandler(ctx, reflector, err)
}

func (s *session) lastTrouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}
