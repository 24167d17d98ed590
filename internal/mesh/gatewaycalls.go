package mesh

import (
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// RoutedByGateways are the calls that the pods of gateways make, where the routes of their servers lead.
type RoutedByGateways struct {
	All []Call
	// To are those of each host that is called.
	To map[string][]Call
}

// CallsOfGateways returns the calls of all pods of gateways.
func CallsOfGateways(v *View) RoutedByGateways {
	return Derived(v, func(v *View) RoutedByGateways {
		calls := RoutedByGateways{To: map[string][]Call{}}
		for _, pod := range PodsOfGateways(v) {
			for _, call := range v.GatewayCalls(pod) {
				calls.All = append(calls.All, call)
				calls.To[call.Host] = append(calls.To[call.Host], call)
			}
		}
		return calls
	})
}

// UnusedRoutes are routes of a VirtualService that no server of a gateway uses, although they are bound to one and of its kind.
type UnusedRoutes struct {
	VirtualService *istionetworkingv1.VirtualService
	// Server is the first server that they are bound to.
	Server GatewayServer
	// Redirect is the server that redirects their requests to https; nil: none does.
	Redirect *GatewayServer
	// Winner is the VirtualService whose routes take the connections in their place; nil: none does.
	Winner *istionetworkingv1.VirtualService
}

// RoutesUnused returns the VirtualServices whose routes no server of any gateway uses, each once.
func RoutesUnused(v *View) []UnusedRoutes {
	used := map[*istionetworkingv1.VirtualService]bool{}
	unused := map[*istionetworkingv1.VirtualService]UnusedRoutes{}
	var order []*istionetworkingv1.VirtualService
	for _, pod := range PodsOfGateways(v) {
		for _, u := range unusedAt(v, pod, used) {
			if _, known := unused[u.VirtualService]; !known {
				unused[u.VirtualService] = u
				order = append(order, u.VirtualService)
			}
		}
	}
	var all []UnusedRoutes
	for _, vs := range order {
		if !used[vs] {
			all = append(all, unused[vs])
		}
	}
	return all
}

// unusedAt returns the routes that a server of the pods is bound to and does not use, and takes down the VirtualServices that it does use.
func unusedAt(v *View, pod *model.Workload, used map[*istionetworkingv1.VirtualService]bool) []UnusedRoutes {
	var all []UnusedRoutes
	for _, l := range v.Listeners(pod).Listeners {
		opened := v.opened(pod, l)
		for _, s := range opened {
			for _, hop := range s.Hops {
				used[hop.Route.Of] = true
			}
		}
		for _, s := range l.Servers {
			all = append(all, redirectedAt(v, pod, s)...)
			for _, bound := range v.RoutesOf(pod, s) {
				if len(bound.Hops) > 0 {
					all = append(all, v.boundInVain(l, opened, s, bound.VirtualService))
				}
			}
		}
	}
	return all
}

// redirectedAt returns the http routes that are bound to a server that redirects. A host that is for one namespace is redirected only
// where that namespace has routes for it, so these are of use.
func redirectedAt(v *View, pod *model.Workload, s istio.Server) []UnusedRoutes {
	server := ServerOf(s)
	scoped := slices.ContainsFunc(s.Spec().Hosts, func(host string) bool {
		return strings.Contains(host, "/") && !strings.HasPrefix(host, "*/")
	})
	if !server.Redirects() || scoped {
		return nil
	}
	var all []UnusedRoutes
	for _, vs := range v.BoundToServer(s, pod.Namespace) {
		call := routes.Call{Gateway: s.Key(), Client: pod, Port: serverNumber(s)}
		if len(v.hopsOf(vs, routes.HTTP, call)) > 0 {
			all = append(all, UnusedRoutes{VirtualService: vs, Server: server, Redirect: &server})
		}
	}
	return all
}

// boundInVain returns the routes of the VirtualService as unused at the server.
func (v *View) boundInVain(l istio.Listener, opened []OpenedServer, s istio.Server, vs *istionetworkingv1.VirtualService) UnusedRoutes {
	u := UnusedRoutes{VirtualService: vs, Server: ServerOf(s)}
	if routes.KindFor(s.Spec()) == routes.HTTP {
		u.Redirect = redirecting(l.Servers, v.served(ServerOf(s)).SharedHosts(vs))
	} else {
		u.Winner = winnerAmong(opened, u)
	}
	return u
}

// redirecting returns the first of the servers that redirects one of the hosts to https, or else the first that redirects any.
func redirecting(servers []istio.Server, shared []string) *GatewayServer {
	var first *GatewayServer
	for _, s := range servers {
		server := ServerOf(s)
		switch {
		case !server.Redirects():
		case slices.ContainsFunc(shared, func(host string) bool { return slices.Contains(server.Names(), host) }):
			return &server
		case first == nil:
			first = &server
		}
	}
	return first
}

// winnerAmong returns the VirtualService whose routes take the connections for a host of the unused one: at the same server, where one
// route takes all connections, or at any where they are told apart by server name.
func winnerAmong(opened []OpenedServer, u UnusedRoutes) *istionetworkingv1.VirtualService {
	for _, s := range opened {
		same := s.Gateway == u.Server.Gateway && s.Index == u.Server.Index
		for _, hop := range s.Hops {
			if hop.Route.Of != u.VirtualService && (same || hop.Route.Kind == routes.TLS) {
				return hop.Route.Of
			}
		}
	}
	return nil
}

// governedByRule returns the calls of gateways to the destination that the rule governs.
func governedByRule(v *View, rule *istionetworkingv1.DestinationRule, d *destinations.Destination) []Call {
	var calls []Call
	for _, call := range CallsOfGateways(v).To[d.Name] {
		if call.Destination == d && v.Governs(rule, istio.ClientOf(call.Client), d) {
			calls = append(calls, call)
		}
	}
	if len(calls) > 0 || !model.Ours(rule) {
		return calls
	}
	// What a policy says that a gateway sends is judged before there is a route.
	for _, w := range v.Callers(rule) {
		if w.Gateway && rule.Spec.GetWorkloadSelector() != nil && v.Governs(rule, istio.ClientOf(w), d) {
			return callsOfPorts(w, d, []string{""})
		}
	}
	return nil
}
