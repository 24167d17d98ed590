package explain

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/destinations"
	"github.com/meshtls/meshtls/internal/effective"
	"github.com/meshtls/meshtls/internal/hosts"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/pods"
)

// meshGateway stands, in a VirtualService, for all sidecars.
const meshGateway = "mesh"

// call is what a proxy is given to send on.
type call struct {
	client model.Workload
	// gateways are the names by which a route can say that it is for this call: mesh, or that of the server's Gateway.
	gateways []string
	// host is what is called; a gateway takes more than one.
	host string
	port int32
	sections
}

// sections are those of a VirtualService that can hold a call's routes.
type sections struct{ http, tls, tcp bool }

// sectionsOf are the sections for what a port is declared to carry. What Istio finds out by looking can be HTTP or not.
func sectionsOf(protocol string) sections {
	switch {
	case protocol == "":
		return sections{http: true, tcp: true}
	case effective.SpeaksHTTP(protocol):
		return sections{http: true}
	case effective.SpeaksTLS(protocol):
		return sections{tls: true}
	default:
		return sections{tcp: true}
	}
}

// sectionsFor are the sections for what a gateway's server takes. What it leaves encrypted can only be routed by name.
// Source: istio pilot/pkg/networking/core/gateway.go, createGatewayTCPFilterChainOpts and buildGatewayNetworkFiltersFromTLSRoutes.
func sectionsFor(s effective.Server) sections {
	protocol := s.Spec().GetPort().GetProtocol()
	switch {
	case s.PlainHTTP(): // a redirect to https too, whose TLS settings would pass through
		return sections{http: true}
	case s.PassesThrough():
		return sections{tls: true}
	case strings.EqualFold(protocol, "HTTPS"):
		return sections{http: true}
	default:
		return sections{tcp: true}
	}
}

// hop is where a route sends what it is given.
type hop struct {
	host   string
	port   int32
	subset string
	// encrypted says that the route goes by the name in TLS that nobody ends on the way.
	encrypted bool
	route     *Route
}

// match is a condition of a route of any section.
type match interface {
	GetGateways() []string
	GetPort() uint32
	GetSourceLabels() map[string]string
	GetSourceNamespace() string
}

// weighted is a destination of a route of any section.
type weighted interface {
	GetDestination() *networkingapi.Destination
}

// section is a section of a VirtualService, as far as the three are alike.
type section[M match, D weighted, R interface {
	GetMatch() []M
	GetRoute() []D
}] struct {
	of        *istionetworkingv1.VirtualService
	name      string
	routes    []R
	encrypted bool
}

// hops are where the routes that are for the call send it.
func (s section[M, D, R]) hops(c call) []hop {
	var all []hop
	for i, route := range s.routes {
		matches := route.GetMatch()
		if len(matches) > 0 && !slices.ContainsFunc(matches, func(m M) bool { return c.fits(m) }) {
			continue
		}
		for _, d := range route.GetRoute() {
			to := d.GetDestination()
			all = append(all, hop{
				host: hosts.Qualify(to.GetHost(), s.of.Namespace), subset: to.GetSubset(), encrypted: s.encrypted,
				port:  int32(to.GetPort().GetNumber()), // #nosec G115 -- the CRD admits no number above 65535
				route: &Route{Namespace: s.of.Namespace, Name: s.of.Name, Field: fmt.Sprintf("spec.%s[%d]", s.name, i)},
			})
		}
		if len(matches) == 0 {
			break // nothing gets to the routes behind it
		}
	}
	return all
}

type (
	httpSection = section[*networkingapi.HTTPMatchRequest, *networkingapi.HTTPRouteDestination, *networkingapi.HTTPRoute]
	tlsSection  = section[*networkingapi.TLSMatchAttributes, *networkingapi.RouteDestination, *networkingapi.TLSRoute]
	tcpSection  = section[*networkingapi.L4MatchAttributes, *networkingapi.RouteDestination, *networkingapi.TCPRoute]
)

