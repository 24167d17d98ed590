// Package virtualservice holds the checks of VirtualServices: whether a gateway gets
// their routes.
//
// It imports no package of another kind's checks: what two kinds need is a
// question for package mesh.
package virtualservice
