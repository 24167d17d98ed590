package oracle

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/source"
)

const (
	// labelTLSMode is put on a pod by Istio's injector: the pod can take Istio's mutual TLS.
	labelTLSMode   = "security.istio.io/tlsMode"
	proxyContainer = "istio-proxy"
	// annotationInterception is what the injector tells the proxy of how connections get to it.
	annotationInterception = "sidecar.istio.io/interceptionMode"
	annotationTemplates    = "inject.istio.io/templates"
)

// cluster is the core objects of a world, with what a cluster's controllers and Istio's injector would add to them: addresses,
// endpoints, readiness, and the injector's label.
type cluster struct {
	namespaces []corev1.Namespace
	pods       []corev1.Pod
	services   []corev1.Service
	secrets    []corev1.Secret
	configMaps []corev1.ConfigMap
	slices     []discoveryv1.EndpointSlice
	ingresses  []networkingv1.Ingress
	classes    []networkingv1.IngressClass
}

func newCluster(ctx context.Context, reader *source.Reader) (cluster, error) {
	var namespaces corev1.NamespaceList
	var pods corev1.PodList
	var services corev1.ServiceList
	var secrets corev1.SecretList
	var configMaps corev1.ConfigMapList
	var slices discoveryv1.EndpointSliceList
	var ingresses networkingv1.IngressList
	var classes networkingv1.IngressClassList
	for _, list := range []client.ObjectList{&namespaces, &pods, &services, &secrets, &configMaps, &slices, &ingresses, &classes} {
		if err := reader.List(ctx, list); err != nil {
			return cluster{}, fmt.Errorf("listing %T: %w", list, err)
		}
	}
	c := cluster{
		namespaces: namespaces.Items, pods: pods.Items, services: services.Items, secrets: secrets.Items, configMaps: configMaps.Items,
		slices: slices.Items, ingresses: ingresses.Items, classes: classes.Items,
	}
	for i := range c.secrets {
		stored(&c.secrets[i])
	}
	for i := range c.pods {
		run(&c.pods[i], cmp.Or(c.pods[i].Status.PodIP, fmt.Sprintf("10.1.%d.%d", i/250, i%250+1)))
	}
	for i := range c.services {
		address(&c.services[i], fmt.Sprintf("10.96.%d.%d", i/250, i%250+1))
	}
	return c, nil
}

// run gives the pod what it has when it runs, and the API server's defaults.
func run(pod *corev1.Pod, ip string) {
	for i := range pod.Spec.Containers {
		for j := range pod.Spec.Containers[i].Ports {
			if port := &pod.Spec.Containers[i].Ports[j]; port.Protocol == "" {
				port.Protocol = corev1.ProtocolTCP
			}
		}
	}
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	if _, labelled := pod.Labels[labelTLSMode]; hasProxy(pod) && !isRouter(pod) && !labelled {
		pod.Labels = maps.Clone(pod.Labels)
		if pod.Labels == nil {
			pod.Labels = map[string]string{}
		}
		pod.Labels[labelTLSMode] = "istio"
	}
}

// isRouter reports whether the pod's proxy starts as a router: the injector's template for gateways has it do so, and it is what a pod is
// taken for that is its proxy and nothing else.
func isRouter(pod *corev1.Pod) bool {
	if templates := pod.Annotations[annotationTemplates]; templates != "" {
		return templates == "gateway"
	}
	return hasProxy(pod) && len(pod.Spec.Containers) == 1
}

// variableOf returns a variable of the pod's proxy.
func variableOf(pod *corev1.Pod, name string) string {
	for _, c := range pod.Spec.Containers {
		for _, variable := range c.Env {
			if c.Name == proxyContainer && variable.Name == name {
				return variable.Value
			}
		}
	}
	return ""
}

// HasSidecar reports whether connections to the pod go through a sidecar.
func HasSidecar(pod *corev1.Pod) bool {
	return hasProxy(pod) && !isRouter(pod) && pod.Annotations[annotationInterception] != "NONE"
}

