package model

import (
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

// The Istio kinds that are rendered.
const (
	KindPeerAuthentication = "PeerAuthentication"
	KindDestinationRule    = "DestinationRule"
	KindGateway            = "Gateway"
)

// Objects are the Istio objects of one namespace, each list ordered by name.
type Objects struct {
	PeerAuthentications []*istiosecurityv1.PeerAuthentication
	DestinationRules    []*istionetworkingv1.DestinationRule
	Gateways            []*istionetworkingv1.Gateway
}

// Len is the number of objects.
func (o Objects) Len() int {
	return len(o.PeerAuthentications) + len(o.DestinationRules) + len(o.Gateways)
}
