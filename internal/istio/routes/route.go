package routes

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// Route is a route of a VirtualService, of whatever kind.
type Route struct {
	Of   *istionetworkingv1.VirtualService
	Kind Kind
	// Index is its place among those of its kind.
	Index int
	// Matches are its conditions; one of them has to hold.
	Matches []Match
	// To are where it leads, Mirrors where copies go.
	To      []Target
	Mirrors []*networkingapi.Destination
}

// Match is a condition of a route.
type Match interface {
	GetGateways() []string
	GetPort() uint32
	GetSourceLabels() map[string]string
	GetSourceNamespace() string
}

// Target is where a route leads.
type Target interface {
	GetDestination() *networkingapi.Destination
	GetWeight() int32
}

// Field returns the path of the route.
func (r Route) Field() string { return fmt.Sprintf("spec.%s[%d]", r.Kind, r.Index) }

// Host returns the host that a destination of the route names, qualified in a cluster of the domain.
func (r Route) Host(domain hosts.Domain, to *networkingapi.Destination) string {
	return domain.Qualify(to.GetHost(), r.Of.Namespace)
}

// FreeNames returns the server names of the conditions that hold for the call, of a route for TLS, and adds them to those that are taken.
// Istio skips a condition if one of its names is taken.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayNetworkFiltersFromTLSRoutes.
func (r Route) FreeNames(c Call, taken sets.Set[string]) []string {
	var names []string
	for _, m := range r.Matches {
		byName, tls := m.(interface{ GetSniHosts() []string })
		if !tls || !r.holds(m, c) || taken.HasAny(byName.GetSniHosts()...) {
			continue
		}
		taken.Insert(byName.GetSniHosts()...)
		names = append(names, byName.GetSniHosts()...)
	}
	return names
}

// Weighs reports whether anything is sent to the target: a weight of zero has a meaning only among several.
func (r Route) Weighs(t Target) bool { return len(r.To) == 1 || t.GetWeight() > 0 }

// All returns the routes of the VirtualService, by kind: HTTP, TLS, TCP.
func All(vs *istionetworkingv1.VirtualService) []Route {
	all := make([]Route, 0, len(vs.Spec.Http)+len(vs.Spec.Tls)+len(vs.Spec.Tcp))
	for i, r := range vs.Spec.Http {
		route := Route{Of: vs, Kind: HTTP, Index: i, Matches: matches(r.Match), To: targets(r.Route)}
		if r.Mirror != nil {
			route.Mirrors = append(route.Mirrors, r.Mirror)
		}
		for _, mirror := range r.Mirrors {
			route.Mirrors = append(route.Mirrors, mirror.GetDestination())
		}
		all = append(all, route)
	}
	for i, r := range vs.Spec.Tls {
		all = append(all, Route{Of: vs, Kind: TLS, Index: i, Matches: matches(r.Match), To: targets(r.Route)})
	}
	for i, r := range vs.Spec.Tcp {
		all = append(all, Route{Of: vs, Kind: TCP, Index: i, Matches: matches(r.Match), To: targets(r.Route)})
	}
	return all
}

func matches[M Match](all []M) []Match {
	as := make([]Match, len(all))
	for i, m := range all {
		as[i] = m
	}
	return as
}

func targets[T Target](all []T) []Target {
	as := make([]Target, len(all))
	for i, t := range all {
		as[i] = t
	}
	return as
}

// Call is what a proxy is given to send on. What is zero in it may be anything.
type Call struct {
	// Gateway is the Gateway whose server takes the call; zero: a sidecar does.
	Gateway types.NamespacedName
	// Client are the pods whose proxy it is.
	Client *model.Workload
	// Host is what is called; what a gateway takes is for more than one.
	Host string
	Port int32
}

// Taking returns the VirtualService's routes of the kind that take the call, up to one that leaves nothing to those behind it.
func Taking(vs *istionetworkingv1.VirtualService, kind Kind, c Call) []Route {
	var taking []Route
	for _, route := range All(vs) {
		if route.Kind != kind || !route.takes(c) {
			continue
		}
		taking = append(taking, route)
		if len(route.Matches) == 0 || kind == TCP && !route.byAddress() {
			break
		}
	}
	return taking
}

// byAddress reports whether each of the route's conditions asks for an address, so that other connections are left to the next route.
func (r Route) byAddress() bool {
	return !slices.ContainsFunc(r.Matches, func(m Match) bool {
		byAddress, connections := m.(interface{ GetDestinationSubnets() []string })
		return !connections || len(byAddress.GetDestinationSubnets()) == 0
	})
}

// takes reports whether the route is for the call. One for TLS without a condition is for none: Istio goes by the conditions.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayNetworkFiltersFromTLSRoutes; tls.go,
// buildSidecarOutboundTLSFilterChainOpts.
func (r Route) takes(c Call) bool {
	if len(r.Matches) == 0 {
		return r.Kind != TLS
	}
	return slices.ContainsFunc(r.Matches, func(m Match) bool { return r.holds(m, c) })
}

// holds reports whether the condition holds for the call as a whole.
func (r Route) holds(m Match, c Call) bool {
	if byName, tls := m.(interface{ GetSniHosts() []string }); tls && c.Host != "" && !coverAny(byName.GetSniHosts(), c.Host) {
		return false
	}
	atPort := c.Port == 0 || m.GetPort() == 0 || m.GetPort() == uint32(c.Port) // #nosec G115 -- below 65536
	return atPort && r.forProxy(m.GetGateways(), c) && r.fromSource(m, c)
}

// forProxy reports whether a condition's list of gateways names the proxy; an empty one names all of the VirtualService's.
func (r Route) forProxy(gateways []string, c Call) bool {
	switch {
	case len(gateways) == 0:
		return true
	case c.Gateway == types.NamespacedName{}:
		return slices.Contains(gateways, Mesh)
	default:
		return Gateways(gateways, r.Of.Namespace).Has(c.Gateway)
	}
}

// fromSource reports whether the client is one that the condition is for. Gateways are not asked where they route connections, nor is
// anybody where a condition for requests names gateways.
// Source: istio pilot/pkg/networking/core/route/route.go, sourceMatchHTTP;
// pilot/pkg/networking/core/gateway.go, l4SingleMatch; tls.go, matchTLS and matchTCP.
func (r Route) fromSource(m Match, c Call) bool {
	atGateway := c.Gateway != types.NamespacedName{}
	unasked := r.Kind == HTTP && len(m.GetGateways()) > 0 || r.Kind != HTTP && atGateway
	return c.Client == nil || unasked || pods.Matches(m.GetSourceLabels(), c.Client.Labels) &&
		(m.GetSourceNamespace() == "" || m.GetSourceNamespace() == c.Client.Namespace)
}

// coverAny reports whether one of the names is the host, or stands for it.
func coverAny(names []string, host string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return name == host || hosts.Covers(name, host) })
}
