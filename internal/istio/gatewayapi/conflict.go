package gatewayapi

import (
	"fmt"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// conflictsIn returns, by its place, the problem of each listener that an earlier one of the same Gateway excludes.
// Source: istio pilot/pkg/config/kube/gatewaycommon/listener_conflict.go, ComputeGatewayListenerConflicts.
func conflictsIn(listeners []gatewayv1.Listener) map[int]Problem {
	lost := map[int]Problem{}
	var kept []int
	for i := range listeners {
		winner := -1
		for _, k := range kept {
			if !distinct(listeners[i], listeners[k]) {
				winner = k
				break
			}
		}
		if winner < 0 {
			kept = append(kept, i)
			continue
		}
		lost[i] = Problem{
			Reason: Conflicted, Field: FieldOf(i, ""),
			Why: fmt.Sprintf("%s has port %d already, and Istio leaves the later of two listeners out that it cannot tell apart.",
				FieldOf(winner, ""), listeners[i].Port),
			Remedy: "Use another port or hostname.",
		}
	}
	return lost
}

// distinct reports whether two listeners of one Gateway can be told apart: by the port, or by the hostname where both have one.
func distinct(a, b gatewayv1.Listener) bool {
	switch {
	case a.Port != b.Port:
		return true
	case ofNames(a.Protocol) && ofNames(b.Protocol):
		return hostname(a) != hostname(b)
	case ofPorts(a.Protocol) && (ofPorts(b.Protocol) || ofNames(b.Protocol)), ofNames(a.Protocol) && ofPorts(b.Protocol):
		return false
	default:
		return a.Protocol != b.Protocol
	}
}

// ofNames reports whether connections of the protocol are told apart by names.
func ofNames(p gatewayv1.ProtocolType) bool {
	return p == gatewayv1.HTTPProtocolType || p == gatewayv1.HTTPSProtocolType || p == gatewayv1.TLSProtocolType
}

// ofPorts reports whether they are told apart by the port alone.
func ofPorts(p gatewayv1.ProtocolType) bool {
	return p == gatewayv1.TCPProtocolType || p == gatewayv1.UDPProtocolType
}

func hostname(l gatewayv1.Listener) string {
	if l.Hostname == nil || *l.Hostname == "" {
		return "*"
	}
	return string(*l.Hostname)
}
