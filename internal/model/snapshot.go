package model

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Snapshot is everything that the compile of one namespace depends on. The pointers in it are shared with the reader's cache:
// nobody changes what they point to.
type Snapshot struct {
	// Namespace is the namespace that is compiled.
	Namespace string
	// Policies are the policies of the namespace that are not being deleted, in any order.
	Policies []*meshtlsv1alpha1.MeshTLSPolicy
	// RootPolicies are the policies of Istio's root namespace, likewise; empty where that is the namespace compiled.
	RootPolicies []*meshtlsv1alpha1.MeshTLSPolicy
	// Inventory is the mesh: all of it, or, where it is Partial, the namespace with everything that bears on its policies.
	Inventory
}

// Live returns the namespace's objects of the kinds that are rendered, ours and foreign.
func (s Snapshot) Live() Objects {
	return Objects{
		PeerAuthentications: InNamespace(s.PeerAuthentications, s.Namespace),
		DestinationRules:    InNamespace(s.DestinationRules, s.Namespace),
		Gateways:            InNamespace(s.Gateways, s.Namespace),
	}
}

// OwnServices returns the Services of the namespace.
func (s Snapshot) OwnServices() []Service {
	return slices.DeleteFunc(slices.Clone(s.Services), func(service Service) bool { return service.Namespace != s.Namespace })
}

// Mesh is the part of Istio's mesh config that TLS depends on.
type Mesh struct {
	// RootNamespace is the namespace whose policies are the mesh's. Istio's default: istio-system.
	RootNamespace string
	// AutoMTLS says whether clients use mutual TLS of themselves where the server can. Istio's default: true.
	AutoMTLS bool
	// TrustDomain is the mesh's. Istio's default: cluster.local.
	TrustDomain string
	// DefaultDestinationRuleExportTo is what a DestinationRule without exportTo is exported to. Empty: everybody.
	DefaultDestinationRuleExportTo []string
	// DefaultVirtualServiceExportTo is the same for a VirtualService.
	DefaultVirtualServiceExportTo []string
	// DefaultServiceExportTo is the same for a Service and a ServiceEntry.
	DefaultServiceExportTo []string
	// MinProtocolVersion is the lowest TLS version of mesh mutual TLS (meshMTLS), in Istio's spelling. Empty: Istio's default.
	MinProtocolVersion string
	// Problem says why Istio's defaults are assumed instead of a mesh config, as a full sentence. Empty: the config was read.
	Problem string
	// Unseen says what of the mesh the operator does not look at, as full sentences. Empty: it looks at all of it.
	Unseen string
}

// Service is a Service, as far as TLS is concerned.
type Service struct {
	Namespace string
	Name      string
	// Selector is nil where the Service has none.
	Selector map[string]string
	Ports    []ServicePort
	// Headless says that the Service has no address of its own: clients connect to the pods' addresses.
	Headless bool
	// External says that the Service is a name for a destination outside the cluster (ExternalName).
	External bool
	// ExportTo are the namespaces that see the Service, by its annotation; empty: what the mesh's default says.
	ExportTo []string
	// Mute are the checks, comma-separated, that the Service's annotation silences.
	Mute string
}

// ServicePort is a port of a Service.
type ServicePort struct {
	Name string
	Port int32
	// TargetPort is a number or the name of a container port; never zero: gather fills in Port where the Service leaves it out.
	TargetPort intstr.IntOrString
	// Protocol is what the port is declared to carry, by its appProtocol or its name, in Istio's words (HTTP, TLS, …). Empty: Istio
	// finds out by looking.
	Protocol string
	// HiddenProtocol is what the name declares where an appProtocol goes before it that Istio does not know. Empty: none does.
	HiddenProtocol string
}

// TargetOn is the port of the pods that the Service's port leads to; false: it names one that they do not declare.
func (p *ServicePort) TargetOn(w Workload) (int32, bool) {
	if p.TargetPort.StrVal == "" {
		return p.TargetPort.IntVal, true
	}
	for _, declared := range w.Ports {
		if declared.Name == p.TargetPort.StrVal {
			return declared.Number, true
		}
	}
	return 0, false
}

// Workload is a set of pods that are alike in all that matters here: labels, container ports, data plane.
type Workload struct {
	Namespace string
	// Example is the name of one of the pods.
	Example string
	// Count is the number of pods.
	Count int
	// Pods are the pods, by name. Only an inventory lists them.
	Pods   []Pod
	Labels map[string]string
	// Ports are the declared container ports (TCP), ordered by number.
	Ports     []ContainerPort
	Dataplane Dataplane
	// Gateway says that the pods are nothing but a proxy: a gateway.
	Gateway bool
	// Uncaptured are the inbound ports that annotations keep from the proxy, ascending.
	Uncaptured []int32
	// Scraped is the port at which annotations ask Prometheus to read the metrics over plain HTTP, once the injector has had its say;
	// zero: none.
	Scraped int32
}

// Pod is a pod by name.
type Pod struct {
	Name string
	// Controller is what a user made the pod by: of a Deployment's pods the Deployment, not its ReplicaSet. The zero value: nothing.
	Controller Controller
}

// Controller names what makes pods, in their namespace.
type Controller struct{ Kind, Name string }

// ContainerPort is a port that a container declares.
type ContainerPort struct {
	Name   string
	Number int32
}

// Dataplane is what carries a pod's traffic in the mesh.
type Dataplane string

const (
	// DataplaneNone: the pod has no proxy.
	DataplaneNone Dataplane = "None"
	// DataplaneSidecar: a sidecar, or the proxy that a gateway is.
	DataplaneSidecar Dataplane = "Sidecar"
	// DataplaneAmbient: the node's ztunnel.
	DataplaneAmbient Dataplane = "Ambient"
)

// Host is a destination that the mesh knows.
type Host struct {
	// Name is fully qualified, or a wildcard as a ServiceEntry may declare it.
	Name string
	// Namespace is where the declaring Service or ServiceEntry lives.
	Namespace string
	// External says that the destination is outside the mesh (a ServiceEntry that is MESH_EXTERNAL, Istio's default for them).
	External bool
	// Ports are the destination's port numbers, ascending.
	Ports []int32
}
