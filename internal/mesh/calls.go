package mesh

import (
	"cmp"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// Call is a connection that a client's proxy opens, or the client itself where it has none: to a port of a destination, because the
// client called it or because a route led there.
type Call struct {
	Client *model.Workload
	// Host and Number are the host and port that are called. Destination and Port are who declares them; nil, and zero: nobody does.
	Host        string
	Number      int32
	Destination *destinations.Destination
	Port        destinations.Port
	// Called is the host that the application asks for, which a route may send elsewhere; empty: it is not known.
	Called string
	// Subset is the one that a route sends to; empty: the host itself.
	Subset string
	// Via is the route that led here; nil: the client called the destination itself.
	Via *Hop
	// Carries is what the hop before left of the connection.
	Carries istio.Carries
	// Bypass is why the client's sidecar does not treat the connection as one to the destination.
	Bypass Bypass
}

// Hop is where a route sends what it is given.
type Hop struct {
	Host   string
	Number int32
	Subset string
	Route  routes.Route
	// Server is the server of a Gateway that took the connection; nil: a sidecar did.
	Server *istio.Server
}

// Known reports whether somebody declares the host and port.
func (c Call) Known() bool { return c.Destination != nil }

// To returns the call as the model of Istio is asked about it.
func (v *View) To(c Call) istio.Destination {
	to := v.CallOf(c.Destination, c.Port)
	to.Subset, to.Carries = c.Subset, c.Carries
	return to
}

// DirectCall returns the call of a port of the destination that no route has led there. What the application asks for is not known.
func DirectCall(client *model.Workload, d *destinations.Destination, port destinations.Port) Call {
	return Call{Client: client, Host: d.Name, Number: port.Number, Destination: d, Port: port, Carries: istio.CarriesOf(port.Protocol)}
}

// subsetCall returns the direct call of a subset of the destination; an empty one is the destination itself.
func subsetCall(client *model.Workload, d *destinations.Destination, port destinations.Port, subset string) Call {
	call := DirectCall(client, d, port)
	call.Subset = subset
	return call
}

// CallsOf returns the calls that come of a client's call of a port of the destination: the routes of its sidecar are followed.
func (v *View) CallsOf(client *model.Workload, d *destinations.Destination, port destinations.Port) []Call {
	itself := DirectCall(client, d, port)
	itself.Called = d.Name
	if bypass, bypasses := v.Bypasses(client, d, port.Number); bypasses {
		itself.Bypass = bypass
		return []Call{itself}
	}
	if client.Gateway || !ReadsRules(client) {
		return []Call{itself}
	}
	routing := routes.Routing(v.Domain(), v.InMesh(client.Namespace), d.Name)
	if len(routing) == 0 {
		return []Call{itself}
	}
	var calls []Call
	for _, kind := range routes.KindsFor(port.Protocol) {
		for _, call := range v.routedCalls(routing, kind, itself) {
			if !slices.ContainsFunc(calls, call.sameTarget) {
				calls = append(calls, call)
			}
		}
	}
	return calls
}

// routedCalls returns the calls that the routes of a kind make of what the client calls: those of the first VirtualService that has any
// for it, and the call itself where none has. Routes that answer requests themselves, or leave them to a delegate, lead nowhere else.
func (v *View) routedCalls(routing []*istionetworkingv1.VirtualService, kind routes.Kind, itself Call) []Call {
	if len(routes.KindsFor(itself.Port.Protocol)) > 1 {
		itself.Carries = carriedBy(kind, itself.Carries)
	}
	var hops []Hop
	for _, vs := range routing {
		hops = v.hopsOf(vs, kind, routes.Call{Client: itself.Client, Host: itself.Host, Port: itself.Number})
		if len(hops) > 0 {
			break
		}
	}
	var calls []Call
	for _, hop := range hops {
		hop.Number = cmp.Or(hop.Number, v.portOf(kind, hop.Host, itself.Number))
		call := v.following(itself.Client, hop, itself.Carries)
		call.Called = itself.Called
		if call.sameTarget(itself) {
			call = itself
		}
		calls = append(calls, call)
	}
	if len(calls) == 0 {
		return []Call{itself}
	}
	return calls
}

// carriedBy returns what a route of the kind sends on of what it is given.
func carriedBy(kind routes.Kind, given istio.Carries) istio.Carries {
	switch kind {
	case routes.HTTP:
		return istio.CarriesHTTP
	case routes.TLS:
		return istio.CarriesTLS
	default:
		return given
	}
}

func (c Call) sameTarget(other Call) bool {
	return c.Host == other.Host && c.Number == other.Number && c.Subset == other.Subset && c.Carries == other.Carries
}

// GatewayCalls returns the calls that the pods of a gateway make: where the routes of its servers send what these take, each place once.
func (v *View) GatewayCalls(gateway *model.Workload) []Call {
	var calls []Call
	for _, l := range v.Listeners(gateway).Listeners {
		for _, s := range v.opened(gateway, l) {
			for _, hop := range s.Hops {
				hop.Number = cmp.Or(hop.Number, v.onlyPort(hop.Host, serverNumber(s.Server)))
				call := v.following(gateway, hop, istio.CarriesBytes)
				if !slices.ContainsFunc(calls, call.sameTarget) {
					calls = append(calls, call)
				}
			}
		}
	}
	return calls
}

// following returns the call that the route makes of what it was given.
func (v *View) following(client *model.Workload, hop Hop, given istio.Carries) Call {
	call := Call{
		Client: client, Host: hop.Host, Number: hop.Number, Subset: hop.Subset, Via: &hop, Carries: carriedBy(hop.Route.Kind, given),
	}
	seen := v.Destinations().Visible(hop.Host, client.Namespace)
	if client.Gateway {
		seen = v.Destinations().VisibleToGateways(hop.Host, client.Namespace)
	}
	call.Destination, call.Port = declares(callable(seen), hop.Number)
	return call
}

// Callable is a port of a host that clients of a namespace can call.
type Callable struct {
	*destinations.Destination
	Port destinations.Port
}

// CallableAt returns the ports of the host that clients of the namespace can call. Of several declarations of a port Istio uses the
// first.
func (v *View) CallableAt(host, client string) []Callable {
	return callable(v.Destinations().Visible(host, client))
}

func callable(seen []*destinations.Destination) []Callable {
	var all []Callable
	for _, d := range seen {
		for _, p := range d.Declared {
			if !slices.ContainsFunc(all, func(known Callable) bool { return known.Port.Number == p.Number }) {
				all = append(all, Callable{Destination: d, Port: p})
			}
		}
	}
	return all
}

// Callable returns the ports of all hosts that clients of the namespace can call, by host.
func (v *View) Callable(client string) []Callable {
	var all []Callable
	for _, host := range v.Destinations().Hosts() {
		all = append(all, v.CallableAt(host, client)...)
	}
	return all
}

// Declares returns who declares the host's port for clients of the namespace; nil: nobody does.
func (v *View) Declares(client, host string, number int32) (*destinations.Destination, destinations.Port) {
	return declares(v.CallableAt(host, client), number)
}

func declares(all []Callable, number int32) (*destinations.Destination, destinations.Port) {
	for _, c := range all {
		if c.Port.Number == number {
			return c.Destination, c.Port
		}
	}
	return nil, destinations.Port{}
}

// InMesh returns the VirtualServices for the sidecars of the namespace.
func (v *View) InMesh(namespace string) []*istionetworkingv1.VirtualService {
	v.note(model.KindVirtualService, model.KindConfigMap)
	return v.index.inMesh(namespace)
}

// BoundRoutes are the hops of one VirtualService that is bound to a gateway's server; none: it has no route of the kind that the server
// uses.
type BoundRoutes struct {
	VirtualService *istionetworkingv1.VirtualService
	Hops           []Hop
}

// RoutesOf returns the routes of each VirtualService that is bound to a gateway's server; none where the server uses no routes.
func (v *View) RoutesOf(gateway *model.Workload, s istio.Server) []BoundRoutes {
	kind := routes.KindFor(s.Spec())
	if kind == routes.None {
		return nil
	}
	var all []BoundRoutes
	for _, vs := range v.BoundToServer(s, gateway.Namespace) {
		hops := v.hopsOf(vs, kind, routes.Call{Gateway: s.Key(), Client: gateway, Port: serverNumber(s)})
		for i := range hops {
			hops[i].Server = &s
		}
		all = append(all, BoundRoutes{VirtualService: vs, Hops: hops})
	}
	return all
}

// BoundToServer returns the VirtualServices that are bound to the server, as pods of the namespace see it: they name its Gateway, and one
// of their hosts is one of its. They are in Istio's order.
func (v *View) BoundToServer(s istio.Server, namespace string) []*istionetworkingv1.VirtualService {
	var bound []*istionetworkingv1.VirtualService
	for _, vs := range routes.Told(v.Naming(s.Key()), namespace, v.Mesh().DefaultVirtualServiceExportTo) {
		if len(v.served(ServerOf(s)).CommonHosts(vs)) > 0 {
			bound = append(bound, vs)
		}
	}
	return bound
}

func (v *View) hopsOf(vs *istionetworkingv1.VirtualService, kind routes.Kind, c routes.Call) []Hop {
	var all []Hop
	for _, route := range routes.Taking(vs, kind, c) {
		for _, target := range route.To {
			if !route.Weighs(target) {
				continue
			}
			to := target.GetDestination()
			all = append(all, Hop{
				Host: route.Host(v.Domain(), to), Subset: to.GetSubset(), Route: route,
				Number: int32(to.GetPort().GetNumber()), // #nosec G115 -- the CRD admits no number above 65535
			})
		}
	}
	return all
}

func serverNumber(s istio.Server) int32 {
	return int32(s.Spec().GetPort().GetNumber()) // #nosec G115 -- the CRD admits no number above 65535
}

// portOf returns where a sidecar's route of the kind leads that names no port. For requests it is the called port: the routes of a port
// know no destination that lacks it.
// Source: istio pilot/pkg/networking/core/httproute.go, BuildSidecarOutboundVirtualHosts.
func (v *View) portOf(kind routes.Kind, host string, called int32) int32 {
	if kind == routes.HTTP {
		return called
	}
	return v.onlyPort(host, called)
}

// onlyPort returns the port of a destination that has just one, else the called one: so it is where a route names none.
// Source: istio pilot/pkg/networking/core/route/route.go, GetDestinationCluster.
func (v *View) onlyPort(host string, called int32) int32 {
	for _, d := range v.Destinations().Of(host) {
		if only, one := d.OnlyPort(); one {
			return only.Number
		}
	}
	return called
}
