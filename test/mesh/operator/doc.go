// Package operator puts the operator on a mesh of package mesh: its CRDs, its rights as its manifests give them, and its programs as they
// are in this tree. It says nothing of what the operator then does.
package operator
