package worlds

import (
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/render"
)

// routed is a server of a policy, with the kind of routes that it needs.
type routed struct {
	meshtlsv1alpha1.GatewayServer
	kind string
}

// routes draws VirtualServices for the servers of the policies, as their users would write them: of one in ten it is forgotten.
func (g generator) routes(policies []*meshtlsv1alpha1.MeshTLSPolicy) []client.Object {
	var all []client.Object
	for _, p := range policies {
		for i, s := range serversOf(p) {
			for j, host := range s.Hosts {
				if g.chance(10) {
					continue
				}
				all = append(all, route(p, s, host, fmt.Sprintf("%s-%d-%d", p.Name, i, j)))
			}
		}
	}
	return all
}

func serversOf(p *meshtlsv1alpha1.MeshTLSPolicy) []routed {
	var all []routed
	for _, t := range p.Spec.Terminate {
		kind := "http"
		if t.Protocol == meshtlsv1alpha1.TerminateTLS {
			kind = "tcp"
		}
		all = append(all, routed{t.GatewayServer, kind})
	}
	for _, s := range p.Spec.Passthrough {
		if s.Routing != meshtlsv1alpha1.RoutingAuto {
			all = append(all, routed{s.GatewayServer, "tls"})
		}
	}
	for _, s := range p.Spec.Plaintext {
		kind := "http"
		if slices.Contains([]meshtlsv1alpha1.PlaintextProtocol{meshtlsv1alpha1.PlaintextTCP, meshtlsv1alpha1.PlaintextMongo}, s.Protocol) {
			kind = "tcp"
		}
		all = append(all, routed{s.GatewayServer, kind})
	}
	return all
}

// route returns a VirtualService for a host of a server, in the namespace that the host allows.
func route(p *meshtlsv1alpha1.MeshTLSPolicy, s routed, host, name string) client.Object {
	namespace := p.Namespace
	if in, dns, scoped := strings.Cut(host, "/"); scoped {
		host = dns
		if in != "*" && in != "." {
			namespace = in
		}
	}
	vs := &istionetworkingv1.VirtualService{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: "route-" + name, CreationTimestamp: metav1.NewTime(epoch),
	}}
	vs.Spec.Hosts, vs.Spec.Gateways = []string{host}, []string{p.Namespace + "/" + render.GatewayName(p.Name)}
	to := &networkingapi.Destination{Host: "a.shop.svc.cluster.local", Port: &networkingapi.PortSelector{Number: 80}}
	port := uint32(s.Port) // #nosec G115 -- a port
	switch s.kind {
	case "tls":
		to.Port.Number = 9000 // a port of which nobody says that it carries HTTP
		vs.Spec.Tls = []*networkingapi.TLSRoute{{
			Match: []*networkingapi.TLSMatchAttributes{{Port: port, SniHosts: []string{host}}},
			Route: []*networkingapi.RouteDestination{{Destination: to}},
		}}
	case "tcp":
		vs.Spec.Tcp = []*networkingapi.TCPRoute{{
			Match: []*networkingapi.L4MatchAttributes{{Port: port}}, Route: []*networkingapi.RouteDestination{{Destination: to}},
		}}
	default:
		vs.Spec.Http = []*networkingapi.HTTPRoute{{Route: []*networkingapi.HTTPRouteDestination{{Destination: to}}}}
	}
	return vs
}
