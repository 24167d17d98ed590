package gather

import (
	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// Trim returns a transform for the manager's cache: it keeps what a snapshot is made of, which of some kinds is a small part. Objects of
// other kinds stay whole.
func Trim(object any) (any, error) {
	switch typed := object.(type) {
	case *corev1.Pod:
		return trimPod(typed), nil
	case *corev1.Service:
		return trimService(typed), nil
	case *corev1.Secret:
		return trimSecret(typed), nil
	case *corev1.ConfigMap:
		return trimConfigMap(typed), nil
	case *discoveryv1.EndpointSlice:
		return trimEndpointSlice(typed), nil
	case *istionetworkingv1.VirtualService:
		return trimVirtualService(typed), nil
	case *istionetworkingv1alpha3.EnvoyFilter:
		return trimEnvoyFilter(typed), nil
	case *unstructured.Unstructured:
		return trimUnstructured(typed), nil
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
			OwnerReferences: trimOwners(pod),
		},
		Spec: corev1.PodSpec{
			NodeName:           pod.Spec.NodeName,
			HostNetwork:        pod.Spec.HostNetwork,
			ServiceAccountName: pod.Spec.ServiceAccountName,
			Containers:         trimContainers(pod.Spec.Containers),
			InitContainers:     trimContainers(pod.Spec.InitContainers),
		},
		Status: corev1.PodStatus{
			Phase: pod.Status.Phase, PodIP: pod.Status.PodIP, PodIPs: pod.Status.PodIPs, Conditions: trimConditions(pod.Status.Conditions),
		},
	}
}

// The labels and annotations of Services that are read.
var (
	keptServiceLabels = []string{
		model.LabelUseWaypoint, model.LabelUntranslated, model.LabelTag, meshtlsv1alpha1.LabelRevision, versions.LabelVersion,
	}
	keptServiceAnnotations = []string{model.AnnotationExportTo, meshtlsv1alpha1.AnnotationMute}
)

// trimService keeps which pods the Service leads to, and by which ports and addresses.
func trimService(service *corev1.Service) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:         service.Namespace,
			Name:              service.Name,
			UID:               service.UID,
			ResourceVersion:   service.ResourceVersion,
			CreationTimestamp: service.CreationTimestamp,
			Labels:            only(service.Labels, keptServiceLabels),
			Annotations:       only(service.Annotations, keptServiceAnnotations),
		},
		Spec: corev1.ServiceSpec{
			Type: service.Spec.Type, ExternalName: service.Spec.ExternalName,
			ClusterIP: service.Spec.ClusterIP, ClusterIPs: service.Spec.ClusterIPs,
			Selector: service.Spec.Selector, Ports: service.Spec.Ports,
		},
	}
}

// only returns those of the labels or annotations that are named; nil: there are none.
func only(all map[string]string, names []string) map[string]string {
	var kept map[string]string
	for _, name := range names {
		if value, said := all[name]; said {
			if kept == nil {
				kept = map[string]string{}
			}
			kept[name] = value
		}
	}
	return kept
}

// trimOwners keeps the controller's name, which is how metrics call the pod's workload.
func trimOwners(pod *corev1.Pod) []metav1.OwnerReference {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return nil
	}
	return []metav1.OwnerReference{{Kind: owner.Kind, Name: owner.Name, Controller: owner.Controller}}
}

// trimConditions keeps whether the pod is ready, and since when.
func trimConditions(conditions []corev1.PodCondition) []corev1.PodCondition {
	for _, c := range conditions {
		if c.Type == corev1.PodReady {
			return []corev1.PodCondition{{Type: c.Type, Status: c.Status, LastTransitionTime: c.LastTransitionTime}}
		}
	}
	return nil
}

// keptAnnotations are those that say what carries the pod's connections, and which.
var keptAnnotations = []string{
	model.AnnotationRedirection, model.AnnotationRevision, model.AnnotationTemplates, model.AnnotationInterception,
	model.AnnotationRewriteProbes,
	model.AnnotationExcludeInbound, model.AnnotationIncludeInbound,
	model.AnnotationExcludeOutboundRanges, model.AnnotationIncludeOutboundRanges,
	model.AnnotationExcludeOutboundPorts, model.AnnotationIncludeOutboundPorts,
	annotationScrape, annotationScrapePort, annotationScrapeScheme, annotationMergeMetrics,
}

// trimAnnotations shortens the sidecar's status, a long text, to the fact that there is one, and its revision.
func trimAnnotations(annotations map[string]string) map[string]string {
	kept := only(annotations, keptAnnotations)
	status, injected := annotations[model.AnnotationSidecarStatus]
	if !injected {
		return kept
	}
	if kept == nil {
		kept = map[string]string{}
	}
	kept[model.AnnotationSidecarStatus] = ""
	if revision := revisionIn(status); revision != "" && kept[model.AnnotationRevision] == "" {
		kept[model.AnnotationRevision] = revision
	}
	return kept
}

