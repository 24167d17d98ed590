package model

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Mesh is the part of Istio's mesh config that TLS depends on.
type Mesh struct {
	// RootNamespace is the namespace whose policies are the mesh's. Istio's default: istio-system.
	RootNamespace string
	// AutoMTLS says whether clients use mutual TLS of themselves where the server can. Istio's default: true.
	AutoMTLS bool
	// TrustDomain is the mesh's, and TrustDomainAliases are other ones that servers take for it. Istio's default: cluster.local.
	TrustDomain        string
	TrustDomainAliases []string
	// ClusterDomain ends the names of the cluster's Services. Istio's default: cluster.local.
	ClusterDomain string
	// DiscoverySelectors choose the namespaces that the control plane looks into, by their labels. Empty: all.
	DiscoverySelectors []metav1.LabelSelector
	// Ingress says which Kubernetes Ingresses Istio serves, and with which pods.
	Ingress IngressSettings
	// Outbound is what sidecars do with calls of hosts that they do not know.
	Outbound OutboundMode
	// DefaultDestinationRuleExportTo is what a DestinationRule without exportTo is exported to. Empty: everybody.
	DefaultDestinationRuleExportTo []string
	// DefaultVirtualServiceExportTo is the same for a VirtualService.
	DefaultVirtualServiceExportTo []string
	// DefaultServiceExportTo is the same for a Service and a ServiceEntry.
	DefaultServiceExportTo []string
	// MinProtocolVersion is the lowest TLS version of mesh mutual TLS (meshMTLS), in Istio's spelling. Empty: Istio's default.
	MinProtocolVersion string
	// Version is that of the control plane, as its webhooks tell it: 1.31.2. Empty: they do not, or the mesh is looked at without regard to
	// one of its control planes.
	Version string
	// Fields are those fields of Istio's API that not every mesh has (see internal/versions) and this one's CRDs have. Nil: the CRDs
	// could not be read.
	Fields sets.Set[string]
	// Problem says why Istio's defaults are assumed instead of a mesh config, as a full sentence. Empty: the config was read.
	Problem string
	// Unseen says what of the mesh the operator does not look at, as full sentences. Empty: it looks at all of it.
	Unseen string
}

// IngressMode says which Ingresses Istio serves.
type IngressMode string

const (
	// IngressOff: none.
	IngressOff IngressMode = "OFF"
	// IngressDefault: those of its class, and those that name no class.
	IngressDefault IngressMode = "DEFAULT"
	// IngressStrict: those of its class. It is what a mesh config that does not say says.
	IngressStrict IngressMode = "STRICT"
)

// IngressSettings are what the mesh config says of Kubernetes Ingresses.
type IngressSettings struct {
	Mode IngressMode
	// Class is the name that an Ingress's annotation must have.
	Class string
	// Namespace is where Istio puts the Gateways that it makes of Ingresses.
	Namespace string
	// Service and Selector name the gateway that serves Ingresses.
	Service, Selector string
}

// OutboundMode is what sidecars do with calls of hosts that they do not know.
type OutboundMode string

const (
	// OutboundAllowAny: they pass them through as they are. It is what a mesh config that does not say says.
	OutboundAllowAny OutboundMode = "ALLOW_ANY"
	// OutboundAllowAnyDynamicDNS: they look them up themselves, and may use TLS.
	OutboundAllowAnyDynamicDNS OutboundMode = "ALLOW_ANY_DYNAMIC_DNS"
	// OutboundRegistryOnly: they refuse them.
	OutboundRegistryOnly OutboundMode = "REGISTRY_ONLY"
)
