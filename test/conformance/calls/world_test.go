package calls

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	root     = "istio-system"
	edge     = "edge"
	external = "api.partner.example"
	internal = "data.internal.example"
)

var namespaces = []string{"a", "b"}

// target is a port of a host that routes may lead to.
type target struct {
	host   string
	number uint32
}

// generator makes a world of a seed.
type generator struct {
	*rand.Rand
	objects []client.Object
	// targets are the ports of the world's destinations; hosts their hosts.
	targets []target
	hosts   []string
	// classes are what the world has in it.
	classes map[string]bool
}

// newWorld returns the objects of the seed's world, and what it has in it.
func newWorld(seed uint64) (objects []client.Object, classes []string) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0)), classes: map[string]bool{}}
	for _, namespace := range append([]string{root, edge}, namespaces...) {
		g.add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
	if g.chance(8) {
		g.class("no auto mTLS")
		g.add(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: root, Name: "istio"}, Data: map[string]string{
			"mesh": "enableAutoMtls: false\n",
		}})
	}
	for _, namespace := range namespaces {
		g.pod(namespace, "client", map[string]string{"app": "client", "tier": g.one("x", "y")}, true)
		for i := range 1 + g.IntN(2) {
			g.service(namespace, fmt.Sprintf("s%d", i))
		}
	}
	g.externalEntry()
	g.internalEntry()
	g.gatewayPods()
	for i := range g.IntN(4) {
		g.peerAuthentication(i)
	}
	for i := range g.IntN(6) {
		g.destinationRule(i)
	}
	for i := range g.IntN(3) {
		g.meshRoutes(i)
	}
	for i := range g.IntN(3) {
		g.gateway(i)
	}
	return g.objects, slices.Sorted(maps.Keys(g.classes))
}

func (g *generator) add(object client.Object) { g.objects = append(g.objects, object) }

func (g *generator) class(name string) { g.classes[name] = true }

// chance is true once in so many times.
func (g *generator) chance(once int) bool { return g.IntN(once) == 0 }

func (g *generator) one(choices ...string) string { return choices[g.IntN(len(choices))] }

// meta is of one of few ages, so that equal ones are common.
func (g *generator) meta(namespace, kind string, i int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: fmt.Sprintf("%c-%s-%d", 'a'+rune(g.IntN(26)), kind, i),
		CreationTimestamp: metav1.Unix(int64(1_700_000_000+g.IntN(4)), 0),
	}
}

func (g *generator) pod(namespace, name string, labels map[string]string, proxy bool) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example/app"}}},
	}
	if proxy {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "istio-proxy", Image: "example/proxy"})
	}
	g.add(pod)
}

// servicePorts are of each kind of protocol; the last leaves it to Istio to find out.
var servicePorts = []corev1.ServicePort{
	{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)},
	{Name: "https", Port: 443, TargetPort: intstr.FromInt32(8443)},
	{Name: "tcp", Port: 9000, TargetPort: intstr.FromInt32(9000)},
	{Name: "grpc", Port: 7070, TargetPort: intstr.FromInt32(7070)},
	{Name: "data", Port: 7000, TargetPort: intstr.FromInt32(7000)},
}

func (g *generator) service(namespace, name string) {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": name}},
	}
	for _, at := range g.Perm(len(servicePorts))[:1+g.IntN(4)] {
		s.Spec.Ports = append(s.Spec.Ports, servicePorts[at])
	}
	if g.chance(6) {
		g.class("headless Service")
		s.Spec.ClusterIP = corev1.ClusterIPNone
	}
	g.add(s)
	host := name + "." + namespace + ".svc.cluster.local"
	g.hosts = append(g.hosts, host)
	for _, port := range s.Spec.Ports {
		g.targets = append(g.targets, target{host: host, number: uint32(port.Port)})
	}
	for i := range g.IntN(4) {
		g.pod(namespace, fmt.Sprintf("%s-%d", name, i), map[string]string{"app": name, "version": g.one("v1", "v2")}, !g.chance(4))
	}
}

// entryPorts are of each kind of protocol.
func entryPorts() []*networkingapi.ServicePort {
	return []*networkingapi.ServicePort{
		{Name: "http", Number: 80, Protocol: "HTTP"}, {Name: "tls", Number: 443, Protocol: "TLS"},
		{Name: "tcp", Number: 9100, Protocol: "TCP"},
	}
}

func (g *generator) entry(name, host string, location networkingapi.ServiceEntry_Location) *istionetworkingv1.ServiceEntry {
	entry := &istionetworkingv1.ServiceEntry{ObjectMeta: metav1.ObjectMeta{Namespace: namespaces[g.IntN(len(namespaces))], Name: name}}
	entry.Spec.Hosts, entry.Spec.Location, entry.Spec.Ports = []string{host}, location, entryPorts()[:1+g.IntN(3)]
	g.hosts = append(g.hosts, host)
	for _, port := range entry.Spec.Ports {
		g.targets = append(g.targets, target{host: host, number: port.Number})
	}
	g.add(entry)
	return entry
}

func (g *generator) externalEntry() {
	entry := g.entry("partner", external, networkingapi.ServiceEntry_MESH_EXTERNAL)
	entry.Spec.Resolution = networkingapi.ServiceEntry_DNS
	entry.Spec.Addresses = []string{"10.7.0.1"}
}

// internalEntry declares a host of the mesh by its machines, or without saying where they are.
func (g *generator) internalEntry() {
	entry := g.entry("data", internal, networkingapi.ServiceEntry_MESH_INTERNAL)
	switch g.IntN(3) {
	case 0:
		g.class("ServiceEntry with resolution NONE")
		entry.Spec.Resolution = networkingapi.ServiceEntry_NONE
		entry.Spec.Addresses = []string{"10.8.0.0/24"}
	default:
		g.class("ServiceEntry with machines")
		entry.Spec.Resolution = networkingapi.ServiceEntry_STATIC
		entry.Spec.Addresses = []string{"10.8.0.1"}
		for i := range 1 + g.IntN(2) {
			machine := &networkingapi.WorkloadEntry{Address: fmt.Sprintf("10.9.0.%d", i+1), Labels: map[string]string{"version": g.one("v1", "v2")}}
			if g.chance(2) {
				machine.ServiceAccount = "data"
			}
			entry.Spec.Endpoints = append(entry.Spec.Endpoints, machine)
		}
	}
}
