package controllers

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// scope is the part of the cluster that the operator is for. The zero value: all of it.
type scope struct {
	// governed are the namespaces whose policies are compiled, and seen all those that are read; nil: all.
	governed, seen sets.Set[string]
}

// scope returns what the flags make of it. What Istio's namespaces say holds for all others, so they are read too.
func (o Options) scope() scope {
	if len(o.WatchNamespaces) == 0 {
		return scope{}
	}
	s := scope{governed: sets.New(o.WatchNamespaces...), seen: sets.New(o.WatchNamespaces...)}
	s.seen.Insert(o.IstioNamespace)
	if o.RootNamespace != "" {
		s.seen.Insert(o.RootNamespace)
	}
	return s
}

// governs reports whether the namespace's policies are the operator's.
func (s scope) governs(namespace string) bool { return s.governed == nil || s.governed.Has(namespace) }

// sees reports whether objects of the namespace are read. What is in no namespace always is.
func (s scope) sees(namespace string) bool {
	return s.seen == nil || namespace == "" || s.seen.Has(namespace)
}

// parts returns the namespaces that are read; a single empty one stands for all.
func (s scope) parts() []string {
	if s.seen == nil {
		return []string{""}
	}
	return sets.List(s.seen)
}

// caches restricts a cache to some namespaces; nil: to none.
func caches(namespaces ...string) map[string]cache.Config {
	restricted := map[string]cache.Config{}
	for _, namespace := range namespaces {
		if namespace != "" {
			restricted[namespace] = cache.Config{}
		}
	}
	if len(restricted) == 0 {
		return nil
	}
	return restricted
}

// unseen says what of the mesh is not looked at, as a full sentence; empty: nothing.
func (s scope) unseen(root string) string {
	if s.seen == nil {
		return ""
	}
	words := fmt.Sprintf("The operator sees only the namespaces %s, and takes nothing from others into account.",
		strings.Join(s.parts(), ", "))
	if !s.sees(root) {
		words += fmt.Sprintf(" The mesh's root namespace %s is not among them: what it sets for the mesh is not known.", root)
	}
	return words
}

// scopedReader reads what the scope sees. In other namespaces there is nothing for it; a cache would say that it does not know them.
type scopedReader struct {
	client.Reader
	scope scope
}

// Get finds nothing in a namespace that is not seen.
func (r scopedReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, options ...client.GetOption) error {
	if !r.scope.sees(key.Namespace) {
		return apierrors.NewNotFound(schema.GroupResource{}, key.String())
	}
	return r.Reader.Get(ctx, key, obj, options...)
}

// List finds nothing in a namespace that is not seen.
func (r scopedReader) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if !r.scope.sees((&client.ListOptions{}).ApplyOptions(options).Namespace) {
		return nil
	}
	return r.Reader.List(ctx, list, options...)
}