func trimContainers(containers []corev1.Container) []corev1.Container {
	trimmed := make([]corev1.Container, 0, len(containers))
	for i := range containers {
		kept := corev1.Container{Name: containers[i].Name, Ports: containers[i].Ports, RestartPolicy: containers[i].RestartPolicy}
		if kept.Name == model.ProxyContainer {
			kept.Args, kept.Env = trimArguments(containers[i].Args), trimEnvironment(containers[i].Env)
		} else {
			kept.ReadinessProbe = trimProbe(containers[i].ReadinessProbe)
			kept.LivenessProbe = trimProbe(containers[i].LivenessProbe)
			kept.StartupProbe = trimProbe(containers[i].StartupProbe)
		}
		trimmed = append(trimmed, kept)
	}
	return trimmed
}

// trimArguments keeps the role of a proxy.
func trimArguments(arguments []string) []string {
	if role := roleIn(arguments); role != "" {
		return []string{role}
	}
	return nil
}

// trimEnvironment keeps what a proxy says of itself.
func trimEnvironment(variables []corev1.EnvVar) []corev1.EnvVar {
	var kept []corev1.EnvVar
	for _, variable := range variables {
		if variable.Name == variableUnprivileged || variable.Name == variableInterception {
			kept = append(kept, corev1.EnvVar{Name: variable.Name, Value: variable.Value})
		}
	}
	return kept
}

// trimProbe keeps which port a probe calls, and how.
func trimProbe(probe *corev1.Probe) *corev1.Probe {
	switch {
	case probe == nil:
		return nil
	case probe.HTTPGet != nil:
		get := &corev1.HTTPGetAction{Port: probe.HTTPGet.Port, Scheme: probe.HTTPGet.Scheme}
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: get}}
	case probe.TCPSocket != nil || probe.GRPC != nil:
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: probe.TCPSocket, GRPC: probe.GRPC}}
	default:
		return nil
	}
}

// trimEndpointSlice keeps the addresses.
func trimEndpointSlice(slice *discoveryv1.EndpointSlice) *discoveryv1.EndpointSlice {
	trimmed := &discoveryv1.EndpointSlice{
		TypeMeta: slice.TypeMeta, ObjectMeta: slice.ObjectMeta, AddressType: slice.AddressType, Ports: slice.Ports,
	}
	for i := range slice.Endpoints {
		trimmed.Endpoints = append(trimmed.Endpoints, discoveryv1.Endpoint{
			Addresses:  slice.Endpoints[i].Addresses,
			Conditions: discoveryv1.EndpointConditions{Ready: slice.Endpoints[i].Conditions.Ready},
		})
	}
	return trimmed
}

// trimEnvoyFilter keeps whom it is for. What it does is for no snapshot.
func trimEnvoyFilter(filter *istionetworkingv1alpha3.EnvoyFilter) *istionetworkingv1alpha3.EnvoyFilter {
	trimmed := &istionetworkingv1alpha3.EnvoyFilter{TypeMeta: filter.TypeMeta, ObjectMeta: filter.ObjectMeta}
	trimmed.Spec.WorkloadSelector, trimmed.Spec.TargetRefs = filter.Spec.WorkloadSelector, filter.Spec.TargetRefs
	return trimmed
}

// trimUnstructured keeps of an object of the Gateway API what it is for, of a Gateway its listeners, of a ReferenceGrant what it grants.
func trimUnstructured(object *unstructured.Unstructured) *unstructured.Unstructured {
	spec, _ := object.Object["spec"].(map[string]any)
	kept := map[string]any{}
	for _, field := range []string{
		"gatewayClassName", "addresses", "listeners", "allowedListeners", "tls", "parentRefs", "targetRefs", "from", "to",
	} {
		if value, said := spec[field]; said {
			kept[field] = value
		}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": object.Object["apiVersion"], "kind": object.Object["kind"], "metadata": object.Object["metadata"], "spec": kept,
	}}
}

// trimVirtualService keeps whom its routes take and where they lead. What is done on the way, the larger part, is for no snapshot.
func trimVirtualService(vs *istionetworkingv1.VirtualService) *istionetworkingv1.VirtualService {
	trimmed := &istionetworkingv1.VirtualService{TypeMeta: vs.TypeMeta, ObjectMeta: vs.ObjectMeta}
	trimmed.Spec.Hosts, trimmed.Spec.Gateways, trimmed.Spec.ExportTo = vs.Spec.Hosts, vs.Spec.Gateways, vs.Spec.ExportTo
	trimmed.Spec.Tls, trimmed.Spec.Tcp = vs.Spec.Tls, vs.Spec.Tcp
	for _, route := range vs.Spec.Http {
		trimmed.Spec.Http = append(trimmed.Spec.Http, trimHTTPRoute(route))
	}
	return trimmed
}

func trimHTTPRoute(route *networkingapi.HTTPRoute) *networkingapi.HTTPRoute {
	trimmed := &networkingapi.HTTPRoute{
		Name: route.Name, Redirect: route.Redirect, Delegate: route.Delegate, Mirror: route.Mirror, Mirrors: route.Mirrors,
	}
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
