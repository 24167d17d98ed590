package routes

import (
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
)

// Kind is a kind of routes of a VirtualService, by its field.
type Kind string

const (
	// HTTP routes requests.
	HTTP Kind = "http"
	// TLS routes connections by the name that clients ask for.
	TLS Kind = "tls"
	// TCP routes connections.
	TCP Kind = "tcp"
	// None: routes make no difference.
	None Kind = ""
)

// KindFor returns the kind of routes that Istio uses for a server of a Gateway. A redirect needs none, nor does AUTO_PASSTHROUGH; a server
// for TLS that lacks the settings is one that Istio does not admit.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayTCPBasedFilterChains, createGatewayTCPFilterChainOpts and
// buildGatewayNetworkFiltersFromTLSRoutes.
func KindFor(server *networkingapi.Server) Kind {
	protocol, mode := strings.ToUpper(server.GetPort().GetProtocol()), server.GetTls().GetMode()
	https := protocol == "HTTPS"
	switch istio.KindOf(protocol, server.GetTls() != nil).Family {
	case istio.FamilyHTTP:
		if server.GetTls().GetHttpsRedirect() {
			return None
		}
		return HTTP
	case istio.FamilyTCP:
		if https || protocol == "TLS" {
			return None
		}
		return TCP
	}
	switch {
	case mode == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH:
		return None
	case mode == networkingapi.ServerTLSSettings_PASSTHROUGH:
		return TLS
	case https:
		return HTTP
	default:
		return TCP
	}
}

// KindsFor returns the kinds of routes that sidecars use for a port of the protocol. What Istio finds out by looking can be HTTP or not.
func KindsFor(protocol string) []Kind {
	switch {
	case protocol == "":
		return []Kind{HTTP, TCP}
	case istio.SpeaksHTTP(protocol):
		return []Kind{HTTP}
	case istio.SpeaksTLS(protocol):
		return []Kind{TLS}
	default:
		return []Kind{TCP}
	}
}
