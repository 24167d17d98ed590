package gather

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// found are the objects of a kind that a gathering has read, each once.
type found[T client.Object] struct {
	of   *gathering
	kind string
	// list makes an empty list, and returns the objects in it once it is filled.
	list func() (client.ObjectList, func() []T)
	// object makes an empty object for the reader to fill, and returns it as the model has it, for kinds that are read by name.
	object func() (client.Object, T)

	all map[client.ObjectKey]T
	// answers are those to the questions that were asked.
	answers map[question][]T
}

// question is a read with the labels that narrow it.
type question struct {
	Read
	labels string
}

// read lists objects, and takes them in. What was asked before is answered from memory, and of a kind that the cluster does not know
// there is nothing.
func (f *found[T]) read(ctx context.Context, options ...client.ListOption) ([]T, error) {
	asked := questionOf(f.kind, options)
	if answer, known := f.answers[asked]; known || f.of.options.Missing.Has(f.kind) {
		return answer, nil
	}
	into, objects := f.list()
	if err := f.of.list(ctx, asked.Read, into, options...); err != nil {
		return nil, err
	}
	f.take(asked, objects()...)
	return f.answers[asked], nil
}

// named reads an object; an empty answer: there is none.
func (f *found[T]) named(ctx context.Context, namespace, name string) ([]T, error) {
	key := client.ObjectKey{Namespace: namespace, Name: name}
	if read, already := f.all[key]; already {
		return []T{read}, nil
	}
	asked := question{Read: Read{Kind: f.kind, Namespace: namespace, Name: name}}
	if _, known := f.answers[asked]; known {
		return nil, nil
	}
	into, object := f.object()
	exists, err := f.of.get(ctx, f.kind, key, into)
	switch {
	case err != nil:
		return nil, err
	case exists:
		f.take(asked, object)
	default:
		f.take(asked)
	}
	return f.answers[asked], nil
}

func (f *found[T]) take(asked question, objects ...T) {
	if f.answers == nil {
		f.answers, f.all = map[question][]T{}, make(map[client.ObjectKey]T, len(objects))
	}
	objects = slices.DeleteFunc(objects, func(o T) bool { return f.of.undecoded(f.kind, o) })
	f.answers[asked] = objects
	for _, o := range objects {
		f.all[client.ObjectKeyFromObject(o)] = o
	}
}

// sorted returns all objects that were read, by namespace and name; none: nil.
func (f *found[T]) sorted() []T {
	if len(f.all) == 0 {
		return nil
	}
	return byName(slices.Collect(maps.Values(f.all)))
}

// byName orders objects by namespace and name. The list is the caller's own.
func byName[T client.Object](objects []T) []T {
	slices.SortFunc(objects, func(a, b T) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
	return objects
}

// pointers point into a list.
func pointers[T any](items []T) []*T {
	all := make([]*T, len(items))
	for i := range items {
		all[i] = &items[i]
	}
	return all
}
