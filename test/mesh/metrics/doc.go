// Package metrics has a real Prometheus see the calls of a mesh of package mesh under Istio's names.
//
// Istio's standard metrics come from Envoy's own stats access logger here, since Envoy as its project publishes it lacks Istio's
// extension. What that shows and what not: a call is counted when it ends, with its port and whether it was mutual TLS. A client with
// mutual TLS is named after its service account; one without has no name, as in Istio. That a proxy reports is read off Envoy's own
// server_live in place of istio_build.
package metrics