// routes are the hops of a VirtualService for a call.
func routes(vs *istionetworkingv1.VirtualService, c call) []hop {
	var all []hop
	if c.http {
		all = append(all, httpSection{of: vs, name: "http", routes: vs.Spec.GetHttp()}.hops(c)...)
	}
	if c.tls {
		all = append(all, tlsSection{of: vs, name: "tls", routes: vs.Spec.GetTls(), encrypted: true}.hops(c)...)
	}
	if c.tcp {
		all = append(all, tcpSection{of: vs, name: "tcp", routes: vs.Spec.GetTcp()}.hops(c)...)
	}
	return all
}

// fits says whether the match holds for the call as a whole. What it asks of a request (paths, headers) some request may have.
func (c call) fits(m match) bool {
	if byName, tls := m.(interface{ GetSniHosts() []string }); tls && c.host != "" && !coverAny(byName.GetSniHosts(), c.host) {
		return false
	}
	named := len(m.GetGateways()) == 0 ||
		slices.ContainsFunc(m.GetGateways(), func(g string) bool { return slices.Contains(c.gateways, g) })
	return named && (m.GetPort() == 0 || m.GetPort() == uint32(c.port)) && // #nosec G115 -- below 65536
		pods.Matches(m.GetSourceLabels(), c.client.Labels) &&
		(m.GetSourceNamespace() == "" || m.GetSourceNamespace() == c.client.Namespace)
}

// meshRoutes are where the client's sidecar sends what is called at the port of the host, if a VirtualService routes it: that with
// the most specific host; of several the oldest.
func (v *view) meshRoutes(client model.Workload, d *destinations.Destination, port destinations.Port) []hop {
	var best *istionetworkingv1.VirtualService
	var bestHost string
	for _, vs := range v.meshVirtualServices(client.Namespace) {
		for _, host := range vs.Spec.GetHosts() {
			host = hosts.Qualify(host, vs.Namespace)
			if host != d.Name && !hosts.Covers(host, d.Name) {
				continue
			}
			if best == nil || moreSpecific(host, bestHost) || host == bestHost && older(vs, best) {
				best, bestHost = vs, host
			}
		}
	}
	if best == nil {
		return nil
	}
	c := call{client: client, gateways: []string{meshGateway}, host: d.Name, port: port.Number, sections: sectionsOf(port.Protocol)}
	return routes(best, c)
}

// coverAny says whether one of the names is the host, or stands for it.
func coverAny(names []string, host string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return name == host || hosts.Covers(name, host) })
}

// moreSpecific: no wildcard, or a longer one.
func moreSpecific(host, than string) bool {
	if wild := hosts.IsWildcard(host); wild != hosts.IsWildcard(than) {
		return !wild
	}
	return len(host) > len(than)
}

func older(a, b *istionetworkingv1.VirtualService) bool {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name)) < 0
}

// meshVirtualServices are those for the sidecars of the namespace.
func (v *view) meshVirtualServices(namespace string) []*istionetworkingv1.VirtualService {
	if found, known := v.routesFor[namespace]; known {
		return found
	}
	found := slices.DeleteFunc(slices.Clone(v.mesh.VirtualServices), func(vs *istionetworkingv1.VirtualService) bool {
		forMesh := len(vs.Spec.GetGateways()) == 0 || slices.Contains(vs.Spec.GetGateways(), meshGateway)
		return !forMesh || !v.visibleIn(vs, namespace)
	})
	v.routesFor[namespace] = found
	return found
}

// visibleIn says whether the proxies of a namespace get the VirtualService.
// Source: istio pilot/pkg/model/push_context.go, initVirtualServices.
func (v *view) visibleIn(vs *istionetworkingv1.VirtualService, namespace string) bool {
	exportTo := vs.Spec.GetExportTo()
	if len(exportTo) == 0 {
		exportTo = v.mesh.Mesh.DefaultVirtualServiceExportTo
	}
	return len(exportTo) == 0 || slices.Contains(exportTo, "*") || slices.Contains(exportTo, namespace) ||
		slices.Contains(exportTo, ".") && vs.Namespace == namespace
}

