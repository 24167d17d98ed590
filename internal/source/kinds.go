package source

import (
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
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
var kinds = []client.Object{
	&meshtlsv1alpha1.MeshTLSPolicy{},
	&corev1.ConfigMap{}, &corev1.Namespace{}, &corev1.Pod{}, &corev1.Secret{}, &corev1.Service{},
	&appsv1.DaemonSet{}, &appsv1.Deployment{}, &appsv1.ReplicaSet{}, &appsv1.StatefulSet{},
	&batchv1.CronJob{}, &batchv1.Job{},
	&admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{},
	&istiosecurityv1.AuthorizationPolicy{}, &istiosecurityv1.PeerAuthentication{},
	&istionetworkingv1.DestinationRule{}, &istionetworkingv1.Gateway{}, &istionetworkingv1.ServiceEntry{},
	&istionetworkingv1.VirtualService{}, &istionetworkingv1.WorkloadEntry{},
}

// scheme knows the kinds, and others that are not read.
var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(meshtlsv1alpha1.AddToScheme(s))
	utilruntime.Must(corev1.AddToScheme(s))
	utilruntime.Must(admissionregistrationv1.AddToScheme(s))
	utilruntime.Must(appsv1.AddToScheme(s))
	utilruntime.Must(batchv1.AddToScheme(s))
	utilruntime.Must(istiosecurityv1.AddToScheme(s))
	utilruntime.Must(istionetworkingv1.AddToScheme(s))
	return s
}()

// Scheme knows the kinds that a Reader holds.
func Scheme() *runtime.Scheme { return scheme }

// known are the kinds that are read, by their full name.
var known = func() sets.Set[schema.GroupVersionKind] {
	all := sets.New[schema.GroupVersionKind]()
	for _, kind := range kinds {
		gvks, _, err := scheme.ObjectKinds(kind)
		utilruntime.Must(err)
		all.Insert(gvks...)
	}
	return all
}()

// aliases are the versions of Istio's API groups that say the same as v1.
var aliases = map[string]sets.Set[string]{
	istionetworkingv1.SchemeGroupVersion.Group: sets.New("v1beta1", "v1alpha3"),
	istiosecurityv1.SchemeGroupVersion.Group:   sets.New("v1beta1"),
}

// canonical is the version of a kind that is read for the one that is written.
func canonical(gvk schema.GroupVersionKind) schema.GroupVersionKind {
	if aliases[gvk.Group].Has(gvk.Version) {
		gvk.Version = "v1"
	}
	return gvk
}

// podTemplate is what a controller makes its pods of; nil: the object is no controller. One that is itself controlled has no
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
