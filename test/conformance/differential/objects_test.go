package differential

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

func (g *generator) fillPeer(pa *istiosecurityv1.PeerAuthentication) {
	if !g.chance(4) {
		pa.Spec.Mtls = g.peerMode()
	}
	if g.chance(3) {
		return
	}
	pa.Spec.Selector = &typeapi.WorkloadSelector{MatchLabels: g.labels()}
	if g.chance(2) {
		return
	}
	pa.Spec.PortLevelMtls = map[uint32]*securityapi.PeerAuthentication_MutualTLS{}
	for range 1 + g.IntN(2) {
		pa.Spec.PortLevelMtls[pick(g, uint32(8080), 8443, 7000)] = g.peerMode()
	}
}

func (g *generator) peerMode() *securityapi.PeerAuthentication_MutualTLS {
	return &securityapi.PeerAuthentication_MutualTLS{Mode: securityapi.PeerAuthentication_MutualTLS_Mode(g.IntN(4))}
}

// labels select some pods of a namespace.
func (g *generator) labels() map[string]string {
	switch g.IntN(3) {
	case 0:
		return map[string]string{"app": pick(g, "s0", "s1", "client")}
	case 1:
		return map[string]string{"tier": pick(g, "x", "y")}
	default:
		return map[string]string{"app": pick(g, "s0", "client"), "tier": pick(g, "x", "y")}
	}
}

func (g *generator) fillRule(rule *istionetworkingv1.DestinationRule) {
	rule.Spec.Host = g.ruleHost()
	switch g.IntN(8) {
	case 0, 1:
		rule.Spec.WorkloadSelector = &typeapi.WorkloadSelector{MatchLabels: g.clientLabels()}
		if g.chance(2) {
			rule.Spec.ExportTo = []string{"."}
		}
	case 2:
		rule.Spec.ExportTo = []string{"."}
	case 3:
		rule.Spec.ExportTo = []string{"*"}
	case 4:
		rule.Spec.ExportTo = []string{pick(g, append([]string{root}, namespaces...)...)}
	case 5:
		rule.Spec.ExportTo = []string{".", pick(g, namespaces...)}
	}
	if !g.chance(6) {
		rule.Spec.TrafficPolicy = g.policy(rule.Name + ".top")
	}
	for i := range g.IntN(3) {
		g.addSubset(rule, i)
	}
}

func (g *generator) addSubset(rule *istionetworkingv1.DestinationRule, i int) {
	subset := &networkingapi.Subset{Name: pick(g, "v1", "v2"), Labels: map[string]string{"version": pick(g, "v1", "v2")}}
	if !g.chance(3) {
		subset.TrafficPolicy = g.policy(fmt.Sprintf("%s.subset%d", rule.Name, i))
	}
	for _, sibling := range rule.Spec.Subsets {
		if sibling.Name == subset.Name {
			return // Istio's validation takes no name twice
		}
	}
	rule.Spec.Subsets = append(rule.Spec.Subsets, subset)
}

func (g *generator) clientLabels() map[string]string {
	return pick(g, map[string]string{"tier": "x"}, map[string]string{"app": "client"}, map[string]string{"app": "client", "tier": "y"},
		map[string]string{"istio": "ingressgateway"})
}

func (g *generator) ruleHost() string {
	s := pick(g, g.services...)
	switch g.IntN(10) {
	case 0:
		return "s0" // of the rule's own namespace
	case 1:
		return "*." + s.namespace + ".svc.cluster.local"
	case 2:
		return pick(g, "*.local", "*.cluster.local", "*.svc.cluster.local")
	case 3:
		return pick(g, "*", "*.example", "*.partner.example", "*.wild.example", "x.wild.example")
	default:
		return s.host().Name
	}
}

// policy names its place in the SNI of each of its TLS settings, so that a cluster shows which of them it has.
func (g *generator) policy(place string) *networkingapi.TrafficPolicy {
	policy := &networkingapi.TrafficPolicy{LoadBalancer: g.loadBalancer()}
	if !g.chance(3) {
		policy.Tls = g.clientTLS(place)
	}
	for i := range g.IntN(3) {
		port := &networkingapi.TrafficPolicy_PortTrafficPolicy{
			Port:         &networkingapi.PortSelector{Number: pick(g, uint32(80), 443, 9000)},
			LoadBalancer: g.loadBalancer(),
		}
		if !g.chance(3) {
			port.Tls = g.clientTLS(fmt.Sprintf("%s.port%d", place, i))
		}
		policy.PortLevelSettings = append(policy.PortLevelSettings, port)
	}
	return policy
}

func (g *generator) loadBalancer() *networkingapi.LoadBalancerSettings {
	simple := networkingapi.LoadBalancerSettings_ROUND_ROBIN
	switch g.IntN(6) {
	case 0:
		simple = networkingapi.LoadBalancerSettings_PASSTHROUGH
	case 1, 2:
		return nil
	}
	return &networkingapi.LoadBalancerSettings{LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: simple}}
}

func (g *generator) clientTLS(place string) *networkingapi.ClientTLSSettings {
	tls := &networkingapi.ClientTLSSettings{Mode: networkingapi.ClientTLSSettings_TLSmode(g.IntN(4)), Sni: place}
	switch tls.Mode {
	case networkingapi.ClientTLSSettings_SIMPLE:
		if g.chance(2) {
			tls.CredentialName = pick(g, "client-ca", "configmap://client-ca")
		}
	case networkingapi.ClientTLSSettings_MUTUAL:
		switch g.IntN(5) {
		case 0, 1:
			tls.CredentialName = "client-cert"
		case 2: // Istio's validation would not let it pass; its configuration takes it for no TLS
		default:
			tls.ClientCertificate, tls.PrivateKey = "/etc/cert.pem", "/etc/key.pem"
		}
	}
	return tls
}
