// Package calls holds what explain says of connections against Istio: over worlds made from a seed, the calls that internal/mesh finds
// for sidecars and gateways, and their outcomes at each endpoint, must be those of Istio's generated configuration and its simulation of
// Envoy, hop by hop.
//
// MESHTLS_WORLDS sets how many worlds are made, MESHTLS_SEED the first seed, so that a disagreement can be looked at alone;
// MESHTLS_KEEP is a folder to which the worlds of disagreements are written.
package calls
