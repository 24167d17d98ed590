// Package oracle asks Istio what it does with a world: its own configuration generation runs in process (FakeDiscoveryServer of
// istio.io/istio), and its answers are read back from the listeners, clusters and routes that proxies would get.
//
// A World is a list of objects, as files hold them. Operate runs the operator over it, to the end: gather, compile, write, and
// again until nothing changes. Mesh is Istio with a world loaded, and Proxy is one of its pods: what it accepts, what it sends,
// what it serves, and what becomes of a call.
//
// The package knows nothing of what is right: expectations are the tests'. It makes no rule of Istio's its own; where Istio says
// something in several places (a listener, its filter chains, its routes), it only collects them.
package oracle
