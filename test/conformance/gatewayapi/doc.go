// Package gatewayapi has Istio convert Gateways of the Kubernetes Gateway API and merge what comes of them, and compares: package
// internal/istio/gatewayapi makes the same servers of the same listeners, and the model of Istio opens the same ones at the same pods.
package gatewayapi
