package source

import (
	"maps"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// policyKind is ours.
var policyKind = meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy")

// The kinds that are treated in a way of their own.
var (
	configMapKind = corev1.SchemeGroupVersion.WithKind("ConfigMap")
	namespaceKind = corev1.SchemeGroupVersion.WithKind("Namespace")
	podKind       = corev1.SchemeGroupVersion.WithKind("Pod")
	secretKind    = corev1.SchemeGroupVersion.WithKind("Secret")
)

// kinds are those that are read, as empty objects.
var kinds = append([]client.Object{
	&meshtlsv1alpha1.MeshTLSPolicy{},
	&corev1.ConfigMap{}, &corev1.Namespace{}, &corev1.Pod{}, &corev1.Secret{}, &corev1.Service{},
	&appsv1.DaemonSet{}, &appsv1.Deployment{}, &appsv1.ReplicaSet{}, &appsv1.StatefulSet{},
	&batchv1.CronJob{}, &batchv1.Job{},
	&admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{},
	&istiosecurityv1.AuthorizationPolicy{}, &verbatim.PeerAuthentication{},
	&verbatim.DestinationRule{}, &verbatim.Gateway{}, &istionetworkingv1.ServiceEntry{},
	&istionetworkingv1.Sidecar{}, &istionetworkingv1.VirtualService{}, &istionetworkingv1.WorkloadEntry{},
	&istionetworkingv1alpha3.EnvoyFilter{},
	&discoveryv1.EndpointSlice{}, &networkingv1.Ingress{}, &networkingv1.IngressClass{},
}, gatewayAPI()...)

// gatewayAPI returns the kinds of the Gateway API, which have no types here.
func gatewayAPI() []client.Object {
	var all []client.Object
	for _, kind := range slices.Sorted(maps.Keys(gather.GatewayAPI)) {
		all = append(all, gather.NewGatewayAPI(kind))
	}
	return all
}

// scheme knows the kinds, and others that are not read.
var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(meshtlsv1alpha1.AddToScheme(s))
	utilruntime.Must(corev1.AddToScheme(s))
	utilruntime.Must(admissionregistrationv1.AddToScheme(s))
	utilruntime.Must(appsv1.AddToScheme(s))
	utilruntime.Must(batchv1.AddToScheme(s))
	utilruntime.Must(verbatim.AddToScheme(s))
	utilruntime.Must(istionetworkingv1alpha3.AddToScheme(s))
	utilruntime.Must(discoveryv1.AddToScheme(s))
	utilruntime.Must(networkingv1.AddToScheme(s))
	return s
}()

// Scheme knows the kinds that a Reader holds.
func Scheme() *runtime.Scheme { return scheme }

// known are the kinds that are read, by their full name.
var known = func() sets.Set[schema.GroupVersionKind] {
	all := sets.New[schema.GroupVersionKind]()
	for _, kind := range kinds {
		gvk, err := apiutil.GVKForObject(kind, scheme)
		utilruntime.Must(err)
		all.Insert(gvk)
	}
	return all
}()

// aliases are the versions of Istio's API groups that say the same as v1.
var aliases = map[string]sets.Set[string]{
	istionetworkingv1.SchemeGroupVersion.Group: sets.New("v1beta1", "v1alpha3"),
	istiosecurityv1.SchemeGroupVersion.Group:   sets.New("v1beta1"),
}

// canonical returns the version of a kind that is read for the one that is written.
func canonical(gvk schema.GroupVersionKind) schema.GroupVersionKind {
	if gvk.Kind == model.KindEnvoyFilter {
		return gvk // has one version
	}
	if read, ofGatewayAPI := gather.GatewayAPI[nameOf(gvk)]; ofGatewayAPI && read.Group == gvk.Group {
		return read
	}
	if aliases[gvk.Group].Has(gvk.Version) {
		gvk.Version = "v1"
	}
	return gvk
}

// nameOf returns the name by which the model knows the kind.
func nameOf(gvk schema.GroupVersionKind) string {
	if name := gvk.Kind + "." + gvk.Group; name == model.KindGatewayAPIGateway {
		return name
	}
	return gvk.Kind
}

// isGatewayAPI reports whether objects of the kind are read without a type.
func isGatewayAPI(gvk schema.GroupVersionKind) bool {
	return gather.GatewayAPI[nameOf(gvk)] == gvk
}

// podTemplate returns what a controller makes its pods of; nil: the object is no controller. One that is itself controlled has no
// pods of its own: they are those of its controller.
func podTemplate(object client.Object) *corev1.PodTemplateSpec {
	for _, owner := range object.GetOwnerReferences() {
		if owner.Controller != nil && *owner.Controller {
			return nil
		}
	}
	switch controller := object.(type) {
	case *appsv1.DaemonSet:
		return &controller.Spec.Template
	case *appsv1.Deployment:
		return &controller.Spec.Template
	case *appsv1.ReplicaSet:
		return &controller.Spec.Template
	case *appsv1.StatefulSet:
		return &controller.Spec.Template
	case *batchv1.Job:
		return &controller.Spec.Template
	case *batchv1.CronJob:
		return &controller.Spec.JobTemplate.Spec.Template
	default:
		return nil
	}
}
