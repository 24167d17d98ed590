package controllers

import (
	"bytes"
	"maps"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/meshtls/meshtls/internal/model"
)

// changed lets an update through if it changes what a snapshot holds of the object.
func changed[T client.Object](differs func(before, after T) bool) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, wasT := e.ObjectOld.(T)
		after, isT := e.ObjectNew.(T)
		return wasT && isT && differs(before, after)
	}}
}

// istioObjectDiffers leaves out Istio's status. The one annotation that counts is what makes an AuthorizationPolicy harmless.
func istioObjectDiffers(before, after client.Object) bool {
	return before.GetGeneration() != after.GetGeneration() ||
		before.GetUID() != after.GetUID() ||
		!maps.Equal(before.GetLabels(), after.GetLabels()) ||
		before.GetAnnotations()[model.AnnotationDryRun] != after.GetAnnotations()[model.AnnotationDryRun] ||
		!equality.Semantic.DeepEqual(before.GetOwnerReferences(), after.GetOwnerReferences()) ||
		before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero()
}

// podDiffers leaves out what a pod's life brings about all the time: it compares what a snapshot holds of it, and of its phase only
// whether it has finished. Its node is for evidence alone, which looks when it asks. That it is ready counts as it becomes so: what a pod
// that was ready is good for stays.
func podDiffers(before, after *corev1.Pod) bool {
	was, is := before.Spec, after.Spec
	was.NodeName, is.NodeName = "", ""
	return !maps.Equal(before.Labels, after.Labels) ||
		!maps.Equal(before.Annotations, after.Annotations) ||
		!equality.Semantic.DeepEqual(was, is) ||
		!equality.Semantic.DeepEqual(before.Status.PodIPs, after.Status.PodIPs) ||
		finished(before) != finished(after) || (!ready(before) && ready(after))
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// serviceDiffers leaves out the status of load balancers.
func serviceDiffers(before, after *corev1.Service) bool {
	return !maps.Equal(before.Labels, after.Labels) || !maps.Equal(before.Annotations, after.Annotations) ||
		!equality.Semantic.DeepEqual(before.Spec, after.Spec)
}

// endpointSliceDiffers leaves out the annotation by which each write says when it was.
func endpointSliceDiffers(before, after *discoveryv1.EndpointSlice) bool {
	return !maps.Equal(before.Labels, after.Labels) || !equality.Semantic.DeepEqual(before.Endpoints, after.Endpoints) ||
		!equality.Semantic.DeepEqual(before.Ports, after.Ports)
}

// ingressDiffers leaves out the status of load balancers.
func ingressDiffers(before, after *networkingv1.Ingress) bool {
	return !maps.Equal(before.Annotations, after.Annotations) || !equality.Semantic.DeepEqual(before.Spec, after.Spec)
}

func namespaceDiffers(before, after *corev1.Namespace) bool {
	return !maps.Equal(before.Labels, after.Labels)
}

func mutatingDiffers(before, after *admissionregistrationv1.MutatingWebhookConfiguration) bool {
	return !maps.Equal(before.Labels, after.Labels) || !equality.Semantic.DeepEqual(before.Webhooks, after.Webhooks)
}

func validatingDiffers(before, after *admissionregistrationv1.ValidatingWebhookConfiguration) bool {
	return !maps.Equal(before.Labels, after.Labels) || !equality.Semantic.DeepEqual(before.Webhooks, after.Webhooks)
}

func secretDiffers(before, after *corev1.Secret) bool {
	return before.Type != after.Type || !maps.EqualFunc(before.Data, after.Data, bytes.Equal)
}

func configMapDiffers(before, after *corev1.ConfigMap) bool {
	return !maps.Equal(before.Data, after.Data)
}
