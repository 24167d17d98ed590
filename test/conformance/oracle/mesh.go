package oracle

import (
	"fmt"
	"slices"
	"testing"

	meshapi "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	istioconfig "istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/constants"
	istiomesh "istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/labelselector"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/source"
)

// Old is when the objects of a world were made that do not say so themselves.
var Old = metav1.NewTime(Written.AddDate(-1, 0, 0))

// Mesh is Istio with a world loaded.
type Mesh struct {
	t       *testing.T
	server  *xds.FakeDiscoveryServer
	cluster cluster
	config  *meshapi.MeshConfig
	// revision is the control plane's; empty: the default one's.
	revision string
	proxies  map[proxyKey]*Proxy
}

type proxyKey struct {
	pod  types.NamespacedName
	kind istiomodel.NodeType
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
	config := meshConfig(t, reader, revision)
	seen := discovered(t, config, cluster.namespaces)
	server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
		KubernetesObjects: cluster.objects(seen), Configs: configs(t, istioObjects(world, revision), seen), MeshConfig: config,
	})
	return &Mesh{t: t, cluster: cluster, config: config, revision: revision, proxies: map[proxyKey]*Proxy{}, server: server}
}

// domain is what the names of Services end in, by which short hosts are made whole.
const domain = "cluster.local"

// configs returns the objects as Istio reads them from a cluster, of the namespaces that it looks into.
func configs(t *testing.T, world World, seen func(namespace string) bool) []istioconfig.Config {
	t.Helper()
	stream, err := world.YAML()
	if err != nil {
		t.Fatal(err)
	}
	parsed, _, err := crd.ParseInputs(string(stream))
	if err != nil {
		t.Fatal(err)
	}
	var all []istioconfig.Config
	for _, config := range parsed {
		if seen(config.Namespace) {
			config.Domain = domain
			all = append(all, config)
		}
	}
	return all
}

// discovered says which namespaces the control plane looks into.
func discovered(t *testing.T, config *meshapi.MeshConfig, namespaces []corev1.Namespace) func(namespace string) bool {
	t.Helper()
	if len(config.GetDiscoverySelectors()) == 0 {
		return func(string) bool { return true }
	}
	chosen := map[string]bool{"": true}
	for _, selector := range config.GetDiscoverySelectors() {
		matches, err := labelselector.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		for i := range namespaces {
			chosen[namespaces[i].Name] = chosen[namespaces[i].Name] || matches.Matches(labels.Set(namespaces[i].Labels))
		}
	}
	return func(namespace string) bool { return chosen[namespace] }
}

// istioObjects returns those that a control plane of the revision reads. An object without a revision is for all.
func istioObjects(world World, revision string) World {
	groups := []string{"security.istio.io", "networking.istio.io"}
	var all World
	for _, object := range world {
		label := object.GetLabels()[meshtlsv1alpha1.LabelRevision]
		if !slices.Contains(groups, object.GroupVersionKind().Group) || (label != "" && label != revision) {
			continue
		}
		all = append(all, dated(object))
	}
	return all
}

func dated(object *unstructured.Unstructured) *unstructured.Unstructured {
	if created := object.GetCreationTimestamp(); !created.IsZero() {
		return object
	}
	copied := object.DeepCopy()
	copied.SetCreationTimestamp(Old)
	return copied
}

// meshConfig returns what Istio makes of the world's ConfigMap for the revision; one that has none of its own has the default one's.
func meshConfig(t *testing.T, reader *source.Reader, revision string) *meshapi.MeshConfig {
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
	config, err := istiomesh.ApplyMeshConfigDefaults(configMap.Data["mesh"])
	if err != nil {
		t.Fatalf("the world's mesh config: %v", err)
	}
	return config
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
func (m *Mesh) Sidecar(pod types.NamespacedName) *Proxy { return m.proxy(pod, istiomodel.SidecarProxy) }

// Gateway returns the proxy that a pod is, if it is a gateway: else it is no router, and serves nothing.
func (m *Mesh) Gateway(name types.NamespacedName) *Proxy {
	if !m.IsGateway(name) {
		return m.Sidecar(name)
	}
	return m.proxy(name, istiomodel.Router)
}

// IsGateway reports whether the pod is a gateway, or is not there at all.
func (m *Mesh) IsGateway(name types.NamespacedName) bool {
	return !slices.ContainsFunc(m.cluster.pods, func(pod corev1.Pod) bool { return nameOf(&pod) == name && !isRouter(&pod) })
}

func (m *Mesh) proxy(name types.NamespacedName, kind istiomodel.NodeType) *Proxy {
	m.t.Helper()
	if known := m.proxies[proxyKey{name, kind}]; known != nil {
		return known
	}
	at := slices.IndexFunc(m.cluster.pods, func(p corev1.Pod) bool { return p.Namespace == name.Namespace && p.Name == name.Name })
	if at < 0 {
		m.t.Fatalf("the world has no pod %s; it has %v", name, m.podNames())
	}
	pod := &m.cluster.pods[at]
	node := m.server.SetupProxy(&istiomodel.Proxy{
		Type: kind, ID: name.Name + "." + name.Namespace, ConfigNamespace: name.Namespace, Labels: pod.Labels,
		IPAddresses: []string{pod.Status.PodIP},
		Metadata: &istiomodel.NodeMetadata{
			Namespace: name.Namespace, Labels: pod.Labels, ClusterID: constants.DefaultClusterName, IstioVersion: "1.31.0",
			InterceptionMode: istiomodel.TrafficInterceptionMode(pod.Annotations[annotationInterception]),
			UnprivilegedPod:  variableOf(pod, "ISTIO_META_UNPRIVILEGED_POD"),
		},
	})
	m.proxies[proxyKey{name, kind}] = &Proxy{mesh: m, pod: pod, node: node}
	return m.proxies[proxyKey{name, kind}]
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
