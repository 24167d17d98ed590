// Package rollouts takes workloads from Permissive to Strict on a real mesh, because of what a real Prometheus has seen of real calls
// (package metrics says what of them). It has tests only.
//
// Times are short: the shortest observation that the API takes, a drain time of seconds, steps that leave room for it, and a probation
// that the operator's clock skips. Prometheus is asked in real time.
package rollouts
