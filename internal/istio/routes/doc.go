// Package routes knows VirtualServices: which Gateways they name, to which
// namespaces they are exported, which of their hosts a server serves, which kind
// of routes a server or a port uses, and where the routes that take a call lead.
//
// It says what is routed, not what comes of it: the TLS on the way is asked of
// package istio, and what a route leads to of package destinations. Of what
// a match asks of a request (paths, headers) it takes some request to have it.
// It does not know Sidecar scopes, delegates, or the Kubernetes Gateway API.
package routes