// gatewayRoutes are where the gateway sends what its servers take, each place once; and a note on each VirtualService that is bound
// to servers and has no route of the kind that any of them needs.
func (v *view) gatewayRoutes(w model.Workload) (hops []hop, unfit []string) {
	seen := map[hop]bool{}
	misfits := map[*istionetworkingv1.VirtualService]string{}
	routed := map[*istionetworkingv1.VirtualService]bool{}
	for s := range v.routedServers(w) {
		for _, vs := range v.boundTo(s, w.Namespace) {
			c := call{client: w, gateways: gatewayNames(s, vs), port: serverPort(s.Spec()), sections: sectionsFor(s)}
			found := routes(vs, c)
			routed[vs] = routed[vs] || len(found) > 0 || answersItself(vs)
			misfits[vs] = misfit(vs, s, c)
			for _, h := range found {
				h.port = cmp.Or(h.port, v.onlyPort(h.host, c.port))
				place := h
				place.route = nil
				if !seen[place] {
					seen[place] = true
					server := v.serverOrigin(s)
					h.route.Server = &server
					hops = append(hops, h)
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
	return hops, unfit
}

// routedServers are the servers in force that send anything on: all but those that only redirect.
func (v *view) routedServers(w model.Workload) iter.Seq[effective.Server] {
	return func(yield func(effective.Server) bool) {
		for _, l := range v.istio.Listeners(w).Listeners {
			for _, s := range l.Servers {
				if !s.Spec().GetTls().GetHttpsRedirect() && !yield(s) {
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

func misfit(vs *istionetworkingv1.VirtualService, s effective.Server, c call) string {
	wants := "spec.tcp"
	switch {
	case c.tls:
		wants = "spec.tls"
	case c.http:
		wants = "spec.http"
	}
	return fmt.Sprintf("VirtualService %s/%s is bound to %s and has no route for it: a server of this kind is routed by %s.",
		vs.Namespace, vs.Name, serverName(s), wants)
}

func serverName(s effective.Server) string {
	return fmt.Sprintf("%s spec.servers[%d]", s.Ref(), s.Index)
}

// boundTo are the VirtualServices that are bound to the server, as pods of the namespace see it: they name its Gateway, and one of
// their hosts is one of its.
func (v *view) boundTo(s effective.Server, namespace string) []*istionetworkingv1.VirtualService {
	var bound []*istionetworkingv1.VirtualService
	for _, vs := range v.mesh.VirtualServices {
		names := gatewayNames(s, vs)
		if v.visibleIn(vs, namespace) && sharesHost(vs, s) &&
			slices.ContainsFunc(vs.Spec.GetGateways(), func(g string) bool { return slices.Contains(names, g) }) {
			bound = append(bound, vs)
		}
	}
	return bound
}

// gatewayNames are how the VirtualService can name the server's Gateway.
func gatewayNames(s effective.Server, vs *istionetworkingv1.VirtualService) []string {
	names := []string{s.Gateway.Namespace + "/" + s.Gateway.Name}
	if vs.Namespace == s.Gateway.Namespace {
		names = append(names, s.Gateway.Name, "./"+s.Gateway.Name)
	}
	return names
}

func sharesHost(vs *istionetworkingv1.VirtualService, s effective.Server) bool {
	for _, served := range s.Hosts {
		namespace, name, scoped := strings.Cut(served, "/")
		if !scoped {
			name = served
		} else if namespace != "*" && namespace != vs.Namespace {
			continue
		}
		for _, host := range vs.Spec.GetHosts() {
			host = hosts.Qualify(host, vs.Namespace)
			if host == name || hosts.Covers(name, host) || hosts.Covers(host, name) {
				return true
			}
		}
	}
	return false
}

// onlyPort is the port of a destination that has just one, else the called one: so it is where a route names none.
// Source: istio pilot/pkg/networking/core/route/route.go, GetDestinationCluster.
func (v *view) onlyPort(host string, called int32) int32 {
	for _, d := range v.destinations.Of(host) {
		if len(d.Declared) == 1 {
			return d.Declared[0].Number
		}
	}
	return called
}
