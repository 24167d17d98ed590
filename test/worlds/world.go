package worlds

import (
	"fmt"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// RootNamespace is Istio's root namespace in every world.
const RootNamespace = "istio-system"

var (
	namespaces = []string{RootNamespace, "shop", "bank"}
	apps       = []string{"a", "b", "c"}
	versions   = []string{"v1", "v2"}
	external   = []string{"api.partner.example", "cdn.partner.example", "db.other.example"}
)

// generator draws from one seed.
type generator struct{ *rand.Rand }

// Random returns the world of a seed: everything but the policies, then the policies.
func Random(seed uint64) (cluster []client.Object, policies []*meshtlsv1alpha1.MeshTLSPolicy) {
	g := generator{rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // worlds are repeatable, not secret
	cluster = append(cluster, g.meshConfig())
	for _, namespace := range namespaces {
		cluster = append(cluster, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		for _, app := range apps {
			cluster = append(cluster, g.app(namespace, app)...)
		}
		cluster = append(cluster, g.edge(namespace))
	}
	for i, host := range external {
		cluster = append(cluster, serviceEntry(one(g, namespaces), fmt.Sprintf("external-%d", i), host))
	}
	for i := range 1 + g.IntN(12) {
		policies = append(policies, g.policy(i))
	}
	cluster = append(cluster, g.routes(policies)...)
	fine := generator{rand.New(rand.NewPCG(seed, 4))} //nolint:gosec // worlds are repeatable, not secret
	fine.refine(policies)
	return cluster, policies
}

// one draws one of the choices.
func one[T any](g generator, choices []T) T { return choices[g.IntN(len(choices))] }

// chance is true once in n times.
func (g generator) chance(n int) bool { return g.IntN(n) == 0 }

func (g generator) meshConfig() client.Object {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: RootNamespace, Name: "istio"},
		Data:       map[string]string{"mesh": fmt.Sprintf("enableAutoMtls: %t\n", !g.chance(4))},
	}
}

// app is up to two versions of a workload, mostly with a Service in front.
func (g generator) app(namespace, app string) []client.Object {
	var objects []client.Object
	for _, version := range versions {
		if g.chance(4) {
			continue
		}
		p := pod(namespace, app+"-"+version, map[string]string{"app": app, "version": version})
		p.Spec.Containers[0].Ports = []corev1.ContainerPort{
			{Name: "http", ContainerPort: int32(8080 + g.IntN(2))}, {Name: "metrics", ContainerPort: 9090},
		}
		objects = append(objects, p)
	}
	if g.chance(5) {
		return objects
	}
	return append(objects, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": app},
			Ports: []corev1.ServicePort{
				{Name: "http", Port: 80, TargetPort: intstr.FromString("http")},
				{Name: "metrics", Port: 9000, TargetPort: intstr.FromInt32(9090)},
			},
		},
	})
}

// edge returns a gateway: a proxy and nothing else, or one that Istio's injector made a gateway beside another container.
func (g generator) edge(namespace string) client.Object {
	edge := pod(namespace, "edge", map[string]string{"istio": "ingressgateway"})
	if g.chance(3) {
		edge.Annotations = map[string]string{"inject.istio.io/templates": "gateway"}
		return edge
	}
	edge.Spec.Containers = edge.Spec.Containers[1:]
	return edge
}

func pod(namespace, name string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "app", Image: "app"}, {Name: "istio-proxy", Image: "proxy"},
		}},
	}
}

func serviceEntry(namespace, name, host string) client.Object {
	return &istionetworkingv1.ServiceEntry{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: networkingapi.ServiceEntry{
			Hosts:      []string{host},
			Resolution: networkingapi.ServiceEntry_DNS,
			Ports:      []*networkingapi.ServicePort{{Number: 443, Name: "tls", Protocol: "TLS"}, {Number: 8443, Name: "tls-alt", Protocol: "TLS"}},
		},
	}
}

// epoch is when the oldest policy may have been made.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

func (g generator) metadata(i int) metav1.ObjectMeta {
	m := metav1.ObjectMeta{
		Namespace: one(g, namespaces), Name: fmt.Sprintf("p-%02d", i), UID: policyUID(i), Generation: 1,
		CreationTimestamp: metav1.NewTime(epoch.Add(time.Duration(g.IntN(4)) * time.Hour)),
	}
	if g.chance(8) {
		m.Labels = map[string]string{meshtlsv1alpha1.LabelRevision: "canary"}
	}
	return m
}
