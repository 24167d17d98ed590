package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// Reader is a client.Reader over the objects of manifests. It lists by namespace, by labels and by the fields of
// gather.Indexes, and hands out copies in the order of namespace and name.
type Reader struct {
	objects map[schema.GroupVersionKind]cache.Indexer
	ignored map[schema.GroupVersionKind]int
	// strange is the number of documents that are no objects.
	strange int
	// omitted are the fields that manifests leave out, of those of which that can be seen in the text alone.
	omitted sets.Set[model.FieldRef]
	// passed is what the tools of directories keep from being manifests.
	passed passed
	// origins say where the objects that were read from manifests come from.
	origins map[model.ObjectRef]origin
	// fromCluster says that the objects were not read from manifests.
	fromCluster bool
	// missing are the kinds that the cluster does not know.
	missing sets.Set[string]
	// forbidden are the kinds that the user may not list everywhere, each with the namespaces in which it was listed all the same.
	forbidden map[string]sets.Set[string]
}

var _ client.Reader = &Reader{}

// Ignored is a kind that manifests hold and that is not read.
type Ignored struct {
	Kind  schema.GroupVersionKind
	Count int
}

// Ignored returns the kinds that were passed over, in the order of their names.
func (r *Reader) Ignored() []Ignored {
	all := make([]Ignored, 0, len(r.ignored))
	for kind, count := range r.ignored {
		all = append(all, Ignored{Kind: kind, Count: count})
	}
	slices.SortFunc(all, func(a, b Ignored) int { return strings.Compare(a.Kind.String(), b.Kind.String()) })
	return all
}

// Strange returns the number of documents that were passed over because they are no Kubernetes objects, in files that directories hold.
func (r *Reader) Strange() int { return r.strange }

// Len returns the number of objects that were read, with the pods of controllers' templates.
func (r *Reader) Len() int {
	n := 0
	for objects := range maps.Values(r.objects) {
		n += len(objects.ListKeys())
	}
	return n
}

func newReader() *Reader {
	r := &Reader{
		objects: map[schema.GroupVersionKind]cache.Indexer{}, ignored: map[schema.GroupVersionKind]int{},
		origins: map[model.ObjectRef]origin{}, omitted: sets.New[model.FieldRef](),
		missing: sets.New[string](), forbidden: map[string]sets.Set[string]{},
	}
	for gvk := range known {
		r.objects[gvk] = cache.NewIndexer(cache.MetaNamespaceKeyFunc, indexersOf(gvk))
	}
	return r
}

// indexersOf returns the indexes of a kind.
func indexersOf(gvk schema.GroupVersionKind) cache.Indexers {
	indexers := cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}
	for _, index := range gather.Indexes {
		if indexed, err := apiutil.GVKForObject(index.Object, scheme); err != nil || indexed != gvk {
			continue
		}
		indexers[index.Field] = func(object any) ([]string, error) {
			typed, ok := object.(client.Object)
			if !ok {
				return nil, fmt.Errorf("%T is not an object", object)
			}
			return index.Extract(typed), nil
		}
	}
	return indexers
}

func (r *Reader) add(gvk schema.GroupVersionKind, object client.Object) error {
	return r.objects[gvk].Add(object)
}

// Replace takes objects out and puts others in, as if these had been read in their place.
func (r *Reader) Replace(old, with []client.Object) error {
	for _, object := range old {
		objects, _, err := r.objectsOf(verbatim.Of(object))
		if err != nil {
			return err
		}
		if err := objects.Delete(object); err != nil {
			return err
		}
	}
	for _, object := range with {
		objects, _, err := r.objectsOf(verbatim.Of(object))
		if err != nil {
			return err
		}
		if err := objects.Add(verbatim.Of(object)); err != nil {
			return err
		}
	}
	return nil
}

// objectsOf returns the objects of a kind.
func (r *Reader) objectsOf(kind runtime.Object) (cache.Indexer, schema.GroupVersionKind, error) {
	gvk, err := apiutil.GVKForObject(kind, scheme)
	if err != nil {
		return nil, gvk, err
	}
	gvk.Kind = strings.TrimSuffix(gvk.Kind, "List")
	objects, ok := r.objects[gvk]
	if !ok {
		return nil, gvk, fmt.Errorf("manifests of kind %s are not read", gvk.Kind)
	}
	return objects, gvk, nil
}

