package calls

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func (g *generator) anyNamespace() string { return g.one("a", "b", "a", "b", root, edge) }

func (g *generator) anyTarget() target { return g.targets[g.IntN(len(g.targets))] }

func (g *generator) peerAuthentication(i int) {
	pa := &istiosecurityv1.PeerAuthentication{ObjectMeta: g.meta(g.anyNamespace(), "pa", i)}
	mode := func() *securityapi.PeerAuthentication_MutualTLS {
		return &securityapi.PeerAuthentication_MutualTLS{Mode: securityapi.PeerAuthentication_MutualTLS_Mode(1 + g.IntN(3))}
	}
	pa.Spec.Mtls = mode()
	if pa.Namespace != root && g.chance(2) {
		pa.Spec.Selector = &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": g.one("s0", "s1")}}
		if g.chance(2) {
			port := []uint32{8080, 8443, 9000, 7000}[g.IntN(4)]
			pa.Spec.PortLevelMtls = map[uint32]*securityapi.PeerAuthentication_MutualTLS{port: mode()}
		}
	}
	g.add(pa)
}

func (g *generator) destinationRule(i int) {
	rule := &istionetworkingv1.DestinationRule{ObjectMeta: g.meta(g.anyNamespace(), "dr", i)}
	rule.Spec.Host = g.hosts[g.IntN(len(g.hosts))]
	if g.chance(8) {
		rule.Spec.Host = g.one("*.a.svc.cluster.local", "*.example")
	}
	rule.Spec.TrafficPolicy = g.trafficPolicy()
	if g.chance(3) {
		for _, version := range []string{"v1", "v2"} {
			subset := &networkingapi.Subset{Name: version, Labels: map[string]string{"version": version}}
			if g.chance(2) {
				subset.TrafficPolicy = g.trafficPolicy()
			}
			rule.Spec.Subsets = append(rule.Spec.Subsets, subset)
		}
	}
	if g.chance(6) {
		g.class("DestinationRule with a workloadSelector")
		rule.Spec.WorkloadSelector = &typeapi.WorkloadSelector{MatchLabels: map[string]string{"tier": "x"}}
	}
	g.add(rule)
}

func (g *generator) trafficPolicy() *networkingapi.TrafficPolicy {
	policy := &networkingapi.TrafficPolicy{}
	if !g.chance(4) {
		policy.Tls = g.clientTLS()
	}
	if g.chance(4) {
		policy.PortLevelSettings = append(policy.PortLevelSettings, &networkingapi.TrafficPolicy_PortTrafficPolicy{
			Port: &networkingapi.PortSelector{Number: g.anyTarget().number}, Tls: g.clientTLS(),
		})
	}
	if g.chance(10) {
		g.class("passthrough load balancer")
		policy.LoadBalancer = &networkingapi.LoadBalancerSettings{
			LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: networkingapi.LoadBalancerSettings_PASSTHROUGH},
		}
	}
	if proto.Size(policy) == 0 {
		return nil
	}
	return policy
}

func (g *generator) clientTLS() *networkingapi.ClientTLSSettings {
	tls := &networkingapi.ClientTLSSettings{Mode: networkingapi.ClientTLSSettings_TLSmode(g.IntN(4))}
	if tls.Mode == networkingapi.ClientTLSSettings_MUTUAL {
		tls.ClientCertificate, tls.PrivateKey = "/etc/cert.pem", "/etc/key.pem"
	}
	if g.chance(3) {
		tls.Sni = g.one("a.example", "b.example")
	}
	return tls
}

// meshRoutes makes a VirtualService for sidecars.
func (g *generator) meshRoutes(i int) {
	g.class("VirtualService for sidecars")
	vs := &istionetworkingv1.VirtualService{ObjectMeta: g.meta(g.anyNamespace(), "vs", i)}
	vs.Spec.Hosts = []string{g.hosts[g.IntN(len(g.hosts))]}
	host := vs.Spec.Hosts[0]
	switch g.IntN(4) {
	case 0:
		vs.Spec.Tcp = append(vs.Spec.Tcp, g.tcpRoute())
	case 1:
		vs.Spec.Tls = append(vs.Spec.Tls, g.tlsRoute(host))
	case 2:
		vs.Spec.Tls = append(vs.Spec.Tls, g.tlsRoute(host))
		vs.Spec.Http = append(vs.Spec.Http, g.httpRoutes()...)
	default:
		vs.Spec.Http = append(vs.Spec.Http, g.httpRoutes()...)
	}
	g.add(vs)
}

// destination leads to a port of the world, sometimes to a subset, and sometimes leaves the port out.
func (g *generator) destination() *networkingapi.Destination {
	to := g.anyTarget()
	d := &networkingapi.Destination{Host: to.host}
	if !g.chance(4) {
		d.Port = &networkingapi.PortSelector{Number: to.number}
	}
	if g.chance(3) {
		g.class("route to a subset")
		d.Subset = g.one("v1", "v2")
	}
	return d
}

func (g *generator) httpRoutes() []*networkingapi.HTTPRoute {
	route := &networkingapi.HTTPRoute{Route: []*networkingapi.HTTPRouteDestination{{Destination: g.destination()}}}
	if g.chance(3) {
		route.Route = append(route.Route, &networkingapi.HTTPRouteDestination{Destination: g.destination(), Weight: int32(g.IntN(2) * 30)})
		route.Route[0].Weight = 100 - route.Route[1].Weight
	}
	routes := []*networkingapi.HTTPRoute{route}
	if g.chance(3) {
		route.Match = append(route.Match, &networkingapi.HTTPMatchRequest{
			Uri: &networkingapi.StringMatch{MatchType: &networkingapi.StringMatch_Prefix{Prefix: "/a"}}, Port: g.matchPort(),
		})
		routes = append(routes, &networkingapi.HTTPRoute{Route: []*networkingapi.HTTPRouteDestination{{Destination: g.destination()}}})
	}
	return routes
}

