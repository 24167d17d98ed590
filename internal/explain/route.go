package explain

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// hop is where a route sends what it is given.
type hop struct {
	host   string
	port   int32
	subset string
	// encrypted says that the route goes by the name in TLS that nobody ends on the way.
	encrypted bool
	route     *Route
}

// hops are where the VirtualService's routes of the kind send the call.
func hops(vs *istionetworkingv1.VirtualService, kind routes.Kind, c routes.Call) []hop {
	var all []hop
	for _, route := range routes.Taking(vs, kind, c) {
		for _, target := range route.To {
			to := target.GetDestination()
			all = append(all, hop{
				host: route.Host(to), subset: to.GetSubset(), encrypted: kind == routes.TLS,
				port:  int32(to.GetPort().GetNumber()), // #nosec G115 -- the CRD admits no number above 65535
				route: &Route{Namespace: vs.Namespace, Name: vs.Name, Field: route.Field()},
			})
		}
	}
	return all
}

// meshRoutes are where the client's sidecar sends what is called at the port of the host, if a VirtualService routes it.
func (v *view) meshRoutes(client model.Workload, d *destinations.Destination, port destinations.Port) []hop {
	vs := routes.Routing(v.meshVirtualServices(client.Namespace), d.Name)
	if vs == nil {
		return nil
	}
	var all []hop
	for _, kind := range routes.KindsFor(port.Protocol) {
		all = append(all, hops(vs, kind, routes.Call{Client: &client, Host: d.Name, Port: port.Number})...)
	}
	return all
}

// meshVirtualServices are those for the sidecars of the namespace.
func (v *view) meshVirtualServices(namespace string) []*istionetworkingv1.VirtualService {
	found, known := v.routesFor[namespace]
	if !known {
		found = routes.InMesh(v.mesh.VirtualServices, namespace, v.mesh.Mesh.DefaultVirtualServiceExportTo)
		v.routesFor[namespace] = found
	}
	return found
}

// gatewayRoutes are where the gateway sends what its servers take, each place once; and a note on each VirtualService that is bound
// to servers and has no route of the kind that any of them needs.
func (v *view) gatewayRoutes(w model.Workload) (sent []hop, unfit []string) {
	seen := map[hop]bool{}
	misfits := map[*istionetworkingv1.VirtualService]string{}
	routed := map[*istionetworkingv1.VirtualService]bool{}
	for s := range v.routedServers(w) {
		for _, vs := range v.boundTo(s, w.Namespace) {
			c := routes.Call{Gateway: keyOf(s), Client: &w, Port: serverPort(s.Spec())}
			found := hops(vs, routes.KindFor(s.Spec()), c)
			routed[vs] = routed[vs] || len(found) > 0 || answersItself(vs)
			misfits[vs] = misfit(vs, s)
			for _, h := range found {
				h.port = cmp.Or(h.port, v.onlyPort(h.host, c.Port))
				place := h
				place.route = nil
				if !seen[place] {
					seen[place] = true
					server := v.serverOrigin(s)
					h.route.Server = &server
					sent = append(sent, h)
				}
			}
		}
	}
	for vs, words := range misfits {
		if !routed[vs] {
			unfit = append(unfit, words)
		}
	}
	slices.Sort(unfit)
	return sent, unfit
}

// routedServers are the servers in force that send on what routes say.
func (v *view) routedServers(w model.Workload) iter.Seq[istio.Server] {
	return func(yield func(istio.Server) bool) {
		for _, l := range v.istio.Listeners(w).Listeners {
			for _, s := range l.Servers {
				if routes.KindFor(s.Spec()) != routes.None && !yield(s) {
					return
				}
			}
		}
	}
}

// answersItself says whether a VirtualService redirects or answers, or lets another decide.
func answersItself(vs *istionetworkingv1.VirtualService) bool {
	return slices.ContainsFunc(vs.Spec.GetHttp(), func(r *networkingapi.HTTPRoute) bool {
		return r.GetRedirect() != nil || r.GetDirectResponse() != nil || r.GetDelegate() != nil
	})
}

func misfit(vs *istionetworkingv1.VirtualService, s istio.Server) string {
	return fmt.Sprintf("VirtualService %s/%s is bound to %s and has no route for it: a server of this kind is routed by spec.%s.",
		vs.Namespace, vs.Name, serverName(s), routes.KindFor(s.Spec()))
}

func serverName(s istio.Server) string {
	return fmt.Sprintf("%s spec.servers[%d]", s.Ref(), s.Index)
}

// boundTo are the VirtualServices that are bound to the server, as pods of the namespace see it: they name its Gateway, and one of
// their hosts is one of its.
func (v *view) boundTo(s istio.Server, namespace string) []*istionetworkingv1.VirtualService {
	var bound []*istionetworkingv1.VirtualService
	for _, vs := range v.routes[keyOf(s)] {
		if routes.ExportedTo(vs, namespace, v.mesh.Mesh.DefaultVirtualServiceExportTo) &&
			len(routes.CommonHosts(vs, s.Spec(), s.Gateway.Namespace)) > 0 {
			bound = append(bound, vs)
		}
	}
	return bound
}

func keyOf(s istio.Server) types.NamespacedName {
	return types.NamespacedName{Namespace: s.Gateway.Namespace, Name: s.Gateway.Name}
}

// onlyPort is the port of a destination that has just one, else the called one: so it is where a route names none.
// Source: istio pilot/pkg/networking/core/route/route.go, GetDestinationCluster.
func (v *view) onlyPort(host string, called int32) int32 {
	for _, d := range v.destinations.Of(host) {
		if only, one := d.OnlyPort(); one {
			return only.Number
		}
	}
	return called
}