// Get implements client.Reader.
func (r *Reader) Get(_ context.Context, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
	objects, gvk, err := r.objectsOf(into)
	if err != nil {
		return err
	}
	if !namespaced(gvk) {
		key.Namespace = ""
	}
	found, exists, err := objects.GetByKey(cache.NewObjectName(key.Namespace, key.Name).String())
	if err != nil {
		return err
	}
	if !exists {
		return apierrors.NewNotFound(schema.GroupResource{Group: gvk.Group, Resource: gvk.Kind}, key.Name)
	}
	object, err := handOut(found, (&client.GetOptions{}).ApplyOptions(options).UnsafeDisableDeepCopy)
	if err != nil {
		return err
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(object).Elem())
	return nil
}

// List implements client.Reader. It knows no pages: a limit is an error.
func (r *Reader) List(_ context.Context, into client.ObjectList, options ...client.ListOption) error {
	list := (&client.ListOptions{}).ApplyOptions(options)
	if list.Limit > 0 || list.Continue != "" {
		return errors.New("manifests are not listed by pages")
	}
	objects, _, err := r.objectsOf(into)
	if err != nil {
		return err
	}
	candidates, err := candidatesOf(objects, list)
	if err != nil {
		return err
	}
	var selected []client.Object
	for _, candidate := range candidates {
		object, err := handOut(candidate, list.UnsafeDisableDeepCopy)
		if err != nil {
			return err
		}
		if selects(list, object) {
			selected = append(selected, object)
		}
	}
	return setItems(into, selected)
}

// candidatesOf narrows the objects by the first field that is asked for, else by namespace.
func candidatesOf(objects cache.Indexer, list *client.ListOptions) ([]any, error) {
	requirements := requirementsOf(list)
	switch {
	case len(requirements) > 1:
		return nil, errors.New("manifests are listed by one field at a time")
	case len(requirements) == 1:
		return objects.ByIndex(requirements[0].Field, requirements[0].Value)
	case list.Namespace != "":
		return objects.ByIndex(cache.NamespaceIndex, list.Namespace)
	default:
		return objects.List(), nil
	}
}

func requirementsOf(list *client.ListOptions) fields.Requirements {
	if list.FieldSelector == nil {
		return nil
	}
	return list.FieldSelector.Requirements()
}

func selects(list *client.ListOptions, object client.Object) bool {
	return (list.Namespace == "" || object.GetNamespace() == list.Namespace) &&
		(list.LabelSelector == nil || list.LabelSelector.Matches(labels.Set(object.GetLabels())))
}

// handOut copies the object, unless that is not wanted.
func handOut(found any, shared *bool) (client.Object, error) {
	object, ok := found.(client.Object)
	if !ok {
		return nil, fmt.Errorf("%T is not an object", found)
	}
	if shared != nil && *shared {
		return object, nil
	}
	copied, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		return nil, fmt.Errorf("the copy of %T is not an object", found)
	}
	return copied, nil
}

// setItems puts the objects into the list, in the order of namespace and name.
func setItems(into client.ObjectList, objects []client.Object) error {
	slices.SortFunc(objects, func(a, b client.Object) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
	items := make([]runtime.Object, 0, len(objects))
	for _, object := range objects {
		items = append(items, object)
	}
	return apimeta.SetList(into, items)
}

// Objects returns all that were read, by kind, namespace and name.
func (r *Reader) Objects() []client.Object {
	var all []client.Object
	byName := func(a, b schema.GroupVersionKind) int { return strings.Compare(a.String(), b.String()) }
	for _, gvk := range slices.SortedFunc(maps.Keys(r.objects), byName) {
		for _, key := range slices.Sorted(slices.Values(r.objects[gvk].ListKeys())) {
			if object, _, _ := r.objects[gvk].GetByKey(key); object != nil {
				all = append(all, object.(client.Object))
			}
		}
	}
	return all
}

// Namespaces returns the namespaces that hold any object.
func (r *Reader) Namespaces() sets.Set[string] {
	namespaces := sets.New[string]()
	for objects := range maps.Values(r.objects) {
		namespaces.Insert(objects.ListIndexFuncValues(cache.NamespaceIndex)...)
	}
	return namespaces.Delete("")
}

// Missing returns the kinds that the cluster does not know; of manifests: none.
func (r *Reader) Missing() sets.Set[string] { return r.missing }

// Forbidden returns the kinds that the user may not list in all namespaces, each with the namespaces in which they were listed all the
// same; of manifests: none.
func (r *Reader) Forbidden() map[string]sets.Set[string] { return r.forbidden }
