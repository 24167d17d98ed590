package differential

import (
	"fmt"
	"testing"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// startIstio shows the world to Istio, and returns the name that it has there.
func startIstio(t *testing.T, w world) int {
	t.Helper()
	number, _ := oracle.Load(t, wireWorld(t, w))
	return number
}

// wireWorld returns what Istio is shown of the world: also what its validation refuses, since the model has an answer for that too.
func wireWorld(t *testing.T, w world) wire.World {
	t.Helper()
	objects, err := oracle.Of(istioObjects(w))
	if err != nil {
		t.Fatal(err)
	}
	all, err := oracle.Shown(kubernetesObjects(w), objects)
	if err != nil {
		t.Fatal(err)
	}
	all.Unchecked, all.MeshConfig = true, meshConfig(t, w.objects.Mesh)
	return all
}

func meshConfig(t *testing.T, m model.Mesh) string {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{
		"rootNamespace": m.RootNamespace, "enableAutoMtls": m.AutoMTLS, "defaultDestinationRuleExportTo": m.DefaultDestinationRuleExportTo,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func istioObjects(w world) []client.Object {
	var objects []client.Object
	for _, pa := range w.objects.PeerAuthentications {
		objects = append(objects, pa)
	}
	for _, rule := range w.objects.DestinationRules {
		objects = append(objects, rule)
	}
	var gateways []string
	for _, gateway := range w.objects.Gateways {
		objects = append(objects, gateway)
		gateways = append(gateways, gateway.Namespace+"/"+gateway.Name)
	}
	if len(gateways) > 0 {
		objects = append(objects, rawRoute(gateways))
	}
	for _, s := range w.services {
		if s.external != "" {
			objects = append(objects, serviceEntry(s))
		}
	}
	return objects
}

// rawRoute gives the servers of raw TCP something to route to: without, Istio opens no listener for them.
func rawRoute(gateways []string) *istionetworkingv1.VirtualService {
	raw := &istionetworkingv1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: root, Name: "raw"}}
	raw.Spec.Hosts, raw.Spec.Gateways = []string{"*"}, gateways
	raw.Spec.Tcp = []*networkingapi.TCPRoute{{
		Route: []*networkingapi.RouteDestination{{Destination: &networkingapi.Destination{Host: "s0.a.svc.cluster.local",
			Port: &networkingapi.PortSelector{Number: 80}}}},
	}}
	return raw
}

func serviceEntry(s service) *istionetworkingv1.ServiceEntry {
	object := &istionetworkingv1.ServiceEntry{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name}}
	entry := &object.Spec
	entry.Hosts, entry.Location = []string{s.external}, networkingapi.ServiceEntry_MESH_EXTERNAL
	for _, p := range s.ports {
		entry.Ports = append(entry.Ports, &networkingapi.ServicePort{Number: uint32(p.number), Name: p.name, Protocol: p.name})
	}
	if s.external == wildcardHost {
		return object
	}
	entry.Resolution = networkingapi.ServiceEntry_DNS
	// Istio makes no cluster for a subset without endpoints where it is not told of them one by one.
	for _, version := range []string{"v1", "v2"} {
		entry.Endpoints = append(entry.Endpoints, &networkingapi.WorkloadEntry{Address: version + "." + externalHost,
			Labels: map[string]string{"version": version}})
	}
	return object
}

func kubernetesObjects(w world) []runtime.Object {
	var objects []runtime.Object
	for i, s := range w.services {
		if s.external == "" {
			objects = append(objects, kubernetesService(s, fmt.Sprintf("10.2.0.%d", i+1)), endpointSlice(s, w.pods))
		}
	}
	for _, s := range w.objects.Services {
		objects = append(objects, gatewayService(s))
	}
	for _, p := range w.pods {
		objects = append(objects, kubernetesPod(p))
	}
	if w.gateway.Workload != nil {
		objects = append(objects, kubernetesPod(w.gateway))
	}
	return objects
}

func kubernetesService(s service, ip string) *corev1.Service {
	object := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"app": s.name}, ClusterIP: ip}}
	if s.headless {
		object.Spec.ClusterIP = corev1.ClusterIPNone
	}
	for _, p := range s.ports {
		object.Spec.Ports = append(object.Spec.Ports, corev1.ServicePort{Name: p.name, Port: p.number, TargetPort: intstr.FromInt32(p.target)})
	}
	return object
}

func gatewayService(s model.Service) *corev1.Service {
	object := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name},
		Spec: corev1.ServiceSpec{Selector: s.Selector, ClusterIP: "10.3.0.1"}}
	for _, p := range s.Ports {
		object.Spec.Ports = append(object.Spec.Ports, corev1.ServicePort{Name: p.Name, Port: p.Port, TargetPort: p.TargetPort,
			Protocol: corev1.ProtocolTCP})
	}
	return object
}

func endpointSlice(s service, pods []pod) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name,
		Labels: map[string]string{discoveryv1.LabelServiceName: s.name}}, AddressType: discoveryv1.AddressTypeIPv4}
	for _, p := range s.ports {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &p.name, Port: &p.target})
	}
	for _, p := range endpointsOf(s, pods) {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{p.ip},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Example}})
	}
	return slice
}

func endpointsOf(s service, pods []pod) []pod {
	var behind []pod
	for _, p := range pods {
		if p.Namespace == s.namespace && p.service == s.name && s.external == "" {
			behind = append(behind, p)
		}
	}
	return behind
}

func kubernetesPod(p pod) *corev1.Pod {
	object := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Example, Labels: p.Labels},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: p.ip, PodIPs: []corev1.PodIP{{IP: p.ip}},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}}
	container := corev1.Container{Name: "app"}
	for _, port := range p.Ports {
		container.Ports = append(container.Ports, corev1.ContainerPort{Name: port.Name, ContainerPort: port.Number, Protocol: corev1.ProtocolTCP})
	}
	object.Spec.Containers = []corev1.Container{container}
	return object
}

// proxyOf returns the proxy of a pod, or of a client that is none.
func proxyOf(number int, w *model.Workload, ip string, router bool) wire.Proxy {
	return wire.Proxy{Mesh: number, Namespace: w.Namespace, Name: w.Example, IP: ip, Labels: w.Labels, Router: router}
}
