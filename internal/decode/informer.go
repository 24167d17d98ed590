package decode

import (
	"context"
	"net/http"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Cluster is where objects are read from.
type Cluster struct {
	Config *rest.Config
	Client *http.Client
	Scheme *runtime.Scheme
	Mapper apimeta.RESTMapper
	// Namespace is the one that is read; empty: all are.
	Namespace string
	// Tell is told of each object that cannot be decoded.
	Tell func(object metav1.Object, why error)
}

// Lister returns what lists and watches the kind of the object, which is one of a CRD, tolerantly.
func (c Cluster) Lister(of runtime.Object) (toolscache.ListerWatcher, error) {
	gvk, err := apiutil.GVKForObject(of, c.Scheme)
	if err != nil {
		return nil, err
	}
	mapping, err := c.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, err
	}
	empty, err := c.Scheme.New(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err != nil {
		return nil, err
	}
	group, err := c.group(gvk.GroupVersion())
	if err != nil {
		return nil, err
	}
	parameters := runtime.NewParameterCodec(c.Scheme)
	ask := func(options metav1.ListOptions) *rest.Request {
		return group.Get().NamespaceIfScoped(c.Namespace, c.Namespace != "").
			Resource(mapping.Resource.Resource).VersionedParams(&options, parameters)
	}
	return &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list := empty.DeepCopyObject()
			return list, ask(options).Do(ctx).Into(list)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.Watch, options.AllowWatchBookmarks = true, true
			return ask(options).Watch(ctx)
		},
	}, nil
}

// group returns the client of an API group.
func (c Cluster) group(gv schema.GroupVersion) (rest.Interface, error) {
	config := rest.CopyConfig(c.Config)
	config.GroupVersion, config.APIPath = &gv, "/apis"
	config.NegotiatedSerializer = tolerantly{
		NegotiatedSerializer: serializer.NewCodecFactory(c.Scheme).WithoutConversion(), scheme: c.Scheme, tell: c.Tell,
	}
	return rest.RESTClientForConfigAndClient(config, c.Client)
}

// Informers returns a cache's constructor of informers that list and watch tolerantly; those of objects that have no Go type of their own
// take what comes in any case.
func (c Cluster) Informers() func(toolscache.ListerWatcher, runtime.Object, time.Duration, toolscache.Indexers) toolscache.SharedIndexInformer {
	return func(
		plainly toolscache.ListerWatcher, of runtime.Object, resync time.Duration, indexers toolscache.Indexers,
	) toolscache.SharedIndexInformer {
		if _, untyped := of.(runtime.Unstructured); !untyped {
			if lister, err := c.Lister(of); err == nil {
				plainly = lister
			}
		}
		return toolscache.NewSharedIndexInformer(plainly, of, resync, indexers)
	}
}
