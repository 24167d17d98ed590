package apply

import (
	"maps"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
)

// gatewayPhase is when the change of a Gateway is due. A deletion closes what it served.
func gatewayPhase(c change) phase {
	switch {
	case c.want == nil:
		return phasePrune
	case gatewayDirection(gatewaySpec(c.live), gatewaySpec(c.want)) == loosens:
		return phaseLoosenGateway
	default:
		return phaseTightenGateway
	}
}

// door is where connections come in to a gateway.
type door struct {
	port uint32
	bind string
	host string
}

// strength orders the TLS of a gateway's server by what it asks of clients. Zero, no server at all, is not on that scale.
type strength int

const (
	closed strength = iota
	plaintext
	unread
	serverOnly
	optionalClient
	mutual
)

// gatewayDirection compares the TLS of each port and host. A new server loosens: it must be there before clients are sent to it.
func gatewayDirection(before, after *networkingapi.Gateway) direction {
	was, is := doors(before), doors(after)
	var moves []direction
	for _, d := range slices.Concat(slices.Collect(maps.Keys(was)), slices.Collect(maps.Keys(is))) {
		if was[d] != is[d] {
			moves = append(moves, strengthDirection(was[d], is[d]))
		}
	}
	return together(moves)
}

func strengthDirection(was, is strength) direction {
	if was == closed || (is != closed && is < was) {
		return loosens
	}
	return tightens
}

func doors(gateway *networkingapi.Gateway) map[door]strength {
	all := map[door]strength{}
	for _, server := range gateway.GetServers() {
		for _, host := range server.GetHosts() {
			all[door{server.GetPort().GetNumber(), server.GetBind(), host}] = strengthOf(server.GetTls())
		}
	}
	return all
}

func strengthOf(tls *networkingapi.ServerTLSSettings) strength {
	if tls == nil || tls.GetHttpsRedirect() {
		return plaintext
	}
	switch tls.GetMode() {
	case networkingapi.ServerTLSSettings_SIMPLE:
		return serverOnly
	case networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL:
		return optionalClient
	case networkingapi.ServerTLSSettings_MUTUAL, networkingapi.ServerTLSSettings_ISTIO_MUTUAL:
		return mutual
	default:
		return unread
	}
}

func gatewaySpec(obj object) *networkingapi.Gateway {
	if gateway, ok := obj.(*istionetworkingv1.Gateway); ok {
		return &gateway.Spec
	}
	return nil
}
