package worlds

import (
	"math/rand/v2"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	typeapi "istio.io/api/type/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Drawn is a world with the classes of what makes it wider than the worlds of Random.
type Drawn struct {
	Cluster  []client.Object
	Policies []*meshtlsv1alpha1.MeshTLSPolicy
	Classes  []string
	// Before is what the world was when the operator first saw it; nil: what it is.
	Before *Past
}

// widening adds something of a class to a world, once in so many worlds.
type widening struct {
	class string
	once  int
	widen func(g generator, d *Drawn)
}

var widenings = []widening{
	{"pods without a proxy", 4, withoutProxies},
	{"Sidecars", 5, withSidecar},
	{"discoverySelectors", 6, withDiscoverySelectors},
	{"Ingresses", 6, withIngress},
	{"foreign subsets", 4, withSubsets},
	{"selecting wildcards", 5, withSelectingWildcard},
	{"servers without VirtualServices", 4, withoutRoutes},
	{"hosts declared twice", 5, withTwin},
	{"servers in the cluster behind ServiceEntries", 5, withMeshEntry},
	{"wildcard ServiceEntries", 6, withWildcardEntry},
	{"ExternalNames", 6, withExternalName},
	{"headless Services", 6, withHeadless},
	{"Services without selector", 6, withSlices},
	{"machines", 6, withMachine},
	{"unprivileged gateways", 6, withUnprivilegedGateway},
	{"gateways behind Services", 4, withGatewayService},
	{"interception NONE", 8, withoutInterception},
	{"REGISTRY_ONLY", 8, withRegistryOnly},
	{"private DestinationRules by default", 8, withPrivateRules},
	{"private VirtualServices by default", 10, withPrivateRoutes},
	{"protocols", 6, withProtocols},
	{"a history", 4, withHistory},
}

// Classes returns the names of all that makes worlds wide.
func Classes() []string {
	names := make([]string, len(widenings))
	for i, w := range widenings {
		names[i] = w.class
	}
	return names
}

// Wide returns the world of a seed, made wider: it has more of what users have.
func Wide(seed uint64) Drawn {
	cluster, policies := Random(seed)
	d := Drawn{Cluster: cluster, Policies: policies}
	g := generator{rand.New(rand.NewPCG(seed, 3))} //nolint:gosec // worlds are repeatable, not secret
	for _, w := range widenings {                  // the last sees what the others have made
		if g.chance(w.once) {
			d.Classes = append(d.Classes, w.class)
			w.widen(g, &d)
		}
	}
	return d
}

func (d *Drawn) add(objects ...client.Object) { d.Cluster = append(d.Cluster, objects...) }

func every[T client.Object](d *Drawn) []T {
	var all []T
	for _, o := range d.Cluster {
		if typed, is := o.(T); is {
			all = append(all, typed)
		}
	}
	return all
}

func (g generator) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: one(g, namespaces), Name: name, CreationTimestamp: metav1.NewTime(epoch.AddDate(0, 0, -1-g.IntN(100))),
	}
}

// appPods returns the pods with an application and a proxy.
func appPods(d *Drawn) []*corev1.Pod {
	return slices.DeleteFunc(every[*corev1.Pod](d), func(p *corev1.Pod) bool { return p.Labels["app"] == "" })
}

func withoutProxies(g generator, d *Drawn) {
	for _, p := range appPods(d) {
		if g.chance(4) {
			p.Spec.Containers = p.Spec.Containers[:1]
		}
	}
}

func withSidecar(g generator, d *Drawn) {
	s := &istionetworkingv1.Sidecar{ObjectMeta: g.named("egress")}
	if g.chance(2) && s.Namespace != RootNamespace {
		s.Spec.WorkloadSelector = &networkingapi.WorkloadSelector{Labels: map[string]string{"app": one(g, apps)}}
	}
	s.Spec.Egress = []*networkingapi.IstioEgressListener{{Hosts: one(g, [][]string{
		{"./*", RootNamespace + "/*"}, {"./*"}, {"*/*"}, {"shop/*", "*/api.partner.example"}, {"*/*.local"}, {"*/*", "~bank/*"},
	})}}
	d.add(s)
}

func withDiscoverySelectors(g generator, d *Drawn) {
	config := every[*corev1.ConfigMap](d)[0]
	config.Data["mesh"] += "discoverySelectors:\n- matchLabels: {mesh: \"on\"}\n"
	for _, n := range every[*corev1.Namespace](d) {
		if n.Name == RootNamespace || !g.chance(3) {
			n.Labels = labelled(n.Labels, "mesh", "on")
		}
	}
}

