package apply

import (
	"cmp"
	"maps"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

// phase is a step of the order in which objects are written. What accepts more connections than before is written before the
// clients change, what accepts fewer after: at no time does a client send what its server refuses, as far as the order of
// writes can see to that.
type phase int

const (
	phaseLoosenAccept phase = iota
	phaseLoosenGateway
	phaseSend
	phaseTightenGateway
	phaseTightenAccept
)

// direction is what a change of a server does to the connections that it accepts.
type direction int

const (
	// tightens: some are refused that were accepted before. Also the answer where nothing is known for sure: written last,
	// such a change does not happen at all if the clients could not be written.
	tightens direction = iota
	// loosens: some are accepted that were refused before, and none the other way round.
	loosens
)

// phaseOf says when the change is due. A deletion is a change to nothing.
func phaseOf(c change) phase {
	switch c.ref.Kind {
	case kindPeerAuthentication:
		if acceptDirection(acceptSpec(c.live), acceptSpec(c.want)) == loosens {
			return phaseLoosenAccept
		}
		return phaseTightenAccept
	case kindGateway:
		if gatewayDirection(gatewaySpec(c.live), gatewaySpec(c.want)) == loosens {
			return phaseLoosenGateway
		}
		return phaseTightenGateway
	default:
		return phaseSend
	}
}

// acceptDirection compares what the workload and each port accept. One write cannot do both, so a PeerAuthentication that
// loosens one port and tightens another goes with the tightening ones: neither order is free of refusals, and that one does
// not loosen anything if the clients could not be written.
func acceptDirection(before, after *securityapi.PeerAuthentication) direction {
	if before != nil && after != nil && !maps.Equal(before.GetSelector().GetMatchLabels(), after.GetSelector().GetMatchLabels()) {
		return tightens
	}
	var moves []direction
	for _, port := range portsOf(before, after) {
		if was, is := modeAt(before, port), modeAt(after, port); was != is {
			moves = append(moves, modeDirection(was, is))
		}
	}
	return together(moves)
}

// modeDirection compares two different modes by what they accept: PERMISSIVE everything, STRICT only mutual TLS, DISABLE only
// plaintext. So DISABLE to PERMISSIVE loosens, although the mode is the stronger one, and PERMISSIVE to DISABLE tightens: a
// client that is told to use mutual TLS is refused. UNSET counts as what Istio makes of it when no scope above says anything,
// PERMISSIVE. Between STRICT and DISABLE either order refuses somebody for a moment, so there security decides.
func modeDirection(was, is securityapi.PeerAuthentication_MutualTLS_Mode) direction {
	switch {
	case is == securityapi.PeerAuthentication_MutualTLS_PERMISSIVE:
		return loosens
	case was == securityapi.PeerAuthentication_MutualTLS_PERMISSIVE, was == securityapi.PeerAuthentication_MutualTLS_UNSET:
		return tightens
	case is == securityapi.PeerAuthentication_MutualTLS_UNSET:
		return loosens
	case is == securityapi.PeerAuthentication_MutualTLS_DISABLE:
		return loosens
	default:
		return tightens
	}
}

// portsOf are the ports that either of the two speaks of, and zero, which stands for the workload as a whole.
func portsOf(before, after *securityapi.PeerAuthentication) []uint32 {
	ports := []uint32{0}
	ports = slices.AppendSeq(ports, maps.Keys(before.GetPortLevelMtls()))
	ports = slices.AppendSeq(ports, maps.Keys(after.GetPortLevelMtls()))
	slices.Sort(ports)
	return slices.Compact(ports)
}

// modeAt is the mode of a port: its own, or else the workload's.
func modeAt(pa *securityapi.PeerAuthentication, port uint32) securityapi.PeerAuthentication_MutualTLS_Mode {
	return cmp.Or(pa.GetPortLevelMtls()[port].GetMode(), pa.GetMtls().GetMode())
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

// together is the direction of a change that consists of several moves. No move at all, such as another certificate, is not
// known to be harmless.
func together(moves []direction) direction {
	if len(moves) > 0 && !slices.Contains(moves, tightens) {
		return loosens
	}
	return tightens
}

func acceptSpec(obj object) *securityapi.PeerAuthentication {
	if pa, ok := obj.(*istiosecurityv1.PeerAuthentication); ok {
		return &pa.Spec
	}
	return nil
}

func gatewaySpec(obj object) *networkingapi.Gateway {
	if gateway, ok := obj.(*istionetworkingv1.Gateway); ok {
		return &gateway.Spec
	}
	return nil
}
