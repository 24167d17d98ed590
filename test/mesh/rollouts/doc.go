// Package rollouts takes workloads from Permissive to Strict on a real mesh, because of what a real Prometheus has seen of real calls.
// It has tests only.
//
// Istio's standard metrics come from Envoy's own stats access logger here, since Envoy as its project publishes it lacks Istio's
// extension. What that shows and what not: a call is counted when it ends, with its port and whether it was mutual TLS. A client with
// mutual TLS is named after its service account; one without has no name, as in Istio. That a proxy reports is read off Envoy's own
// server_live in place of istio_build.
//
// Times are short: the shortest observation that the API takes, a drain time of seconds, steps that leave room for it, and a probation
// that the operator's clock skips. Prometheus is asked in real time.
package rollouts
