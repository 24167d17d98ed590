// Package api proves on a real kube-apiserver what the CRD of MeshTLSPolicy promises: each static rule lets the right policy in
// and keeps the wrong one out with its sentence at its field, every rule has such a pair, every field is documented and limited,
// and the kind shows itself in discovery and tables as the documentation says.
//
// It does not look at what a policy compiles to, and starts no controller.
package api
