// Package scopes knows what of a mesh exists for whom: which namespaces a
// control plane looks into (discoverySelectors), which Sidecar is a pod's, which
// hosts it lets the pod's proxy know, and what that proxy does with others.
//
// It does not know to whom a Service, a ServiceEntry or a VirtualService is
// exported: package destinations and package routes do. Gateways and ztunnel
// have no Sidecar.
package scopes
