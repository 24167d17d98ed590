package controllers

import (
	"context"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// parts is a client for one kind in several namespaces, with a client for each that has a cache of its own.
//
// One client over all their caches would not do: it waits for its own writes to show by the version of the objects that come, and what
// comes from one namespace says nothing of how far the watch of another is.
type parts map[string]client.Client

// Get reads from the namespace's cache.
func (p parts) Get(ctx context.Context, key client.ObjectKey, obj client.Object, options ...client.GetOption) error {
	return p.of(key.Namespace).Get(ctx, key, obj, options...)
}

// List reads from the namespace's cache, or from all of them.
func (p parts) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if namespace := (&client.ListOptions{}).ApplyOptions(options).Namespace; namespace != "" {
		return p.of(namespace).List(ctx, list, options...)
	}
	var all []runtime.Object
	for _, part := range p {
		some, ok := list.DeepCopyObject().(client.ObjectList)
		if !ok {
			continue
		}
		if err := part.List(ctx, some, options...); err != nil {
			return err
		}
		items, err := apimeta.ExtractList(some)
		if err != nil {
			return err
		}
		all = append(all, items...)
	}
	return apimeta.SetList(list, all)
}

// Patch writes through the namespace's client.
func (p parts) Patch(ctx context.Context, obj client.Object, patch client.Patch, options ...client.PatchOption) error {
	return p.of(obj.GetNamespace()).Patch(ctx, obj, patch, options...)
}

// Delete deletes through the namespace's client.
func (p parts) Delete(ctx context.Context, obj client.Object, options ...client.DeleteOption) error {
	return p.of(obj.GetNamespace()).Delete(ctx, obj, options...)
}

// of returns the namespace's client, or the one for all namespaces.
func (p parts) of(namespace string) client.Client {
	if all, whole := p[""]; whole {
		return all
	}
	return p[namespace]
}
