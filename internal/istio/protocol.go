package istio

import "strings"

// Carries is what is on a connection before the client's proxy adds TLS to it.
type Carries string

const (
	// CarriesHTTP: plaintext HTTP.
	CarriesHTTP Carries = "HTTP"
	// CarriesTLS: TLS of the application, or TLS that a gateway passes through.
	CarriesTLS Carries = "TLS"
	// CarriesBytes: bytes, which may be TLS of the application.
	CarriesBytes Carries = "Bytes"
)

// CarriesOf returns what a port that is declared to speak the protocol is sent. A port of no declared protocol may be sent anything.
func CarriesOf(protocol string) Carries {
	switch {
	case SpeaksHTTP(protocol):
		return CarriesHTTP
	case SpeaksTLS(protocol):
		return CarriesTLS
	default:
		return CarriesBytes
	}
}

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
