package differential

import (
	"fmt"
	"testing"

	meshconfig "istio.io/api/mesh/v1alpha1"
	networkingapi "istio.io/api/networking/v1alpha3"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/cluster"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/ptr"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meshtls/meshtls/internal/model"
)

const clusterID = "Kubernetes"

// startIstio shows the world to Istio.
func startIstio(t *testing.T, w world) *xds.FakeDiscoveryServer {
	t.Helper()
	return xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
		Configs:           istioConfigs(w),
		KubernetesObjects: kubernetesObjects(w),
		MeshConfig:        meshConfig(w.objects.Mesh),
	})
}

func meshConfig(m model.Mesh) *meshconfig.MeshConfig {
	c := mesh.DefaultMeshConfig()
	c.RootNamespace = m.RootNamespace
	c.EnableAutoMtls = wrapperspb.Bool(m.AutoMTLS)
	c.DefaultDestinationRuleExportTo = m.DefaultDestinationRuleExportTo
	return c
}

// istioConfigs copies the specs: Istio writes into them.
func istioConfigs(w world) []config.Config {
	var configs []config.Config
	add := func(kind config.GroupVersionKind, meta metav1.ObjectMeta, spec proto.Message) {
		configs = append(configs, config.Config{Meta: config.Meta{GroupVersionKind: kind, Namespace: meta.Namespace, Name: meta.Name,
			CreationTimestamp: meta.CreationTimestamp.Time, Domain: "cluster.local"}, Spec: proto.Clone(spec)})
	}
	for _, pa := range w.objects.PeerAuthentications {
		add(gvk.PeerAuthentication, pa.ObjectMeta, &pa.Spec)
	}
	for _, rule := range w.objects.DestinationRules {
		add(gvk.DestinationRule, rule.ObjectMeta, &rule.Spec)
	}
	var gateways []string
	for _, gateway := range w.objects.Gateways {
		add(gvk.Gateway, gateway.ObjectMeta, &gateway.Spec)
		gateways = append(gateways, gateway.Namespace+"/"+gateway.Name)
	}
	if len(gateways) > 0 {
		add(gvk.VirtualService, metav1.ObjectMeta{Namespace: root, Name: "raw"}, rawRoute(gateways))
	}
	for _, s := range w.services {
		if s.external != "" {
			add(gvk.ServiceEntry, metav1.ObjectMeta{Namespace: s.namespace, Name: s.name}, serviceEntry(s))
		}
	}
	return configs
}

// rawRoute gives the servers of raw TCP something to route to: without, Istio opens no listener for them.
func rawRoute(gateways []string) *networkingapi.VirtualService {
	return &networkingapi.VirtualService{Hosts: []string{"*"}, Gateways: gateways, Tcp: []*networkingapi.TCPRoute{{
		Route: []*networkingapi.RouteDestination{{Destination: &networkingapi.Destination{Host: "s0.a.svc.cluster.local",
			Port: &networkingapi.PortSelector{Number: 80}}}},
	}}}
}

func serviceEntry(s service) *networkingapi.ServiceEntry {
	entry := &networkingapi.ServiceEntry{Hosts: []string{s.external}, Location: networkingapi.ServiceEntry_MESH_EXTERNAL}
	for _, p := range s.ports {
		entry.Ports = append(entry.Ports, &networkingapi.ServicePort{Number: uint32(p.number), Name: p.name, Protocol: p.name})
	}
	if s.external == wildcardHost {
		return entry
	}
	entry.Resolution = networkingapi.ServiceEntry_DNS
	// Istio makes no cluster for a subset without endpoints where it is not told of them one by one.
	for _, version := range []string{"v1", "v2"} {
		entry.Endpoints = append(entry.Endpoints, &networkingapi.WorkloadEntry{Address: version + "." + externalHost,
			Labels: map[string]string{"version": version}})
	}
	return entry
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
	for _, p := range append(w.pods, w.gateway) {
		objects = append(objects, kubernetesPod(p))
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
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: ptr.Of(p.name), Port: ptr.Of(p.target)})
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
func proxyOf(s *xds.FakeDiscoveryServer, w *model.Workload, ip string, kind istiomodel.NodeType) *istiomodel.Proxy {
	return s.SetupProxy(&istiomodel.Proxy{
		Type: kind, ConfigNamespace: w.Namespace, Labels: w.Labels, IPAddresses: []string{ip}, ID: w.Example + "." + w.Namespace,
		Metadata: &istiomodel.NodeMetadata{Namespace: w.Namespace, Labels: w.Labels, ClusterID: cluster.ID(clusterID)},
	})
}
