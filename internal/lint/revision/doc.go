// Package revision holds the checks of the control plane revisions that objects
// name.
//
// It imports no package of another kind's checks: what two kinds need is a
// question for package mesh.
package revision