func withIngress(g generator, d *Drawn) {
	class := "istio"
	meta := g.named("ingress")
	meta.Annotations = map[string]string{"kubernetes.io/ingress.class": class}
	backend := networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
		Name: one(g, apps), Port: networkingv1.ServiceBackendPort{Number: 80},
	}}
	prefix := networkingv1.PathTypePrefix
	host := one(g, []string{"shop.example.com", "bank.example.com", "other.example.com"})
	d.add(&networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{
		TLS: []networkingv1.IngressTLS{{Hosts: []string{host}, SecretName: "ingress-cert"}},
		Rules: []networkingv1.IngressRule{{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{
			HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{Path: "/", PathType: &prefix, Backend: backend}}},
		}}},
	}})
}

func withSubsets(g generator, d *Drawn) {
	rule := &istionetworkingv1.DestinationRule{ObjectMeta: g.named("subsets")}
	rule.Spec.Host = one(g, apps) + "." + rule.Namespace + ".svc.cluster.local"
	for _, version := range versions {
		subset := &networkingapi.Subset{Name: version, Labels: map[string]string{"version": version}}
		if g.chance(2) {
			subset.TrafficPolicy = &networkingapi.TrafficPolicy{Tls: &networkingapi.ClientTLSSettings{Mode: one(g,
				[]networkingapi.ClientTLSSettings_TLSmode{
					networkingapi.ClientTLSSettings_DISABLE, networkingapi.ClientTLSSettings_ISTIO_MUTUAL, networkingapi.ClientTLSSettings_SIMPLE,
				})}}
		}
		rule.Spec.Subsets = append(rule.Spec.Subsets, subset)
	}
	vs := &istionetworkingv1.VirtualService{ObjectMeta: rule.ObjectMeta}
	vs.Spec.Hosts = []string{rule.Spec.Host}
	to := &networkingapi.Destination{Host: rule.Spec.Host, Subset: one(g, versions)}
	vs.Spec.Http = []*networkingapi.HTTPRoute{{Route: []*networkingapi.HTTPRouteDestination{{Destination: to}}}}
	d.add(rule, vs)
}

func withSelectingWildcard(g generator, d *Drawn) {
	rule := &istionetworkingv1.DestinationRule{ObjectMeta: g.named("wildcard")}
	rule.Spec.Host = one(g, []string{"*.partner.example", "*.local", "*.shop.svc.cluster.local"})
	rule.Spec.WorkloadSelector = &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": one(g, apps)}}
	rule.Spec.TrafficPolicy = &networkingapi.TrafficPolicy{Tls: &networkingapi.ClientTLSSettings{Mode: one(g,
		[]networkingapi.ClientTLSSettings_TLSmode{
			networkingapi.ClientTLSSettings_DISABLE, networkingapi.ClientTLSSettings_ISTIO_MUTUAL, networkingapi.ClientTLSSettings_SIMPLE,
		})}}
	d.add(rule)
}

// withoutRoutes takes routes away: of two servers in three somebody forgot them.
func withoutRoutes(g generator, d *Drawn) {
	d.Cluster = slices.DeleteFunc(d.Cluster, func(o client.Object) bool {
		vs, is := o.(*istionetworkingv1.VirtualService)
		return is && len(vs.Spec.Gateways) > 0 && !g.chance(3)
	})
}

func withTwin(g generator, d *Drawn) {
	meta := g.named("twin")
	twin := serviceEntry(meta.Namespace, meta.Name, one(g, external)).(*istionetworkingv1.ServiceEntry)
	twin.CreationTimestamp = meta.CreationTimestamp
	if g.chance(3) {
		twin.Spec.ExportTo = []string{"."}
	}
	d.add(twin)
}

