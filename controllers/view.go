package controllers

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// patience is how long a read waits for the cache to show what was written before. The cache is told of each object as it
// changes, save for one case: an object that we wrote and somebody deleted while the watch was broken leaves no trace of our
// write. Then reading an older state is better than reading none: at worst, something is written twice.
const patience = 10 * time.Second

// view is a client that goes to the manager's cache for most kinds, and for Istio's to those of their sessions. It stays the
// same while kinds come and go, so that one pass sees one world.
type view struct {
	client.Client
	scope scope
	istio map[schema.GroupKind]readWriter
	// missing are the Istio kinds that the cluster does not know.
	missing sets.Set[string]
	// fields are the fields of versions.Fields that the CRDs have; nil: the CRDs were not read.
	fields sets.Set[string]
}

// readWriter is what is done with objects.
type readWriter interface {
	client.Reader
	Patch(ctx context.Context, obj client.Object, patch client.Patch, options ...client.PatchOption) error
	Delete(ctx context.Context, obj client.Object, options ...client.DeleteOption) error
}

// newView returns the cluster with the kinds that are there now.
func newView(cluster client.Client, scope scope, kinds ...*sessions) (view, error) {
	v := view{
		Client: cluster, scope: scope,
		istio: map[schema.GroupKind]readWriter{}, missing: sets.New[string](),
	}
	for _, kind := range istioKinds {
		gvk, err := v.GroupVersionKindFor(kind.object)
		if err != nil {
			return view{}, err
		}
		v.istio[gvk.GroupKind()] = nil
		if s := sessionOf(kind.name, kinds); s != nil {
			v.istio[gvk.GroupKind()] = s.clients
			v.fields = union(v.fields, s.fields)
		} else {
			v.missing.Insert(kind.name)
		}
	}
	return v, nil
}

// sessionOf returns the subject's session; nil: it is not read.
func sessionOf(subject string, among []*sessions) *session {
	for _, some := range among {
		if s := some.of(subject); s != nil {
			return s
		}
	}
	return nil
}

// union returns what is in either; nil where both are.
func union(a, b sets.Set[string]) sets.Set[string] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	default:
		return a.Union(b)
	}
}

// of returns the client for the kind of the object or list.
func (v view) of(obj runtime.Object) (readWriter, error) {
	gvk, err := v.GroupVersionKindFor(obj)
	if err != nil {
		return nil, err
	}
	kind := schema.GroupKind{Group: gvk.Group, Kind: strings.TrimSuffix(gvk.Kind, "List")}
	chosen, istio := v.istio[kind]
	switch {
	case !istio:
		return v.Client, nil
	case chosen == nil:
		return nil, &apimeta.NoKindMatchError{GroupKind: kind, SearchedVersions: []string{gvk.Version}}
	default:
		return chosen, nil
	}
}

// Get reads an object from the cache of its kind.
func (v view) Get(ctx context.Context, key client.ObjectKey, obj client.Object, options ...client.GetOption) error {
	chosen, err := v.of(obj)
	if err != nil {
		return err
	}
	return patiently(ctx, func(ctx context.Context) error {
		return v.scoped(chosen).Get(ctx, key, obj, options...)
	}, func() error {
		return v.scoped(chosen).Get(ctx, key, obj, append(options, client.DisableReadYourWritesConsistency)...)
	})
}

// List reads objects from the cache of their kind.
func (v view) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	chosen, err := v.of(list)
	if err != nil {
		return err
	}
	return patiently(ctx, func(ctx context.Context) error {
		return v.scoped(chosen).List(ctx, list, options...)
	}, func() error {
		return v.scoped(chosen).List(ctx, list, append(options, client.DisableReadYourWritesConsistency)...)
	})
}

// scoped reads what the view sees.
func (v view) scoped(reader client.Reader) scopedReader {
	return scopedReader{Reader: reader, scope: v.scope}
}

// patiently reads, and reads what there is if that takes too long.
func patiently(ctx context.Context, consistently func(context.Context) error, anyway func() error) error {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := consistently(patient)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return anyway()
	}
	return err
}

// Patch writes to an object through the client of its kind.
func (v view) Patch(ctx context.Context, obj client.Object, patch client.Patch, options ...client.PatchOption) error {
	chosen, err := v.of(obj)
	if err != nil {
		return err
	}
	return chosen.Patch(ctx, obj, patch, options...)
}

// Delete deletes an object through the client of its kind.
func (v view) Delete(ctx context.Context, obj client.Object, options ...client.DeleteOption) error {
	chosen, err := v.of(obj)
	if err != nil {
		return err
	}
	return chosen.Delete(ctx, obj, options...)
}

func sameKind(a, b client.Object) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) &&
		a.GetObjectKind().GroupVersionKind() == b.GetObjectKind().GroupVersionKind()
}
