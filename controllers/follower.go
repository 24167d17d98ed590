package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/meshtls/meshtls/internal/versions"
)

// startReminder is how often the log says what the start waits for.
const startReminder = 10 * time.Second

// errNotLooked: the start has not come to it yet.
var errNotLooked = errors.New("not read yet")

// follower opens and closes the sessions of some subjects.
type follower struct {
	manager  ctrl.Manager
	sessions *sessions
	subjects []subject
	// patience is how long the start waits for a subject; zero: until it can be read. What cannot be read then is tried again later.
	patience time.Duration
	late     late

	settled chan struct{}
}

// late is who is told of what comes and goes: the doors of each kind that has been read, and whoever must look again because a session
// began or ended.
type late struct {
	doors    *doors
	readable chan<- event.GenericEvent
}

func newFollower(manager ctrl.Manager, subjects []subject, sessions *sessions, late late) *follower {
	return &follower{manager: manager, subjects: subjects, sessions: sessions, late: late, settled: make(chan struct{})}
}

// changed puts an event into the channel unless there is one: it says no more than that something changed.
func (l late) changed() {
	select {
	case l.readable <- event.GenericEvent{Object: crdMetadata()}:
	default:
	}
}

// Start opens the sessions of what is there. The manager runs it with its caches, so that no controller starts before: a policy must
// not be told that a kind is missing, or that all is well, only because nobody has looked yet.
//
// It never gives up on its own: the manager waits for it, so an error would be a hang. It tries again, says so in the log, and the
// operator is not ready.
func (f *follower) Start(ctx context.Context) error {
	for _, s := range f.subjects {
		f.sessions.note(s.name, errNotLooked)
	}
	remind, stop := context.WithCancel(ctx)
	go f.remind(remind)
	var opening sync.WaitGroup
	for _, s := range f.subjects {
		opening.Go(func() { f.insist(ctx, s) })
	}
	opening.Wait()
	stop()
	close(f.settled)
	<-ctx.Done()
	f.sessions.end()
	return nil
}

// insist opens the subject's session, and tries again until that succeeds or the patience is at its end.
func (f *follower) insist(ctx context.Context, s subject) {
	if f.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.patience)
		defer cancel()
	}
	delay := wait.Backoff{Duration: firstRetry, Factor: 2, Steps: 100, Cap: lastKindRetry}
	// Its one error is the end of the context.
	_ = delay.DelayFunc().Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		err := f.sync(ctx, f.manager.GetAPIReader(), s)
		return err == nil || apimeta.IsNoMatchError(err), nil // one that is only just coming is the controller's
	})
}

// remind says what the start waits for, from time to time.
func (f *follower) remind(ctx context.Context) {
	_ = wait.PollUntilContextCancel(ctx, startReminder, false, func(context.Context) (bool, error) {
		f.manager.GetLogger().Error(f.sessions.check(), "the start waits for what cannot be read yet")
		return false, nil
	})
}

// GetCache makes the manager treat the sessions as a cache: it waits for WaitForCacheSync before it starts anything else.
func (f *follower) GetCache() cache.Cache {
	return settling{Cache: f.manager.GetCache(), settled: f.settled}
}

// settling is in sync when the start has opened what is there.
type settling struct {
	cache.Cache
	settled <-chan struct{}
}

// WaitForCacheSync waits for the start.
func (s settling) WaitForCacheSync(ctx context.Context) bool {
	select {
	case <-s.settled:
		return true
	case <-ctx.Done():
		return false
	}
}

// Reconcile looks at the subject that the request names.
func (f *follower) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	if f.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.patience)
		defer cancel()
	}
	at := slices.IndexFunc(f.subjects, func(s subject) bool { return s.request == request.Name })
	err := f.sync(ctx, f.manager.GetClient(), f.subjects[at])
	return ctrl.Result{RequeueAfter: f.sessions.of(f.subjects[at].name).renewsIn()}, err
}

// sync opens or closes the subject's session as the subject, which reader reads, is there or not.
func (f *follower) sync(ctx context.Context, reader client.Reader, s subject) error {
	err := f.follow(ctx, reader, s)
	if s.otherVersions && apimeta.IsNoMatchError(err) {
		f.sessions.note(s.name, nil)
	} else {
		f.sessions.note(s.name, err)
	}
	return err
}

func (f *follower) follow(ctx context.Context, reader client.Reader, s subject) error {
	crd, there, err := find(ctx, reader, s)
	if err != nil {
		return err
	}
	now := f.sessions.of(s.name)
	if now != nil && (!there || now.crd.uid != crd.uid) {
		f.sessions.close(s.name)
		f.late.changed()
		now = nil
	}
	if !there || now != nil && now.crd == crd && !now.isDue() {
		return nil
	}
	if err := f.begin(ctx, s, crd); err != nil {
		return fmt.Errorf("reading %s: %w", s, err)
	}
	if now != nil && now.crd != crd {
		f.sessions.of(s.name).renewAt = time.Now().Add(schemaLag)
	}
	return nil
}

// find reports whether the subject is there, and with which CRD.
func find(ctx context.Context, reader client.Reader, s subject) (crd crdState, there bool, err error) {
	if s.crd == "" {
		return crdState{}, true, nil
	}
	found := crdMetadata()
	err = reader.Get(ctx, client.ObjectKey{Name: s.crd}, found)
	if client.IgnoreNotFound(err) != nil {
		return crdState{}, false, fmt.Errorf("getting CustomResourceDefinition %s: %w", s.crd, err)
	}
	return crdState{found.UID, found.Generation}, err == nil && found.DeletionTimestamp == nil, nil
}

// fieldsOf returns which of the fields that not every mesh has are in the subject's CRD; nil: none of them is of its kind. The CRD is read
// and not kept: it is large.
func fieldsOf(ctx context.Context, reader client.Reader, s subject) (sets.Set[string], error) {
	if !slices.ContainsFunc(versions.Fields, func(field versions.Field) bool { return field.CRD == s.crd }) {
		return nil, nil
	}
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(crdMetadata().GroupVersionKind())
	if err := reader.Get(ctx, client.ObjectKey{Name: s.crd}, crd); err != nil {
		return nil, fmt.Errorf("getting CustomResourceDefinition %s: %w", s.crd, err)
	}
	return versions.InCRD(crd), nil
}

// begin opens a session: it fills caches with the subject and starts to watch it. The session is there before the watch is: a pass
// that an event of the watch sets off must see the subject. A session of an older state of the CRD serves until then.
func (f *follower) begin(ctx context.Context, s subject, crd crdState) error {
	opened, err := newSession(ctx, f.manager, s)
	if err != nil {
		return err
	}
	opened.crd = crd
	if opened.fields, err = fieldsOf(ctx, f.manager.GetAPIReader(), s); err != nil {
		return err
	}
	if err := opened.fill(ctx); err != nil {
		return err
	}
	if older := f.sessions.of(s.name); older != nil {
		defer older.stop()
	}
	f.sessions.put(s.name, opened)
	for _, w := range opened.watched {
		if err := f.late.doors.openLate(w); err != nil {
			f.sessions.close(s.name)
			return err
		}
	}
	f.late.changed()
	return nil
}

// lookOnce makes the controller look at each subject once in the beginning, whether there is an event or not: one may have changed
// between the start's look and the controller's watch, and what could not be read is tried again.
func (f *follower) lookOnce(by controller.Controller) error {
	return by.Watch(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		for _, s := range f.subjects {
			queue.Add(ctrl.Request{NamespacedName: types.NamespacedName{Name: s.request}})
		}
		return nil
	}))
}
