package gather

import (
	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Trim is a transform for the manager's cache: it keeps what a snapshot is made of, which of some kinds is a small part. Objects of
// other kinds stay whole.
func Trim(object any) (any, error) {
	switch typed := object.(type) {
	case *corev1.Pod:
		return trimPod(typed), nil
	case *corev1.Secret:
		return trimSecret(typed), nil
	case *corev1.ConfigMap:
		return trimConfigMap(typed), nil
	case *istionetworkingv1.VirtualService:
		return trimVirtualService(typed), nil
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		return trimMutating(typed), nil
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		return trimValidating(typed), nil
	default:
		return object, nil
	}
}

func trimPod(pod *corev1.Pod) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       pod.Namespace,
			Name:            pod.Name,
			UID:             pod.UID,
			ResourceVersion: pod.ResourceVersion,
			Labels:          pod.Labels,
			Annotations:     trimAnnotations(pod.Annotations),
		},
		Spec: corev1.PodSpec{
			HostNetwork:    pod.Spec.HostNetwork,
			Containers:     trimContainers(pod.Spec.Containers),
			InitContainers: trimContainers(pod.Spec.InitContainers),
		},
		Status: corev1.PodStatus{Phase: pod.Status.Phase},
	}
}

// keptAnnotations are those that bear on what a pod accepts.
var keptAnnotations = []string{
	annotationRedirection,
	annotationExcludeInbound, annotationIncludeInbound,
	annotationScrape, annotationScrapePort, annotationScrapeScheme, annotationMergeMetrics,
}

// trimAnnotations shortens the sidecar's status, a long text, to the fact that there is one.
func trimAnnotations(annotations map[string]string) map[string]string {
	kept := map[string]string{}
	if _, injected := annotations[annotationSidecarStatus]; injected {
		kept[annotationSidecarStatus] = ""
	}
	for _, name := range keptAnnotations {
		if value, ok := annotations[name]; ok {
			kept[name] = value
		}
	}
	return kept
}

func trimContainers(containers []corev1.Container) []corev1.Container {
	trimmed := make([]corev1.Container, 0, len(containers))
	for i := range containers {
		trimmed = append(trimmed, corev1.Container{
			Name:          containers[i].Name,
			Ports:         containers[i].Ports,
			RestartPolicy: containers[i].RestartPolicy,
		})
	}
	return trimmed
}

// trimVirtualService keeps whom its routes take and where they lead. What is done on the way, the larger part, is for no snapshot; nor
// are the routes of one that only sidecars use.
func trimVirtualService(vs *istionetworkingv1.VirtualService) *istionetworkingv1.VirtualService {
	trimmed := &istionetworkingv1.VirtualService{TypeMeta: vs.TypeMeta, ObjectMeta: vs.ObjectMeta}
	trimmed.Spec.Hosts, trimmed.Spec.Gateways, trimmed.Spec.ExportTo = vs.Spec.Hosts, vs.Spec.Gateways, vs.Spec.ExportTo
	if len(VirtualServiceGateways(vs)) == 0 {
		return trimmed
	}
	trimmed.Spec.Tls, trimmed.Spec.Tcp = vs.Spec.Tls, vs.Spec.Tcp
	for _, route := range vs.Spec.Http {
		trimmed.Spec.Http = append(trimmed.Spec.Http, trimHTTPRoute(route))
	}
	return trimmed
}

func trimHTTPRoute(route *networkingapi.HTTPRoute) *networkingapi.HTTPRoute {
	trimmed := &networkingapi.HTTPRoute{Name: route.Name, Redirect: route.Redirect, Delegate: route.Delegate}
	for _, match := range route.Match {
		trimmed.Match = append(trimmed.Match, &networkingapi.HTTPMatchRequest{
			Scheme: match.Scheme, Port: match.Port, Gateways: match.Gateways, SourceLabels: match.SourceLabels,
			SourceNamespace: match.SourceNamespace,
		})
	}
	for _, to := range route.Route {
		trimmed.Route = append(trimmed.Route, &networkingapi.HTTPRouteDestination{Destination: to.Destination, Weight: to.Weight})
	}
	return trimmed
}

// The API server's rules for when to call a webhook, and by which certificate it knows the server, are for no snapshot.

func trimMutating(c *admissionregistrationv1.MutatingWebhookConfiguration) *admissionregistrationv1.MutatingWebhookConfiguration {
	trimmed := &admissionregistrationv1.MutatingWebhookConfiguration{TypeMeta: c.TypeMeta, ObjectMeta: c.ObjectMeta}
	for _, called := range mutatingCalls(c) {
		trimmed.Webhooks = append(trimmed.Webhooks, admissionregistrationv1.MutatingWebhook{Name: called.name, ClientConfig: called.config()})
	}
	return trimmed
}

func trimValidating(c *admissionregistrationv1.ValidatingWebhookConfiguration) *admissionregistrationv1.ValidatingWebhookConfiguration {
	trimmed := &admissionregistrationv1.ValidatingWebhookConfiguration{TypeMeta: c.TypeMeta, ObjectMeta: c.ObjectMeta}
	for _, called := range validatingCalls(c) {
		trimmed.Webhooks = append(trimmed.Webhooks, admissionregistrationv1.ValidatingWebhook{Name: called.name, ClientConfig: called.config()})
	}
	return trimmed
}
