package model

// EndpointSlice are addresses that somebody gives to a Service without a selector.
type EndpointSlice struct {
	Namespace, Name string
	// Service is the name of the Service.
	Service string
	// Ports are the ports of the addresses; each is for the Service's port of its name.
	Ports []EndpointPort
	// Addresses are the IP addresses that are ready, or not said not to be.
	Addresses []string
}

// EndpointPort is a port of an EndpointSlice's addresses.
type EndpointPort struct {
	Name   string
	Number int32
}

// IngressClass is what a class of Ingresses is served by.
type IngressClass struct{ Name, Controller string }

// RevisionTag is a name that the label istio.io/rev may hold: a revision of the control plane itself, or a tag that stands for one.
type RevisionTag struct {
	// Object says so: a webhook configuration, or a Service of the control plane's namespace.
	Object ObjectRef
	// Tag is the tag; empty: the object only makes the revision known.
	Tag      string
	Revision string
	// Version is Istio's, as the object's label tells it. Empty: it does not.
	Version string
}

// Other is an object that changes what proxies do and that the model does not interpret, so that an answer can name it.
type Other struct {
	ObjectRef
	// Selector are the labels of the pods that it is for; empty, without Targets: all pods of its namespace, or of the mesh where that is
	// the root namespace.
	Selector map[string]string
	// Targets are the objects that it is for. A missing namespace is its own.
	Targets []ObjectRef
	// Revision is its label istio.io/rev; empty: it has none.
	Revision string
	// Waypoint says that it is a Gateway whose pods are a waypoint.
	Waypoint bool
}

// The kinds of the Kubernetes Gateway API. Those of its group that have a name of Istio's are told apart by the group.
const (
	KindGatewayAPIGateway = "Gateway.gateway.networking.k8s.io"
	KindBackendTLSPolicy  = "BackendTLSPolicy"
	KindGRPCRoute         = "GRPCRoute"
	KindHTTPRoute         = "HTTPRoute"
	KindReferenceGrant    = "ReferenceGrant"
	KindTCPRoute          = "TCPRoute"
	KindTLSRoute          = "TLSRoute"
)
