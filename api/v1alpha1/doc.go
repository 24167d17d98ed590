// Package v1alpha1 is the contract with the user: the MeshTLSPolicy kind, its
// static rules (CEL, evaluated by the API server) and the names of its
// conditions and reasons.
//
// It holds no behaviour: what a policy compiles to is decided in
// internal/translate, and what its status says in internal/status.
//
// +kubebuilder:object:generate=true
// +groupName=security.meshtls.dev
package v1alpha1
