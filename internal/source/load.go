package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/pager"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/meshtls/meshtls/internal/gather"
)

// noHelmReleases leaves out the Secrets in which Helm keeps what it installed: they are large, and no certificates.
var noHelmReleases = client.MatchingFieldsSelector{Selector: fields.OneTermNotEqualSelector("type", "helm.sh/release.v1")}

// LoadOptions say what is read of a cluster.
type LoadOptions struct {
	// IstioNamespace is where the mesh config is. Empty: gather.DefaultIstioNamespace.
	IstioNamespace string
	// Namespaces are looked into one by one where the user may not list the objects of all.
	Namespaces []string
	// Credentials says that Secrets, and the ConfigMaps of all namespaces, are read too.
	Credentials bool
	// Kinds are those that are read. Empty: all.
	Kinds sets.Set[string]
}

// loading is the filling of one Reader.
type loading struct {
	reader  *Reader
	cluster client.Reader
	options LoadOptions
}

// Load reads a cluster once, by pages, into a Reader: a live client lists by none of the fields of gather.Indexes. What the cluster
// does not know and what the user may not list is left out, and told by Missing and Forbidden.
func Load(ctx context.Context, cluster client.Reader, options LoadOptions) (*Reader, error) {
	options.IstioNamespace = cmp.Or(options.IstioNamespace, gather.DefaultIstioNamespace)
	l := loading{reader: newReader(), cluster: cluster, options: options}
	l.reader.fromCluster = true
	for _, kind := range kinds {
		gvk, err := apiutil.GVKForObject(kind, scheme)
		if err != nil {
			return nil, err
		}
		switch err := l.load(ctx, gvk); {
		case apimeta.IsNoMatchError(err):
			l.reader.missing.Insert(nameOf(gvk))
		case err != nil:
			return nil, fmt.Errorf("listing objects of kind %s: %w", gvk.Kind, err)
		}
	}
	return l.reader, nil
}

// load reads the objects of a kind, as far as they are wanted.
func (l *loading) load(ctx context.Context, gvk schema.GroupVersionKind) error {
	switch {
	case len(l.options.Kinds) > 0 && !l.options.Kinds.Has(nameOf(gvk)):
		return nil
	case isController(gvk):
		return nil // its pods are there themselves
	case gvk == secretKind && !l.options.Credentials:
		return nil
	case gvk == configMapKind && !l.options.Credentials:
		return l.inNamespaces(ctx, gvk, l.options.IstioNamespace)
	default:
		return l.everywhere(ctx, gvk)
	}
}

// isController reports whether the objects of the kind make pods.
func isController(gvk schema.GroupVersionKind) bool {
	return gvk.Group == "apps" || gvk.Group == "batch"
}

// everywhere reads the objects of a kind, of all namespaces if the user may list them.
func (l *loading) everywhere(ctx context.Context, gvk schema.GroupVersionKind) error {
	err := l.list(ctx, gvk, metav1.NamespaceAll)
	if !apierrors.IsForbidden(err) {
		return err
	}
	l.reader.forbidden[nameOf(gvk)] = sets.New[string]()
	if !namespaced(gvk) {
		return nil
	}
	return l.inNamespaces(ctx, gvk, append([]string{l.options.IstioNamespace}, l.options.Namespaces...)...)
}

// inNamespaces reads the objects of a kind in the namespaces in which the user may list them.
func (l *loading) inNamespaces(ctx context.Context, gvk schema.GroupVersionKind, namespaces ...string) error {
	for namespace := range sets.New(namespaces...) {
		err := l.list(ctx, gvk, namespace)
		switch {
		case apierrors.IsForbidden(err) && l.reader.forbidden[nameOf(gvk)] == nil:
			l.reader.forbidden[nameOf(gvk)] = sets.New[string]()
		case apierrors.IsForbidden(err):
		case err != nil:
			return err
		case l.reader.forbidden[nameOf(gvk)] != nil:
			l.reader.forbidden[nameOf(gvk)].Insert(namespace)
		}
	}
	return nil
}

// list reads the objects of a kind in a namespace, by pages.
func (l *loading) list(ctx context.Context, gvk schema.GroupVersionKind, namespace string) error {
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		page, err := emptyList(gvk)
		if err != nil {
			return nil, err
		}
		scope := []client.ListOption{client.InNamespace(namespace), client.Limit(options.Limit), client.Continue(options.Continue)}
		if gvk == secretKind {
			scope = append(scope, noHelmReleases)
		}
		return page, l.cluster.List(ctx, page, scope...)
	})
	return pages.EachListItem(ctx, metav1.ListOptions{}, func(item runtime.Object) error { return l.take(gvk, item) })
}

// emptyList returns a list for objects of the kind.
func emptyList(gvk schema.GroupVersionKind) (client.ObjectList, error) {
	listed := gvk.GroupVersion().WithKind(gvk.Kind + "List")
	if isGatewayAPI(gvk) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(listed)
		return list, nil
	}
	created, err := scheme.New(listed)
	if err != nil {
		return nil, err
	}
	list, ok := created.(client.ObjectList)
	if !ok {
		return nil, fmt.Errorf("%T is not a list", created)
	}
	return list, nil
}

// take keeps of an object what matters here.
func (l *loading) take(gvk schema.GroupVersionKind, item runtime.Object) error {
	object, err := trimmed(item)
	if err != nil {
		return err
	}
	object.SetManagedFields(nil)
	return l.reader.add(gvk, object)
}

// trimmed returns what matters here of an object as a cluster has it.
func trimmed(whole runtime.Object) (client.Object, error) {
	kept, err := gather.Trim(whole)
	if err != nil {
		return nil, err
	}
	object, ok := kept.(client.Object)
	if !ok {
		return nil, errors.New("what was listed is not an object")
	}
	keepOwners(object, whole)
	return object, nil
}

// keepOwners gives a trimmed pod its owners back: the operator's cache does without them, an inventory does not.
func keepOwners(trimmed client.Object, item runtime.Object) {
	if pod, ok := item.(*corev1.Pod); ok {
		trimmed.SetOwnerReferences(pod.OwnerReferences)
	}
}
