package model

import "slices"

// Workload is a set of pods that are alike in all that matters here: labels, container ports, data plane, annotations.
type Workload struct {
	Namespace string
	// Example is the name of one of the pods.
	Example string
	// Count is the number of pods.
	Count int
	// Unready says that none of the pods is ready. Of pods whose state is not known, as in files, it is not said.
	Unready bool
	// Pods are the pods, by name.
	Pods           []Pod
	Labels         map[string]string
	ServiceAccount string
	// Ports are the declared container ports (TCP), ordered by number.
	Ports     []ContainerPort
	Dataplane Dataplane
	// Gateway says that the pods' proxy is a gateway, which serves what Gateways say, and not a sidecar.
	Gateway bool
	// Unprivileged says that the gateway may not listen on ports below 1024.
	Unprivileged bool
	// Revision is the control plane revision whose injector gave the pods their proxy; empty: it left no mark.
	Revision string
	// Interception is how connections get to the sidecar.
	Interception Interception
	// Outbound is what annotations say of the connections that the pods open.
	Outbound OutboundCapture
	// Uncaptured are the known inbound ports that annotations keep from the proxy, ascending.
	Uncaptured []int32
	// CapturedOnly are the only inbound ports that annotations lead to the proxy, ascending; nil: all but Uncaptured.
	CapturedOnly []int32
	// Scraped is the port at which annotations ask Prometheus to read the metrics over plain HTTP, once the injector has had its say;
	// zero: none.
	Scraped int32
	// Probes are the kubelet's probes that reach the pods' ports as they are written; the injector makes most go to the agent.
	Probes []Probe
}

// HasAddress reports whether one of the pods has the IP address.
func (w *Workload) HasAddress(address string) bool {
	return slices.ContainsFunc(w.Pods, func(p Pod) bool { return slices.Contains(p.Addresses, address) })
}

// Captures reports whether annotations let connections to the port reach the proxy; 0 stands for a port of which nothing is known.
func (w *Workload) Captures(port int32) bool {
	return !slices.Contains(w.Uncaptured, port) && (w.CapturedOnly == nil || slices.Contains(w.CapturedOnly, port))
}

// As returns the workload as it would be if the dataplane carried its traffic.
func (w *Workload) As(carrier Dataplane) *Workload {
	other := *w
	other.Dataplane = carrier
	return &other
}

// Pod is a pod by name.
type Pod struct {
	Name string
	// Controller is what a user made the pod by: of a Deployment's pods the Deployment, not its ReplicaSet. The zero value: nothing.
	Controller Controller
	// Addresses are the pod's IP addresses.
	Addresses []string
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
	// DataplaneProxyless: the application's gRPC library, which the control plane configures.
	DataplaneProxyless Dataplane = "ProxylessGRPC"
	// DataplaneWaypoint: the pod is a waypoint, a proxy for the Services of an ambient mesh.
	DataplaneWaypoint Dataplane = "Waypoint"
)

// Interception is how a pod's connections get to its sidecar.
type Interception string

const (
	// InterceptionRedirect: they are redirected, with iptables or its like.
	InterceptionRedirect Interception = ""
	// InterceptionTproxy: they are redirected, and keep the client's address.
	InterceptionTproxy Interception = "TPROXY"
	// InterceptionNone: they are not. The sidecar listens at the ports that a Sidecar object names, and its clients have to call it.
	InterceptionNone Interception = "NONE"
)

// OutboundCapture is which connections of the pods get to their sidecar. The zero value: all.
type OutboundCapture struct {
	// IncludeRanges are the only address ranges whose connections do; nil, or "*" among them: all.
	IncludeRanges []string
	// ExcludeRanges are ranges whose connections do not, and ExcludePorts ports.
	ExcludeRanges []string
	ExcludePorts  []int32
	// IncludePorts are ports whose connections do wherever they go.
	IncludePorts []int32
}

// Probe is one by which the kubelet asks a container whether it is well.
type Probe struct {
	// Kind is readiness, liveness or startup, and Handler httpGet, tcpSocket or grpc.
	Kind, Handler string
	Container     string
	Port          int32
	// TLS says that the kubelet uses HTTPS.
	TLS bool
}
