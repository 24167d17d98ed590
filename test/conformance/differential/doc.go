// Package differential holds internal/istio against Istio's own code: over worlds made from a seed, both say what each
// workload accepts, what TLS each client sends, and which servers a gateway's pods end up with, and they must agree.
//
// MESHTLS_WORLDS sets how many worlds are made, MESHTLS_SEED the first seed, so that a disagreement can be looked at alone.
package differential
