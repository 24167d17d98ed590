// Package gatewayapi reads the Gateways of the Kubernetes Gateway API as Istio's implementation does: it makes of each listener the Gateway
// of Istio's that its control plane makes of it, with the credentials that ReferenceGrants let it use.
//
// It reads the Gateways of Istio's own class, istio. Those of other classes, and the listeners of ListenerSets, are not its business, and
// neither are routes, nor parameters of TLS (gateway.istio.io/tls-cipher-suites). Whether a credential exists is not asked here: Secrets
// may not be readable.
// Source: istio pilot/pkg/config/kube/gateway/gateway_collection.go, GatewayCollection.
package gatewayapi