func (g *generator) matchPort() uint32 {
	if g.chance(2) {
		return 0
	}
	return g.anyTarget().number
}

func (g *generator) tlsRoute(name string) *networkingapi.TLSRoute {
	return &networkingapi.TLSRoute{
		Match: []*networkingapi.TLSMatchAttributes{{SniHosts: []string{name}, Port: g.matchPort()}},
		Route: []*networkingapi.RouteDestination{{Destination: g.destination()}},
	}
}

func (g *generator) tcpRoute() *networkingapi.TCPRoute {
	route := &networkingapi.TCPRoute{Route: []*networkingapi.RouteDestination{{Destination: g.destination()}}}
	if port := g.matchPort(); port != 0 {
		route.Match = []*networkingapi.L4MatchAttributes{{Port: port}}
	}
	return route
}

// gatewayPods returns those of a gateway, with a Service that calls one of its ports by another number.
func (g *generator) gatewayPods() {
	labels := map[string]string{"app": "gateway", "istio": "ingressgateway"}
	g.add(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: edge, Name: "gateway", Labels: labels}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "istio-proxy", Image: "example/proxy", Args: []string{"proxy", "router"}}},
	}})
	g.add(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: edge, Name: "gateway"}, Spec: corev1.ServiceSpec{
		Selector: labels, Ports: []corev1.ServicePort{
			{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}, {Name: "https", Port: 443, TargetPort: intstr.FromInt32(443)},
			{Name: "tls-more", Port: 8443, TargetPort: intstr.FromInt32(8443)}, {Name: "tcp", Port: 9200, TargetPort: intstr.FromInt32(9200)},
		},
	}})
}

var gatewayHosts = []string{"a.example", "b.example", "*.example", "*"}

func (g *generator) gateway(i int) {
	gateway := &istionetworkingv1.Gateway{ObjectMeta: g.meta(g.one(edge, "a"), "gw", i)}
	gateway.Spec.Selector = map[string]string{"istio": "ingressgateway"}
	for j := range 1 + g.IntN(2) {
		gateway.Spec.Servers = append(gateway.Spec.Servers, g.server(fmt.Sprintf("port-%d-%d", i, j)))
	}
	g.add(gateway)
	for j := range 1 + g.IntN(2) {
		g.gatewayRoutes(gateway, 10*i+j)
	}
}

func (g *generator) server(name string) *networkingapi.Server {
	protocol := g.one("HTTP", "HTTPS", "HTTPS", "TLS", "TLS", "TCP")
	number := map[string][]uint32{"HTTP": {80, 8080}, "HTTPS": {443, 8443}, "TLS": {443, 8443}, "TCP": {9200}}[protocol]
	server := &networkingapi.Server{
		Port:  &networkingapi.Port{Number: number[g.IntN(len(number))], Name: name, Protocol: protocol},
		Hosts: []string{g.one(gatewayHosts...)},
	}
	modes := []networkingapi.ServerTLSSettings_TLSmode{
		networkingapi.ServerTLSSettings_PASSTHROUGH, networkingapi.ServerTLSSettings_SIMPLE, networkingapi.ServerTLSSettings_MUTUAL,
		networkingapi.ServerTLSSettings_ISTIO_MUTUAL,
	}
	switch protocol {
	case "HTTPS", "TLS":
		server.Tls = &networkingapi.ServerTLSSettings{Mode: modes[g.IntN(len(modes))], CredentialName: "cert"}
		if server.Tls.Mode == modes[0] || server.Tls.Mode == modes[3] {
			server.Tls.CredentialName = ""
		}
		g.class("server " + server.Tls.Mode.String())
	case "HTTP":
		if g.chance(4) {
			g.class("server that redirects")
			server.Tls = &networkingapi.ServerTLSSettings{HttpsRedirect: true}
		}
	}
	return server
}

// gatewayRoutes makes a VirtualService with routes of the kind of one of the Gateway's servers, or of all kinds.
func (g *generator) gatewayRoutes(gateway *istionetworkingv1.Gateway, i int) {
	vs := &istionetworkingv1.VirtualService{ObjectMeta: g.meta(g.one(edge, "a"), "gvs", i)}
	vs.Spec.Gateways = []string{gateway.Namespace + "/" + gateway.Name}
	vs.Spec.Hosts = []string{g.one("a.example", "b.example")}
	server := gateway.Spec.Servers[g.IntN(len(gateway.Spec.Servers))]
	if g.chance(8) {
		vs.Spec.ExportTo = []string{"."}
	}
	all := g.chance(4)
	protocol, passes := server.Port.Protocol, server.GetTls().GetMode() == networkingapi.ServerTLSSettings_PASSTHROUGH
	if all || strings.HasPrefix(protocol, "HTTP") && !passes {
		vs.Spec.Http = g.httpRoutes()
	}
	if all || passes {
		vs.Spec.Tls = []*networkingapi.TLSRoute{g.tlsRoute(vs.Spec.Hosts[0])}
	}
	if all || protocol == "TCP" || protocol == "TLS" && !passes {
		vs.Spec.Tcp = []*networkingapi.TCPRoute{g.tcpRoute()}
	}
	g.add(vs)
}
