package mesh

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// RouteMismatch is a VirtualService with a host of a server, and with no routes of the kind that Istio uses at the server.
type RouteMismatch struct {
	Server         GatewayServer
	VirtualService *istionetworkingv1.VirtualService
	// Kinds are the kinds of routes that the VirtualService has for the Gateway.
	Kinds sets.Set[routes.Kind]
}

// RouteMismatches returns the mismatches at the servers of a Gateway. A VirtualService counts only where no server of the Gateway uses
// its routes, and a server only where no other VirtualService routes the hosts.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayTCPBasedFilterChains, buildGatewayNetworkFiltersFromTCPRoutes and
// buildGatewayNetworkFiltersFromTLSRoutes.
func (v *contents) RouteMismatches(g *istionetworkingv1.Gateway) []RouteMismatch {
	var found []RouteMismatch
	bound := v.BoundTo(g)
	for _, vs := range bound {
		kinds := RouteKinds(vs, model.RefOf(model.KindGateway, g).Key())
		for _, s := range withoutUse(v, g, vs, kinds) {
			if !routedByOther(v, bound, vs, s) {
				found = append(found, RouteMismatch{Server: s, VirtualService: vs, Kinds: kinds})
			}
		}
	}
	return found
}

// RouteKinds returns the kinds of routes that the VirtualService has for the Gateway, whatever their ports.
func RouteKinds(vs *istionetworkingv1.VirtualService, gateway types.NamespacedName) sets.Set[routes.Kind] {
	kinds := sets.New[routes.Kind]()
	for _, kind := range []routes.Kind{routes.HTTP, routes.TLS, routes.TCP} {
		if len(routes.Taking(vs, kind, routes.Call{Gateway: gateway})) > 0 {
			kinds.Insert(kind)
		}
	}
	return kinds
}

// withoutUse returns the servers that have a host of the VirtualService and do not use its kinds of routes; none where some server uses
// them. Where some of the servers speak TLS, it returns only these: it is them that are mistaken for something else.
func withoutUse(
	v *contents, g *istionetworkingv1.Gateway, vs *istionetworkingv1.VirtualService, kinds sets.Set[routes.Kind],
) []GatewayServer {
	var plain, withTLS []GatewayServer
	for s := range ServersOf(g) {
		if s.Routes() == routes.None || len(v.CommonHosts(s, vs)) == 0 {
			continue
		}
		switch {
		case len(kinds) == 0 || kinds.Has(s.Routes()):
			return nil
		case s.SpeaksTLS():
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

// routedByOther reports whether another VirtualService has routes that the server uses for the hosts.
func routedByOther(v *contents, bound []*istionetworkingv1.VirtualService, vs *istionetworkingv1.VirtualService, s GatewayServer) bool {
	return slices.ContainsFunc(bound, func(other *istionetworkingv1.VirtualService) bool {
		if other == vs || !RouteKinds(other, s.Key()).Has(s.Routes()) {
			return false
		}
		return slices.ContainsFunc(v.CommonHosts(s, other), func(host string) bool {
			return slices.ContainsFunc(v.CommonHosts(s, vs), func(own string) bool { return hosts.Overlap(own, host) })
		})
	})
}
