// Package explain says what TLS the connections of a workload or a gateway use,
// and which object decides it and why.
//
// A sidecar has four connections: what it takes from clients, what it hands to
// its application, what it takes from its application, and what it sends on. A
// gateway has two: what it takes, and what it sends on. The answer is data,
// sorted, with a stable form in JSON.
//
// What Istio does is asked of package istio. Here it is only put together
// with the Services, routes and pods of a mesh. What the model does not know
// (waypoints, Sidecar scopes, EnvoyFilters, routes of the Kubernetes Gateway API) is not
// in the answer either. It does not judge: that is for package lint. It does not
// print: that is for the command.
package explain
