// Package istio says what Istio does with a set of PeerAuthentications, DestinationRules and Gateways: what a workload
// accepts, which DestinationRule governs a client's traffic to a host and what TLS comes of it, how a connection ends, and which
// servers the pods of a gateway end up with.
//
// It is a model: values in, values out. Every rule names the function in Istio (module istio.io/istio) that it follows, with its
// quirks, and the conformance tests hold the model against that code over generated worlds.
//
// It does not judge: whether an outcome is what a policy asked for is for the checks to say. It does not know routes
// (VirtualServices), Sidecar scopes, EnvoyFilters, waypoints, routes of the Kubernetes Gateway API, or proxy settings that take a port out
// of the mesh: an answer here is right where none of them interferes.
package istio
