package istio

import "strings"

// SpeaksTLS is true for the protocols that Istio takes for TLS of the application.
// Source: istio pkg/config/protocol/instance.go, IsTLS.
func SpeaksTLS(protocol string) bool {
	return strings.EqualFold(protocol, "HTTPS") || strings.EqualFold(protocol, "TLS")
}

// SpeaksHTTP is true for the protocols that Istio reads as HTTP without TLS.
// Source: istio pkg/config/protocol/instance.go, IsHTTP.
func SpeaksHTTP(protocol string) bool {
	switch strings.ToUpper(protocol) {
	case "HTTP", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-WEB":
		return true
	default:
		return false
	}
}
