package faults

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// policies are specs by name. NAMESPACE stands for the namespace's name.
type policies map[string]string

// change is from one set of policies to another.
type change struct {
	name          string
	before, after policies
}

// changes are those that every fault is tried on.
var changes = []change{
	{
		name:   "a namespace is loosened, and a workload shielded",
		before: policies{"all": "{accept: {mode: Strict}}"},
		after: policies{
			"all": "{accept: {mode: Permissive}}",
			"a":   "{workload: {selector: {matchLabels: {app: a}}}, accept: {mode: Strict}}",
			"b":   "{workload: {selector: {matchLabels: {app: b}}}, accept: {mode: Strict, ports: [{port: 8080, mode: Permissive}]}}",
		},
	},
	{
		name: "a namespace is tightened, and workloads follow it",
		before: policies{
			"all": "{accept: {mode: Permissive}}",
			"a":   "{workload: {selector: {matchLabels: {app: a}}}, accept: {mode: Strict}}",
			"b":   "{workload: {selector: {matchLabels: {app: b}}}, accept: {ports: [{port: 8080, mode: Strict}]}}",
		},
		// The policies stay: Kubernetes collects what deleted ones leave at once, whatever the others are to become.
		after: policies{
			"all": "{accept: {mode: Strict}}",
			"a":   "{workload: {selector: {matchLabels: {app: a}}}, accept: {mode: Inherit}}",
			"b":   "{workload: {selector: {matchLabels: {app: b}}}, accept: {mode: Inherit}}",
		},
	},
	{
		name:   "clients send plaintext, but for those of a workload",
		before: policies{"all": "{send: [{hosts: [partner.NAMESPACE.example], mode: Simple}]}"},
		after: policies{
			"all": "{send: [{hosts: [partner.NAMESPACE.example], mode: Disable}]}",
			"a":   "{workload: {selector: {matchLabels: {app: a}}}, send: [{hosts: [partner.NAMESPACE.example], mode: Simple}]}",
		},
	},
	{
		name: "a server and its clients turn from plaintext to mutual TLS",
		before: policies{
			"a":  "{workload: {selector: {matchLabels: {app: a}}}, accept: {mode: Permissive}}",
			"to": "{send: [{hosts: [a], mode: Disable}]}",
		},
		after: policies{
			"a":  "{workload: {selector: {matchLabels: {app: a}}}, accept: {mode: Strict}}",
			"to": "{send: [{hosts: [a], mode: IstioMutual}]}",
		},
	},
	{
		name: "a host moves from one policy of a gateway to another",
		before: policies{
			"edge": "{gateway: {selector: {matchLabels: {app: edge-NAMESPACE}}}, " +
				"terminate: [{port: 443, hosts: [shop.NAMESPACE.example, web.NAMESPACE.example], credentialName: c}]}",
		},
		after: policies{
			"edge": "{gateway: {selector: {matchLabels: {app: edge-NAMESPACE}}}, " +
				"terminate: [{port: 443, hosts: [shop.NAMESPACE.example], credentialName: c, mode: Mutual}]}",
			"web": "{gateway: {selector: {matchLabels: {app: edge-NAMESPACE}}}, " +
				"terminate: [{port: 443, hosts: [web.NAMESPACE.example], credentialName: c}]}",
		},
	},
}

// newWorld makes a namespace with the pods, Services and hosts that the changes speak of.
func newWorld(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "fault-"}}
	must(t, admin.Create(ctx, namespace))
	t.Cleanup(func() { must(t, client.IgnoreNotFound(admin.Delete(context.Background(), namespace))) })
	name := namespace.Name
	for _, app := range []string{"a", "b"} {
		must(t, admin.Create(ctx, podOf(name, app, corev1.Container{
			Name: "app", Image: "app", Ports: []corev1.ContainerPort{{ContainerPort: 8080}},
		})))
		must(t, admin.Create(ctx, &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: app},
			Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": app}, Ports: []corev1.ServicePort{{Name: "http", Port: 8080}}},
		}))
	}
	must(t, admin.Create(ctx, podOf(name, "edge-"+name)))
	must(t, admin.Create(ctx, &istionetworkingv1.ServiceEntry{
		ObjectMeta: metav1.ObjectMeta{Namespace: istioNamespace, Name: "partner-" + name},
		Spec: networkingapi.ServiceEntry{
			Hosts: []string{"partner." + name + ".example"}, Location: networkingapi.ServiceEntry_MESH_EXTERNAL,
			Resolution: networkingapi.ServiceEntry_DNS, Ports: []*networkingapi.ServicePort{{Number: 443, Name: "http", Protocol: "HTTP"}},
		},
	}))
	return name
}

// podOf returns a pod with a proxy, and containers beside it.
func podOf(namespace, app string, beside ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app, Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: ptr.To(false), Containers: append(beside, corev1.Container{Name: "istio-proxy", Image: "proxy"}),
		},
	}
}

// set makes the namespace's policies these.
func set(t *testing.T, namespace string, want policies) {
	t.Helper()
	var live meshtlsv1alpha1.MeshTLSPolicyList
	must(t, admin.List(t.Context(), &live, client.InNamespace(namespace)))
	there := map[string]*meshtlsv1alpha1.MeshTLSPolicy{}
	for i := range live.Items {
		there[live.Items[i].Name] = &live.Items[i]
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		object := policyOf(t, namespace, name, want[name])
		if old := there[name]; old != nil {
			object.SetResourceVersion(old.ResourceVersion)
			must(t, admin.Update(t.Context(), object))
		} else {
			must(t, admin.Create(t.Context(), object))
		}
		delete(there, name)
	}
	for _, gone := range there {
		must(t, admin.Delete(t.Context(), gone))
	}
}

func policyOf(t *testing.T, namespace, name, spec string) *unstructured.Unstructured {
	t.Helper()
	var content map[string]any
	must(t, yaml.UnmarshalStrict([]byte(strings.ReplaceAll(spec, "NAMESPACE", namespace)), &content))
	object := &unstructured.Unstructured{Object: map[string]any{"spec": content}}
	object.SetGroupVersionKind(meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy"))
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
