package analyzers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	yamlstream "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

// istioModule is the folder of Istio's module.
var istioModule = sync.OnceValues(func() (string, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	return strings.TrimSpace(string(dir)), err
})

func folderOfIstio(t *testing.T, path ...string) string {
	t.Helper()
	module, err := istioModule()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{module}, path...)...)
}

// inventoryOf returns the mesh of the manifests, as far as they can be read: Istio's inputs hold what is wrong on purpose.
func inventoryOf(t *testing.T, manifest []byte) model.Inventory {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{source.Stdin}, source.Options{Stdin: bytes.NewReader(manifest)})
	if reader == nil {
		t.Fatal(err)
	}
	mesh, err := gather.Inventory(t.Context(), reader, time.Now(), gather.Options{CredentialNamespaces: reader.Namespaces()})
	if err != nil {
		t.Fatal(err)
	}
	return mesh
}

// manifestsOf returns the documents of a file, each with the namespace that it leaves out: Istio's analyzers know of no default. What is
// no object is left out.
func manifestsOf(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file) // #nosec G304 -- a file of Istio's module
	if err != nil {
		t.Fatal(err)
	}
	var manifest []byte
	for documents := yamlstream.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096); ; {
		object := unstructured.Unstructured{}
		err := documents.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return manifest
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if object.GetKind() == "" {
			continue
		}
		if object.GetNamespace() == "" && object.GetKind() != model.KindNamespace {
			object.SetNamespace(metav1.NamespaceDefault)
		}
		manifest = with(t, manifest, &object)
	}
}

// with adds an object to the manifests.
func with(t *testing.T, manifest []byte, object any) []byte {
	t.Helper()
	document, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(manifest, "---\n"...), document...)
}

// withGatewayPods adds a pod for each Gateway that selects none: nothing is at stake in a gateway without pods.
func withGatewayPods(t *testing.T, manifest []byte) []byte {
	t.Helper()
	mesh := inventoryOf(t, manifest)
	for i, gateway := range mesh.Gateways {
		if !selectsPods(mesh, gateway) {
			manifest = with(t, manifest, pod("istio-system", fmt.Sprintf("gateway-%d", i), gateway.Spec.Selector, "istio-proxy"))
		}
	}
	return manifest
}

func selectsPods(mesh model.Inventory, gateway *istionetworkingv1.Gateway) bool {
	for _, w := range mesh.Workloads {
		if pods.Matches(gateway.Spec.Selector, w.Labels) {
			return true
		}
	}
	return false
}

// withNeighbours adds a Service to each namespace that a DestinationRule's host is of: where no Service is known lint does not say that
// one is missing.
func withNeighbours(t *testing.T, manifest []byte) []byte {
	t.Helper()
	for _, rule := range inventoryOf(t, manifest).DestinationRules {
		if namespace, _, ok := hosts.Default.Service(hosts.Default.Qualify(rule.Spec.Host, rule.Namespace)); ok {
			manifest = with(t, manifest, service(namespace, "neighbour-of-"+rule.Name, 80))
		}
	}
	return manifest
}

// withDestinations adds the Services that the DestinationRules name, with what they lead to and who calls them.
func withDestinations(t *testing.T, manifest []byte) []byte {
	t.Helper()
	for _, rule := range inventoryOf(t, manifest).DestinationRules {
		namespace, name, ok := hosts.Default.Service(hosts.Default.Qualify(rule.Spec.Host, rule.Namespace))
		if !ok {
			continue
		}
		manifest = with(t, manifest, service(namespace, name, 443))
		manifest = with(t, manifest, pod(namespace, name, map[string]string{"app": name}, "app"))
		manifest = with(t, manifest, pod(rule.Namespace, "caller-of-"+rule.Name, rule.Spec.GetWorkloadSelector().GetMatchLabels(), "app", "istio-proxy"))
	}
	return manifest
}

func service(namespace, name string, port int32) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": name},
			Ports:    []corev1.ServicePort{{Name: "tcp", Port: port, Protocol: corev1.ProtocolTCP}},
		},
	}
}

func pod(namespace, name string, labels map[string]string, containers ...string) runtime.Object {
	p := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
	}
	for _, container := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: container, Image: container})
	}
	return p
}

// withAnotherGatewayPod adds a gateway that is not meant: lint says that pods are missing only where it sees some.
func withAnotherGatewayPod(t *testing.T, manifest []byte) []byte {
	t.Helper()
	return with(t, manifest, pod("istio-system", "another", map[string]string{"istio": "another"}, "istio-proxy"))
}

// withGatewayServices adds gateway pods, with a Service that leads to a port of no Gateway: lint says that a port is missing only where
// there is a Service that could have it.
func withGatewayServices(t *testing.T, manifest []byte) []byte {
	t.Helper()
	manifest = withGatewayPods(t, manifest)
	mesh := inventoryOf(t, manifest)
	for i, w := range mesh.Workloads {
		if w.Gateway && !slices.ContainsFunc(mesh.Services, func(s model.Service) bool { return leadsTo(s, w) }) {
			s := service(w.Namespace, fmt.Sprintf("gateway-%d", i), 12345)
			s.Spec.Selector = w.Labels
			manifest = with(t, manifest, s)
		}
	}
	return manifest
}

func leadsTo(s model.Service, w *model.Workload) bool {
	return s.Namespace == w.Namespace && len(s.Selector) > 0 && pods.Matches(s.Selector, w.Labels)
}

// withRoutes adds a pod behind the host of each DestinationRule, and routes to its subsets: where nobody is sent to a subset it does not
// matter that it has no pods.
func withRoutes(t *testing.T, manifest []byte) []byte {
	t.Helper()
	mesh := inventoryOf(t, manifest)
	for _, rule := range mesh.DestinationRules {
		host := hosts.Default.Qualify(rule.Spec.Host, rule.Namespace)
		for _, s := range mesh.Services {
			if hosts.Default.OfService(s.Namespace, s.Name) == host && len(s.Selector) > 0 {
				manifest = with(t, manifest, pod(s.Namespace, "behind-"+s.Name, s.Selector, "app"))
			}
		}
		for _, subset := range rule.Spec.Subsets {
			manifest = with(t, manifest, route(rule.Namespace, rule.Name+"-"+subset.Name, host, subset.Name))
		}
	}
	return manifest
}

func route(namespace, name, host, subset string) runtime.Object {
	return &istionetworkingv1.VirtualService{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.istio.io/v1", Kind: model.KindVirtualService},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: networkingapi.VirtualService{Hosts: []string{name + ".example"}, Http: []*networkingapi.HTTPRoute{{
			Route: []*networkingapi.HTTPRouteDestination{{Destination: &networkingapi.Destination{Host: host, Subset: subset}}},
		}}},
	}
}
