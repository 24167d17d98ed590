// Package wire is what the tests and the program with Istio in it tell each other: a world goes in, and what Istio makes of it comes out, as
// Envoy is given it. Messages of Envoy and of Istio are protobuf, objects are JSON; so the two sides may be built with different versions of
// both, and of Kubernetes.
//
// The package requires nothing: both sides are built from it.
package wire

// Service is the name under which the program answers: Istio.Load, Istio.Configuration, and so on.
const Service = "Istio"

// World is what Istio is shown.
type World struct {
	// Kubernetes are core objects, as JSON.
	Kubernetes [][]byte
	// Istio are objects of Istio's API groups, as JSON.
	Istio [][]byte
	// MeshConfig is the mesh config as its ConfigMap has it; what it leaves out has Istio's defaults.
	MeshConfig string
	// Unchecked says that Istio also reads objects that its validation refuses.
	Unchecked bool
}

// Loaded is a world that Istio has loaded.
type Loaded struct {
	// Mesh names it, until it is dropped.
	Mesh int
	// MeshConfig is a MeshConfig of istio.io/api, with Istio's defaults.
	MeshConfig []byte
}

// Refused are the objects of Istio that its webhook would not let into a cluster, by their places in the world.
type Refused struct{ Objects []int }

// Proxy is a proxy of a loaded world.
type Proxy struct {
	Mesh            int
	Namespace, Name string
	IP              string
	Labels          map[string]string
	// Router says that the proxy is a gateway, and no sidecar.
	Router bool
	// Interception and Unprivileged are what the injector says of the proxy; empty: nothing.
	Interception, Unprivileged string
}

// Configuration is what Istio gives a proxy: messages of Envoy.
type Configuration struct {
	Listeners, Clusters, Routes [][]byte
	// Servers are those of Gateways that a gateway has, by its listeners.
	Servers []Server
}

// Server is a server of a Gateway object.
type Server struct {
	// Bind and Port are the listener's.
	Bind string
	Port uint32
	// Gateway is the object, as namespace/name, and Name the name of the server's port.
	Gateway, Name string
}

// Asked is a question about one thing of a proxy.
type Asked struct {
	Proxy Proxy
	// Name is a cluster's, or a host.
	Name string
}

// Address is where a proxy's client finds a host.
type Address struct {
	// Found says that the proxy knows the host.
	Found bool
	// Address is that of its Service or ServiceEntry; 0.0.0.0: it has none of its own.
	Address string
	Ports   []int
}

// Secrets are asked for by a proxy, by their names.
type Secrets struct {
	Proxy Proxy
	Names []string
}

// Ambient is what ztunnels are told.
type Ambient struct {
	Workloads []Workload
	// Policies are messages of Istio's workload API: Authorization.
	Policies [][]byte
}

// Workload is a pod as ztunnels know it.
type Workload struct {
	Namespace, Name string
	// Policies are the names of those that hold for the pod, as namespace/name.
	Policies []string
}

// Nothing is what a question or an answer says that has nothing to say.
type Nothing struct{}
