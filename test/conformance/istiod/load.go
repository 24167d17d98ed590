package main

import (
	"encoding/json"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"
	meshapi "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	istioconfig "istio.io/istio/pkg/config"
	istiomesh "istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

// domain is what the names of Services end in, by which short hosts are made whole.
const domain = "cluster.local"

// Istio answers questions about the worlds that it was shown.
type Istio struct {
	mutex  sync.Mutex
	meshes map[int]*mesh
	last   int
}

// mesh is a control plane with a world loaded.
type mesh struct {
	*failer
	server *xds.FakeDiscoveryServer

	mutex   sync.Mutex
	proxies map[string]*istiomodel.Proxy
}

// Load shows Istio a world.
func (i *Istio) Load(world wire.World, loaded *wire.Loaded) error {
	m := &mesh{failer: &failer{}, proxies: map[string]*istiomodel.Proxy{}}
	err := m.attempt(func() error {
		config, err := m.load(world)
		if err != nil {
			return err
		}
		loaded.MeshConfig, err = proto.Marshal(config)
		return err
	})
	if err != nil {
		m.clean()
		return err
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.last++
	i.meshes[i.last], loaded.Mesh = m, i.last
	return nil
}

// Drop stops a control plane.
func (i *Istio) Drop(number int, _ *wire.Nothing) error {
	m, err := i.mesh(number)
	if err != nil {
		return err
	}
	i.mutex.Lock()
	delete(i.meshes, number)
	i.mutex.Unlock()
	m.clean()
	return nil
}

func (i *Istio) mesh(number int) (*mesh, error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	m, known := i.meshes[number]
	if !known {
		return nil, fmt.Errorf("%w: %d", errUnknownMesh, number)
	}
	return m, nil
}

func (m *mesh) load(world wire.World) (*meshapi.MeshConfig, error) {
	config, err := istiomesh.ApplyMeshConfigDefaults(world.MeshConfig)
	if err != nil {
		return nil, fmt.Errorf("reading the mesh config: %w", err)
	}
	objects, err := kubernetesObjects(world.Kubernetes)
	if err != nil {
		return nil, err
	}
	seen, err := discovered(config, objects)
	if err != nil {
		return nil, err
	}
	configs, err := istioConfigs(world, seen)
	if err != nil {
		return nil, err
	}
	m.server = xds.NewFakeDiscoveryServer(m.failer, xds.FakeOptions{
		KubernetesObjects: only(objects, seen), Configs: configs, MeshConfig: config,
	})
	return config, nil
}

func kubernetesObjects(documents [][]byte) ([]runtime.Object, error) {
	objects := make([]runtime.Object, 0, len(documents))
	for _, document := range documents {
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(document, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("decoding a core object: %w", err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// istioConfigs returns the objects as Istio reads them from a cluster, of the namespaces that it looks into.
func istioConfigs(world wire.World, seen func(namespace string) bool) ([]istioconfig.Config, error) {
	var configs []istioconfig.Config
	for _, document := range world.Istio {
		config, err := istioConfig(document, !world.Unchecked)
		if err != nil {
			return nil, err
		}
		if config != nil && seen(config.Namespace) {
			configs = append(configs, *config)
		}
	}
	return configs, nil
}

// istioConfig returns an object as Istio reads it; nil: it does not read objects of the kind.
func istioConfig(document []byte, checked bool) (*istioconfig.Config, error) {
	var object crd.IstioKind
	if err := json.Unmarshal(document, &object); err != nil {
		return nil, fmt.Errorf("decoding an object of Istio: %w", err)
	}
	kind := object.GroupVersionKind()
	schema, known := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&kind))
	if !known {
		return nil, nil //nolint:nilnil // an object of no kind of Istio's is no fault
	}
	config, err := crd.ConvertObject(schema, &object, domain)
	if err != nil {
		return nil, fmt.Errorf("decoding %s %s/%s: %w", kind.Kind, object.Namespace, object.Name, err)
	}
	if !checked {
		return config, nil
	}
	if _, err := schema.ValidateConfig(*config); err != nil {
		return nil, fmt.Errorf("%s %s/%s is not valid: %w", kind.Kind, object.Namespace, object.Name, err)
	}
	return config, nil
}

// Refuse says which of the world's objects Istio's webhook would refuse.
func (i *Istio) Refuse(world wire.World, refused *wire.Refused) error {
	for at, document := range world.Istio {
		if _, err := istioConfig(document, true); err != nil {
			refused.Objects = append(refused.Objects, at)
		}
	}
	return nil
}

// discovered says which namespaces the control plane looks into.
func discovered(config *meshapi.MeshConfig, objects []runtime.Object) (func(namespace string) bool, error) {
	if len(config.GetDiscoverySelectors()) == 0 {
		return func(string) bool { return true }, nil
	}
	chosen := map[string]bool{"": true}
	for _, selector := range config.GetDiscoverySelectors() {
		matches, err := selectorOf(selector)
		if err != nil {
			return nil, fmt.Errorf("reading a discovery selector: %w", err)
		}
		for _, object := range objects {
			if namespace, is := object.(*corev1.Namespace); is && matches.Matches(labels.Set(namespace.Labels)) {
				chosen[namespace.Name] = true
			}
		}
	}
	return func(namespace string) bool { return chosen[namespace] }, nil
}

// selectorOf reads a selector of the mesh config as Kubernetes reads its own, which is the same.
func selectorOf(selector *meshapi.LabelSelector) (labels.Selector, error) {
	same := &metav1.LabelSelector{MatchLabels: selector.GetMatchLabels()}
	for _, r := range selector.GetMatchExpressions() {
		same.MatchExpressions = append(same.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: r.GetKey(), Operator: metav1.LabelSelectorOperator(r.GetOperator()), Values: r.GetValues(),
		})
	}
	return metav1.LabelSelectorAsSelector(same)
}

// only returns the objects of the namespaces that are looked into, and those of none.
func only(objects []runtime.Object, seen func(namespace string) bool) []runtime.Object {
	var all []runtime.Object
	for _, object := range objects {
		if named, is := object.(metav1.Object); !is || seen(named.GetNamespace()) {
			all = append(all, object)
		}
	}
	return all
}
