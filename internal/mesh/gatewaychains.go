package mesh

import (
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// OpenedServer is a server of a Gateway for which Istio makes filter chains.
type OpenedServer struct {
	istio.Server
	// Names are the server names (SNI) that the chains are for.
	Names []string
	// Hops are where the server's routes send what it takes.
	Hops []Hop
}

// opened returns the servers of a listener that Istio makes filter chains for, with the routes that Istio uses: requests are routed by
// all VirtualServices, connections by the first route, and TLS that is passed through by the first route for a server name. A server that
// routes connections and has no route is not opened.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayNetworkFiltersFromTCPRoutes and buildGatewayNetworkFiltersFromTLSRoutes.
func (v *View) opened(gateway *model.Workload, l istio.Listener) []OpenedServer {
	taken, redirected := sets.New[string](), v.redirected(gateway, l)
	var all []OpenedServer
	for _, s := range l.Servers {
		server := OpenedServer{Server: s, Names: s.Names()}
		switch routedBy(s) {
		case routes.HTTP:
			for _, bound := range v.RoutesOf(gateway, s) {
				shared := v.served(ServerOf(s)).SharedHosts(bound.VirtualService)
				if !s.PlainHTTP() || !redirected.HasAll(shared...) {
					server.Hops = append(server.Hops, bound.Hops...)
				}
			}
		case routes.TCP:
			server.Hops = v.firstRoute(gateway, s)
			if len(server.Hops) == 0 {
				continue
			}
		case routes.TLS:
			server.Names, server.Hops = v.byServerName(gateway, s, taken)
			if len(server.Names) == 0 {
				continue
			}
		case routes.None:
			if namesDestinations(s) {
				server.Names = []string{"*"}
			}
		}
		all = append(all, server)
	}
	return all
}

// routedBy returns the kind of VirtualServices' routes that Istio uses for the server. The routes of a listener are the Gateway API's.
// These are not read: it is taken to have some.
func routedBy(s istio.Server) routes.Kind {
	if s.OfListener() {
		return routes.None
	}
	return routes.KindFor(s.Spec())
}

// namesDestinations reports whether the server name of a connection spells the destination out.
func namesDestinations(s istio.Server) bool {
	return s.Spec().GetTls().GetMode() == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH
}

// redirected returns the hosts whose requests a listener sends to https: those of its servers that redirect, and those of the
// VirtualServices that are bound to such a server, at every server of the listener.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayHTTPRouteConfig.
func (v *View) redirected(gateway *model.Workload, l istio.Listener) sets.Set[string] {
	redirected := sets.New[string]()
	for _, s := range l.Servers {
		if !s.Spec().GetTls().GetHttpsRedirect() {
			continue
		}
		redirected.Insert(s.Names()...)
		for _, vs := range v.BoundToServer(s, gateway.Namespace) {
			redirected.Insert(v.served(ServerOf(s)).SharedHosts(vs)...)
		}
	}
	return redirected
}

// firstRoute returns where the first route of the server leads: one route takes all of its connections.
func (v *View) firstRoute(gateway *model.Workload, s istio.Server) []Hop {
	for _, bound := range v.RoutesOf(gateway, s) {
		if len(bound.Hops) > 0 {
			first := bound.Hops[0].Route
			return slices.DeleteFunc(bound.Hops, func(h Hop) bool { return h.Route.Index != first.Index })
		}
	}
	return nil
}

// byServerName returns the server names that the server's routes ask for and that no earlier route of the listener has taken, and where
// these routes lead.
func (v *View) byServerName(gateway *model.Workload, s istio.Server, taken sets.Set[string]) (names []string, hops []Hop) {
	for _, bound := range v.RoutesOf(gateway, s) {
		for i, hop := range bound.Hops {
			if i > 0 && bound.Hops[i-1].Route.Index == hop.Route.Index {
				continue // the targets of one route are looked at together
			}
			free := hop.Route.FreeNames(routes.Call{Gateway: s.Key(), Client: gateway, Port: serverNumber(s)}, taken)
			if len(free) == 0 {
				continue
			}
			names = append(names, free...)
			hops = append(hops, slices.DeleteFunc(slices.Clone(bound.Hops), func(h Hop) bool { return h.Route.Index != hop.Route.Index })...)
		}
	}
	return names, hops
}
