package worlds

import (
	"fmt"
	"math/rand/v2"
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Foreign returns other people's PeerAuthentications, DestinationRules and Gateways for the world of a seed, about the same pods, hosts
// and gateways. They are older and younger than the given time.
func Foreign(seed uint64, around time.Time) []client.Object {
	s := stranger{generator{rand.New(rand.NewPCG(seed, 2))}} // #nosec G404 -- repeatable on purpose
	var objects []client.Object
	for i := range 1 + s.IntN(4) {
		metadata := metav1.ObjectMeta{
			Namespace: one(s.generator, namespaces), Name: fmt.Sprintf("foreign-%d", i),
			CreationTimestamp: metav1.NewTime(around.AddDate(0, 0, s.IntN(400)-200).Add(time.Duration(i) * time.Hour)),
		}
		switch s.IntN(3) {
		case 0:
			objects = append(objects, s.peerAuthentication(metadata))
		case 1:
			objects = append(objects, s.destinationRule(metadata))
		default:
			objects = append(objects, s.gateway(metadata))
		}
	}
	return objects
}

// stranger draws other people's Istio objects.
type stranger struct{ generator }

func oneOf[T any](s stranger, choices ...T) T { return one(s.generator, choices) }

func (s stranger) peerMode() *securityapi.PeerAuthentication_MutualTLS {
	return &securityapi.PeerAuthentication_MutualTLS{Mode: oneOf(s,
		securityapi.PeerAuthentication_MutualTLS_STRICT, securityapi.PeerAuthentication_MutualTLS_PERMISSIVE,
		securityapi.PeerAuthentication_MutualTLS_DISABLE, securityapi.PeerAuthentication_MutualTLS_UNSET)}
}

func (s stranger) peerAuthentication(metadata metav1.ObjectMeta) client.Object {
	pa := &istiosecurityv1.PeerAuthentication{ObjectMeta: metadata, Spec: securityapi.PeerAuthentication{Mtls: s.peerMode()}}
	if s.IntN(3) > 0 {
		pa.Spec.Selector = &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": oneOf(s, "a", "b", "c")}}
		if s.IntN(2) == 0 {
			pa.Spec.PortLevelMtls = map[uint32]*securityapi.PeerAuthentication_MutualTLS{oneOf[uint32](s, 8080, 8081, 9090): s.peerMode()}
		}
	}
	return pa
}

func (s stranger) clientTLS() *networkingapi.ClientTLSSettings {
	return oneOf(s, nil, &networkingapi.ClientTLSSettings{Mode: networkingapi.ClientTLSSettings_DISABLE},
		&networkingapi.ClientTLSSettings{Mode: networkingapi.ClientTLSSettings_SIMPLE},
		&networkingapi.ClientTLSSettings{Mode: networkingapi.ClientTLSSettings_ISTIO_MUTUAL})
}

func (s stranger) destinationRule(metadata metav1.ObjectMeta) client.Object {
	balanced := &networkingapi.LoadBalancerSettings{
		LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: networkingapi.LoadBalancerSettings_RANDOM},
	}
	rule := &istionetworkingv1.DestinationRule{ObjectMeta: metadata, Spec: networkingapi.DestinationRule{
		Host: oneOf(s, "a.shop.svc.cluster.local", "b.bank.svc.cluster.local", "c", "api.partner.example", "*.partner.example",
			"*.local"),
		TrafficPolicy: &networkingapi.TrafficPolicy{LoadBalancer: balanced, Tls: s.clientTLS()},
	}}
	if s.IntN(3) == 0 {
		rule.Spec.TrafficPolicy.PortLevelSettings = []*networkingapi.TrafficPolicy_PortTrafficPolicy{{
			Port: &networkingapi.PortSelector{Number: oneOf[uint32](s, 80, 443, 9000)}, LoadBalancer: balanced, Tls: s.clientTLS(),
		}}
	}
	switch s.IntN(4) {
	case 0:
		rule.Spec.ExportTo = []string{"."}
	case 1:
		rule.Spec.WorkloadSelector = &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": oneOf(s, "a", "b", "c")}}
	}
	return rule
}

func (s stranger) gateway(metadata metav1.ObjectMeta) client.Object {
	server := &networkingapi.Server{
		Hosts: []string{oneOf(s, "shop.example.com", "bank.example.com", "*.example.com")},
		Port:  &networkingapi.Port{Number: oneOf[uint32](s, 80, 443, 8443), Name: "foreign", Protocol: "HTTPS"},
		Tls:   &networkingapi.ServerTLSSettings{Mode: networkingapi.ServerTLSSettings_SIMPLE, CredentialName: "theirs"},
	}
	if s.IntN(3) == 0 {
		server.Port.Protocol, server.Tls = oneOf(s, "HTTP", "TCP"), nil
	}
	return &istionetworkingv1.Gateway{ObjectMeta: metadata, Spec: networkingapi.Gateway{
		Selector: map[string]string{"istio": "ingressgateway"}, Servers: []*networkingapi.Server{server},
	}}
}
