package lint

import (
	"fmt"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayRouteKindMismatch tells of servers whose hosts a VirtualService has, while its routes are of kinds that Istio does not use
// there. It speaks only if no server of the Gateway uses them, and no other VirtualService routes the hosts.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayTCPBasedFilterChains, buildGatewayNetworkFiltersFromTCPRoutes and
// buildGatewayNetworkFiltersFromTLSRoutes.
func gatewayRouteKindMismatch(v *view) []model.Finding {
	var findings []model.Finding
	for _, g := range v.Gateways {
		bound := v.boundTo(g)
		for _, vs := range bound {
			kinds := routeKindsFor(vs, keyOf(g))
			for _, s := range withoutUse(g, vs, kinds) {
				if !routedByOther(bound, vs, s) {
					findings = append(findings, routeKindMismatch(s, vs, kinds))
				}
			}
		}
	}
	return findings
}

// withoutUse are the servers that have a host of the VirtualService and no use for its kinds of routes, if there are no others; where
// there are some with TLS, only these: it is them that are mistaken for something else.
func withoutUse(g *istionetworkingv1.Gateway, vs *istionetworkingv1.VirtualService, kinds sets.Set[routes.Kind]) []gatewayServer {
	var plain, withTLS []gatewayServer
	for s := range serversOf(g) {
		if s.routes() == routes.None || len(commonHosts(vs, s)) == 0 {
			continue
		}
		switch {
		case len(kinds) == 0 || kinds.Has(s.routes()):
			return nil
		case s.speaksTLS():
			withTLS = append(withTLS, s)
		default:
			plain = append(plain, s)
		}
	}
	if len(withTLS) > 0 {
		return withTLS
	}
	return plain
}

// routedByOther says whether another VirtualService has routes that the server uses for the hosts.
func routedByOther(bound []*istionetworkingv1.VirtualService, vs *istionetworkingv1.VirtualService, s gatewayServer) bool {
	return slices.ContainsFunc(bound, func(other *istionetworkingv1.VirtualService) bool {
		if other == vs || !routeKindsFor(other, keyOf(s.gateway)).Has(s.routes()) {
			return false
		}
		return slices.ContainsFunc(commonHosts(other, s), func(host string) bool {
			return slices.ContainsFunc(commonHosts(vs, s), func(own string) bool { return hosts.Overlap(own, host) })
		})
	})
}

func routeKindMismatch(s gatewayServer, vs *istionetworkingv1.VirtualService, kinds sets.Set[routes.Kind]) model.Finding {
	name := ref(model.KindVirtualService, vs)
	f := s.about(meshtlsv1alpha1.SeverityError, "")
	f.Message = fmt.Sprintf("%s, and %s, which is for %s here, has only %s routes: Istio uses none of them, and %s.",
		s.wants(), name, strings.Join(commonHosts(vs, s), ", "), kindWords(kinds), s.unrouted())
	f.Remedy = fmt.Sprintf("Give %s %s routes, or %s.", name, s.routes(), s.instead(kinds))
	return f
}

// wants are the routes that the server uses, and why.
func (s gatewayServer) wants() string {
	switch {
	case s.passesThrough():
		return "It passes TLS through, for which Istio uses tls routes with sniHosts"
	case s.endsTLS() && s.routes() == routes.HTTP:
		return "It ends TLS and finds HTTP in it, for which Istio uses http routes"
	case s.endsTLS():
		return fmt.Sprintf("It ends TLS and finds something else than HTTP in it (protocol %s), for which Istio uses tcp routes", s.Port.Protocol)
	default:
		return fmt.Sprintf("It speaks %s without TLS, for which Istio uses %s routes", s.Port.Protocol, s.routes())
	}
}

// unrouted is what becomes of clients without a route.
func (s gatewayServer) unrouted() string {
	if s.routes() == routes.HTTP {
		return "requests are answered by 404"
	}
	return "connections fail"
}

// instead is what else the kinds of routes would be right for.
func (s gatewayServer) instead(kinds sets.Set[routes.Kind]) string {
	switch {
	case s.endsTLS() && kinds.Has(routes.TLS):
		return "set the server's TLS mode to PASSTHROUGH"
	case s.endsTLS() && kinds.Has(routes.HTTP):
		return "set the server's protocol to HTTPS"
	case s.endsTLS() && kinds.Has(routes.TCP):
		return "set the server's protocol to TLS"
	case s.passesThrough():
		return "let the server end TLS"
	default:
		return "change the server's protocol"
	}
}

func kindWords(kinds sets.Set[routes.Kind]) string {
	var words []string
	for _, kind := range sets.List(kinds) {
		words = append(words, string(kind))
	}
	return strings.Join(words, " and ")
}