func hasProxy(pod *corev1.Pod) bool {
	isProxy := func(c corev1.Container) bool { return c.Name == proxyContainer }
	return slices.ContainsFunc(pod.Spec.Containers, isProxy) || slices.ContainsFunc(pod.Spec.InitContainers, isProxy)
}

// address gives the Service what the API server fills in.
func address(service *corev1.Service, ip string) {
	if service.Spec.ClusterIP == "" && service.Spec.Type != corev1.ServiceTypeExternalName {
		service.Spec.ClusterIP = ip
	}
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		if port.Protocol == "" {
			port.Protocol = corev1.ProtocolTCP
		}
		if port.TargetPort == (intstr.IntOrString{}) {
			port.TargetPort = intstr.FromInt32(port.Port)
		}
	}
}

// objects returns all objects that Istio reads of a cluster.
func (c cluster) objects() []runtime.Object {
	var all []runtime.Object
	for i := range c.slices {
		all = append(all, &c.slices[i])
	}
	for i := range c.ingresses {
		all = append(all, &c.ingresses[i])
	}
	for i := range c.classes {
		all = append(all, &c.classes[i])
	}
	for i := range c.namespaces {
		all = append(all, &c.namespaces[i])
	}
	for i := range c.pods {
		all = append(all, &c.pods[i])
	}
	for i := range c.secrets {
		all = append(all, &c.secrets[i])
	}
	for i := range c.configMaps {
		all = append(all, &c.configMaps[i])
	}
	for i := range c.services {
		all = append(all, &c.services[i])
		for _, slice := range c.endpointsOf(&c.services[i]) {
			all = append(all, slice)
		}
	}
	return all
}

// endpointsOf returns the slices of a Service: one for each pod, since pods may give a named port different numbers.
func (c cluster) endpointsOf(service *corev1.Service) []*discoveryv1.EndpointSlice {
	var slices []*discoveryv1.EndpointSlice
	for i := range c.pods {
		pod := &c.pods[i]
		if len(service.Spec.Selector) == 0 || pod.Namespace != service.Namespace ||
			!labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			continue
		}
		ready := true
		slices = append(slices, &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: service.Namespace, Name: service.Name + "-" + pod.Name,
				Labels: map[string]string{discoveryv1.LabelServiceName: service.Name},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints: []discoveryv1.Endpoint{{
				Addresses: []string{pod.Status.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
				TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name},
			}},
			Ports: endpointPorts(service, pod),
		})
	}
	return slices
}

// endpointPorts returns the Service's ports at the pod; one that the pod does not declare is left out.
func endpointPorts(service *corev1.Service, pod *corev1.Pod) []discoveryv1.EndpointPort {
	var ports []discoveryv1.EndpointPort
	for _, port := range service.Spec.Ports {
		if number, found := TargetPort(port, pod); found {
			ports = append(ports, discoveryv1.EndpointPort{Name: &port.Name, Port: &number, Protocol: &port.Protocol})
		}
	}
	return ports
}

// TargetPort returns the number that a Service port leads to at the pod.
func TargetPort(port corev1.ServicePort, pod *corev1.Pod) (int32, bool) {
	if port.TargetPort.Type == intstr.Int {
		return port.TargetPort.IntVal, true
	}
	for _, container := range append(pod.Spec.Containers, serving(pod)...) {
		for _, declared := range container.Ports {
			if declared.Name == port.TargetPort.StrVal && sameProtocol(declared.Protocol, port.Protocol) {
				return declared.ContainerPort, true
			}
		}
	}
	return 0, false
}

// serving returns the init containers that run as long as the pod does.
func serving(pod *corev1.Pod) []corev1.Container {
	var all []corev1.Container
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all = append(all, c)
		}
	}
	return all
}

// sameProtocol compares protocols, of which none is TCP.
func sameProtocol(a, b corev1.Protocol) bool {
	return cmp.Or(a, corev1.ProtocolTCP) == cmp.Or(b, corev1.ProtocolTCP)
}
