package manifests

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/pager"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/gather"
)

// LoadOptions say what is read of a cluster.
type LoadOptions struct {
	// IstioNamespace is where the mesh config is. Empty: gather.DefaultIstioNamespace.
	IstioNamespace string
	// Credentials says that Secrets, and all ConfigMaps, are read too.
	Credentials bool
}

// Load reads a cluster once, by pages, into a Reader: a live client lists by none of the fields of gather.Indexes. Kinds that the
// cluster does not know, and those that the user may not list, are left out and told by Missing and Forbidden.
func Load(ctx context.Context, cluster client.Reader, options LoadOptions) (*Reader, error) {
	r := newReader()
	for gvk := range known {
		if isController(gvk) {
			continue // its pods are there themselves
		}
		var scope []client.ListOption
		if !options.Credentials {
			switch gvk {
			case secretKind:
				continue
			case configMapKind:
				scope = append(scope, client.InNamespace(options.IstioNamespace))
			}
		}
		err := r.load(ctx, cluster, gvk, scope...)
		switch {
		case apimeta.IsNoMatchError(err):
			r.missing.Insert(gvk.Kind)
		case apierrors.IsForbidden(err):
			r.forbidden.Insert(gvk.Kind)
		case err != nil:
			return nil, fmt.Errorf("listing the cluster's objects of kind %s: %w", gvk.Kind, err)
		}
	}
	return r, nil
}

var (
	secretKind    = corev1.SchemeGroupVersion.WithKind("Secret")
	configMapKind = corev1.SchemeGroupVersion.WithKind("ConfigMap")
)

// isController says whether the objects of the kind make pods.
func isController(gvk schema.GroupVersionKind) bool {
	return gvk.Group == "apps" || gvk.Group == "batch"
}

// load takes up the objects of a kind.
func (r *Reader) load(ctx context.Context, cluster client.Reader, gvk schema.GroupVersionKind, scope ...client.ListOption) error {
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		created, err := scheme.New(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		if err != nil {
			return nil, err
		}
		page, ok := created.(client.ObjectList)
		if !ok {
			return nil, fmt.Errorf("%T is not a list", created)
		}
		return page, cluster.List(ctx, page, append(scope, client.Limit(options.Limit), client.Continue(options.Continue))...)
	})
	return pages.EachListItem(ctx, metav1.ListOptions{}, func(item runtime.Object) error {
		trimmed, err := gather.Trim(item)
		if err != nil {
			return err
		}
		object, ok := trimmed.(client.Object)
		if !ok {
			return errors.New("not an object")
		}
		return r.add(gvk, object)
	})
}