func withMeshEntry(g generator, d *Drawn) {
	meta := g.named("internal")
	entry := serviceEntry(meta.Namespace, meta.Name, "db.other.example").(*istionetworkingv1.ServiceEntry)
	entry.Spec.Hosts, entry.CreationTimestamp = []string{"api.nowhere.example"}, meta.CreationTimestamp
	entry.Spec.Location = networkingapi.ServiceEntry_MESH_INTERNAL
	entry.Spec.Ports = []*networkingapi.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP", TargetPort: 8080}}
	switch g.IntN(3) {
	case 0:
		entry.Spec.Resolution = networkingapi.ServiceEntry_NONE
	case 1:
		entry.Spec.Resolution = networkingapi.ServiceEntry_STATIC
		entry.Spec.Endpoints = []*networkingapi.WorkloadEntry{{Address: "192.0.2.9"}, {Address: "192.0.2.10", ServiceAccount: "db"}}
	default:
		entry.Spec.Resolution = networkingapi.ServiceEntry_STATIC
		entry.Spec.WorkloadSelector = &networkingapi.WorkloadSelector{Labels: map[string]string{"app": one(g, apps)}}
	}
	d.add(entry)
}

func withWildcardEntry(g generator, d *Drawn) {
	meta := g.named("wildcard")
	entry := serviceEntry(meta.Namespace, meta.Name, "*.partner.example").(*istionetworkingv1.ServiceEntry)
	entry.Spec.Resolution, entry.CreationTimestamp = networkingapi.ServiceEntry_NONE, meta.CreationTimestamp
	d.add(entry)
}

func withExternalName(g generator, d *Drawn) {
	d.add(&corev1.Service{ObjectMeta: g.named("alias"), Spec: corev1.ServiceSpec{
		Type:         corev1.ServiceTypeExternalName,
		ExternalName: one(g, []string{"a.shop.svc.cluster.local", "api.partner.example", "elsewhere.example"}),
		Ports:        []corev1.ServicePort{{Name: "http", Port: 80}},
	}})
}

func withHeadless(g generator, d *Drawn) {
	for _, s := range every[*corev1.Service](d) {
		if g.chance(4) && s.Spec.Type == "" {
			s.Spec.ClusterIP = corev1.ClusterIPNone
		}
	}
}

// withSlices adds a Service that was given the address of a pod, or of a machine.
func withSlices(g generator, d *Drawn) {
	p := one(g, appPods(d))
	address := "192.0.2.20"
	if !g.chance(3) {
		address = "10.1.9.9"
		p.Status.PodIP, p.Status.PodIPs = address, []corev1.PodIP{{IP: address}}
	}
	meta := g.named("by-hand")
	name, number, ready := "http", int32(8080), true
	ports := []corev1.ServicePort{{Name: name, Port: 80, TargetPort: intstr.FromInt32(number)}}
	d.add(&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Ports: ports}},
		&discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: meta.Namespace, Name: "by-hand-1", Labels: map[string]string{discoveryv1.LabelServiceName: meta.Name},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &number}},
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
		})
}

func withMachine(g generator, d *Drawn) {
	machine := &istionetworkingv1.WorkloadEntry{ObjectMeta: g.named("machine")}
	machine.Spec.Address, machine.Spec.Labels = "192.0.2.30", map[string]string{"app": one(g, apps)}
	if g.chance(2) {
		machine.Spec.ServiceAccount = "machine"
	}
	if g.chance(2) {
		machine.Spec.Ports = map[string]uint32{"http": 9001}
	}
	d.add(machine)
}

func gatewayPods(d *Drawn) []*corev1.Pod {
	return slices.DeleteFunc(every[*corev1.Pod](d), func(p *corev1.Pod) bool { return p.Labels["istio"] == "" })
}

func withUnprivilegedGateway(g generator, d *Drawn) {
	p := one(g, gatewayPods(d))
	for i := range p.Spec.Containers {
		if p.Spec.Containers[i].Name == "istio-proxy" {
			p.Spec.Containers[i].Env = []corev1.EnvVar{{Name: "ISTIO_META_UNPRIVILEGED_POD", Value: "true"}}
		}
	}
}

// withGatewayService puts a Service before the gateway's pods: its ports lead to others.
func withGatewayService(g generator, d *Drawn) {
	meta := g.named("edge")
	if g.chance(4) {
		meta.Labels = map[string]string{"experimental.istio.io/disable-gateway-port-translation": "true"}
	}
	d.add(&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"istio": "ingressgateway"},
		Ports: []corev1.ServicePort{
			{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)},
			{Name: "https", Port: 443, TargetPort: intstr.FromInt32(one(g, []int32{8443, 10443}))},
		},
	}})
}

func withoutInterception(g generator, d *Drawn) {
	p := one(g, appPods(d))
	p.Annotations = map[string]string{"sidecar.istio.io/interceptionMode": "NONE"}
}

func labelled(labels map[string]string, key, value string) map[string]string {
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	return labels
}
