package oracle

import (
	"fmt"
	"slices"
	"testing"

	meshapi "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

// Old is when the objects of a world were made that do not say so themselves.
var Old = metav1.NewTime(Written.AddDate(-1, 0, 0))

// Mesh is Istio with a world loaded.
type Mesh struct {
	t *testing.T
	// number is its name where Istio runs.
	number  int
	cluster cluster
	config  *meshapi.MeshConfig
	// revision is the control plane's; empty: the default one's.
	revision string
	proxies  map[proxyKey]*Proxy
}

type proxyKey struct {
	pod    types.NamespacedName
	router bool
}

// NewMesh loads a world into Istio's control plane of a revision; empty: the default one. Objects that name another revision are
// not for it. It stops with the test.
func NewMesh(t *testing.T, world World, revision string) *Mesh {
	t.Helper()
	reader, err := world.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := newCluster(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := Shown(cluster.objects(), istioObjects(world, revision))
	if err != nil {
		t.Fatal(err)
	}
	shown.MeshConfig = meshConfig(t, reader, revision)
	number, config := Load(t, shown)
	return &Mesh{t: t, cluster: cluster, config: config, revision: revision, proxies: map[proxyKey]*Proxy{}, number: number}
}

// Load shows Istio a world until the test ends, and returns the name that it has there, and the mesh config with Istio's defaults.
func Load(t *testing.T, world wire.World) (int, *meshapi.MeshConfig) {
	t.Helper()
	var loaded wire.Loaded
	if err := ask("Load", world, &loaded); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ask("Drop", loaded.Mesh, &wire.Nothing{}); err != nil {
			t.Error(err)
		}
	})
	return loaded.Mesh, decoded[meshapi.MeshConfig](t, [][]byte{loaded.MeshConfig})[0]
}

// Ambient returns what Istio tells the ztunnels of a world.
func Ambient(t *testing.T, world wire.World) wire.Ambient {
	t.Helper()
	var told wire.Ambient
	if err := ask("Ambient", world, &told); err != nil {
		t.Fatal(err)
	}
	return told
}

// Shown returns the world of some core objects and some of Istio's, as Istio is shown it.
func Shown(core []runtime.Object, istio World) (wire.World, error) {
	var shown wire.World
	for _, object := range core {
		content, err := runtime.Encode(coreCodec, object)
		if err != nil {
			return wire.World{}, fmt.Errorf("encoding %T: %w", object, err)
		}
		shown.Kubernetes = append(shown.Kubernetes, content)
	}
	for _, object := range istio {
		content, err := object.MarshalJSON()
		if err != nil {
			return wire.World{}, fmt.Errorf("encoding %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
		}
		shown.Istio = append(shown.Istio, content)
	}
	return shown, nil
}

var coreCodec = scheme.Codecs.LegacyCodec(corev1.SchemeGroupVersion, discoveryv1.SchemeGroupVersion, networkingv1.SchemeGroupVersion)

// istioObjects returns those that a control plane of the revision reads. An object without a revision is for all.
func istioObjects(world World, revision string) World {
	var all World
	for _, object := range world {
		label := object.GetLabels()[meshtlsv1alpha1.LabelRevision]
		if !isIstios(object) || (label != "" && label != revision) {
			continue
		}
		all = append(all, dated(object))
	}
	return all
}

// isIstios reports whether an object is of one of Istio's kinds.
func isIstios(object *unstructured.Unstructured) bool {
	return slices.Contains([]string{"security.istio.io", "networking.istio.io"}, object.GroupVersionKind().Group)
}

func dated(object *unstructured.Unstructured) *unstructured.Unstructured {
	if created := object.GetCreationTimestamp(); !created.IsZero() {
		return object
	}
	copied := object.DeepCopy()
	copied.SetCreationTimestamp(Old)
	return copied
}

// meshConfig returns the mesh config of the world's ConfigMap for the revision; one that has none of its own has the default one's.
func meshConfig(t *testing.T, reader *source.Reader, revision string) string {
	t.Helper()
	var configMap corev1.ConfigMap
	for _, name := range []string{gather.MeshConfigMap + "-" + revision, gather.MeshConfigMap} {
		key := client.ObjectKey{Namespace: gather.DefaultIstioNamespace, Name: name}
		err := reader.Get(t.Context(), key, &configMap)
		if err == nil {
			break
		}
		if !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	return configMap.Data["mesh"]
}

// Pods returns the world's, those of controllers' templates included.
func (m *Mesh) Pods() []corev1.Pod { return m.cluster.pods }

// PodsServed returns the pods whose proxies the control plane of the revision configures: where namespaces say which they want, those of
// the namespaces that want this one.
func (m *Mesh) PodsServed() []corev1.Pod {
	revisions, said := map[string]string{}, false
	for i := range m.cluster.namespaces {
		n := &m.cluster.namespaces[i]
		revisions[n.Name] = n.Labels[meshtlsv1alpha1.LabelRevision]
		said = said || revisions[n.Name] != ""
	}
	if !said {
		return m.cluster.pods
	}
	return slices.DeleteFunc(slices.Clone(m.cluster.pods), func(p corev1.Pod) bool { return revisions[p.Namespace] != m.revision })
}

// AutoMTLS reports whether clients use mutual TLS of themselves.
func (m *Mesh) AutoMTLS() bool { return m.config.GetEnableAutoMtls().GetValue() }

// RegistryOnly reports whether sidecars refuse calls of hosts that they do not know.
func (m *Mesh) RegistryOnly() bool {
	return m.config.GetOutboundTrafficPolicy().GetMode() == meshapi.MeshConfig_OutboundTrafficPolicy_REGISTRY_ONLY
}

// Services returns the world's.
func (m *Mesh) Services() []corev1.Service { return m.cluster.services }

// Sidecar returns the proxy beside a pod's application, and Gateway the proxy that a pod is.
func (m *Mesh) Sidecar(pod types.NamespacedName) *Proxy { return m.proxy(pod, false) }

// Gateway returns the proxy that a pod is, if it is a gateway: else it is no router, and serves nothing.
func (m *Mesh) Gateway(name types.NamespacedName) *Proxy {
	if !m.IsGateway(name) {
		return m.Sidecar(name)
	}
	return m.proxy(name, true)
}

// IsGateway reports whether the pod is a gateway, or is not there at all.
func (m *Mesh) IsGateway(name types.NamespacedName) bool {
	return !slices.ContainsFunc(m.cluster.pods, func(pod corev1.Pod) bool { return nameOf(&pod) == name && !isRouter(&pod) })
}

func (m *Mesh) proxy(name types.NamespacedName, router bool) *Proxy {
	m.t.Helper()
	if known := m.proxies[proxyKey{name, router}]; known != nil {
		return known
	}
	at := slices.IndexFunc(m.cluster.pods, func(p corev1.Pod) bool { return p.Namespace == name.Namespace && p.Name == name.Name })
	if at < 0 {
		m.t.Fatalf("the world has no pod %s; it has %v", name, m.podNames())
	}
	m.proxies[proxyKey{name, router}] = &Proxy{mesh: m, pod: &m.cluster.pods[at], router: router}
	return m.proxies[proxyKey{name, router}]
}

func (m *Mesh) podNames() []string {
	names := make([]string, 0, len(m.cluster.pods))
	for i := range m.cluster.pods {
		names = append(names, fmt.Sprintf("%s/%s", m.cluster.pods[i].Namespace, m.cluster.pods[i].Name))
	}
	return names
}

func nameOf(pod *corev1.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
}
