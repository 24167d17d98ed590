package lint

import (
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/effective"
	"github.com/meshtls/meshtls/internal/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// How VirtualServices come to servers of Gateways: they name the Gateway, are exported to the namespace of its pods, and have a host
// that a server has, too.

// meshGateway, in a VirtualService's gateways, stands for all sidecars.
const meshGateway = "mesh"

func (v *view) indexRoutes() map[types.NamespacedName][]*istionetworkingv1.VirtualService {
	routes := map[types.NamespacedName][]*istionetworkingv1.VirtualService{}
	for _, vs := range v.VirtualServices {
		for gateway := range gatewaysNamed(vs.Spec.Gateways, vs.Namespace) {
			routes[gateway] = append(routes[gateway], vs)
		}
	}
	return routes
}

// gatewaysNamed are the Gateways that a list in a VirtualService of the namespace own names.
func gatewaysNamed(names []string, own string) sets.Set[types.NamespacedName] {
	gateways := sets.New[types.NamespacedName]()
	for _, name := range names {
		if name != meshGateway {
			gateways.Insert(gatewayNamed(name, own))
		}
	}
	return gateways
}

// gatewayNamed is the Gateway that a VirtualService of the namespace own means: name, namespace/name, ./name, or as in old times
// name.namespace with the domain of Services after it or not.
// Source: istio pilot/pkg/model/config.go, resolveGatewayName.
func gatewayNamed(name, own string) types.NamespacedName {
	if namespace, short, scoped := strings.Cut(name, "/"); scoped {
		if namespace == "." {
			namespace = own
		}
		return types.NamespacedName{Namespace: namespace, Name: short}
	}
	short, rest, dotted := strings.Cut(name, ".")
	if !dotted {
		return types.NamespacedName{Namespace: own, Name: name}
	}
	namespace, _, _ := strings.Cut(rest, ".")
	return types.NamespacedName{Namespace: namespace, Name: short}
}

// boundTo are the VirtualServices that name the Gateway and that its pods are told of.
// Source: istio pilot/pkg/model/push_context.go, initVirtualServices and VirtualServicesForGateway.
func (v *view) boundTo(g *istionetworkingv1.Gateway) []*istionetworkingv1.VirtualService {
	proxies := v.proxiesOf(g)
	var bound []*istionetworkingv1.VirtualService
	for _, vs := range v.routes()[keyOf(g)] {
		if v.reaches(vs, proxies) {
			bound = append(bound, vs)
		}
	}
	return bound
}

// reaches says whether the VirtualService is exported to a namespace of the gateway's pods. Where none are known it is taken to be.
func (v *view) reaches(vs *istionetworkingv1.VirtualService, proxies []model.Workload) bool {
	return len(proxies) == 0 || slices.ContainsFunc(proxies, func(w model.Workload) bool { return v.exportedTo(vs, w.Namespace) })
}

// proxiesOf are the pods with a proxy that the Gateway selects.
func (v *view) proxiesOf(g *istionetworkingv1.Gateway) []model.Workload {
	var proxies []model.Workload
	for _, w := range v.gatewayPods(g.Spec.Selector) {
		if w.Dataplane == model.DataplaneSidecar {
			proxies = append(proxies, w)
		}
	}
	return proxies
}

func (v *view) exportedTo(vs *istionetworkingv1.VirtualService, namespace string) bool {
	exportTo := vs.Spec.ExportTo
	if len(exportTo) == 0 {
		exportTo = v.Mesh.DefaultVirtualServiceExportTo
	}
	switch {
	case len(exportTo) == 0 || slices.Contains(exportTo, "*"):
		return true
	case slices.Contains(exportTo, "~"):
		return false
	case namespace == vs.Namespace && slices.Contains(exportTo, "."):
		return true
	default:
		return slices.Contains(exportTo, namespace)
	}
}

// commonHosts are the VirtualService's hosts that the server serves, in whole or in part, for its namespace.
// Source: istio pkg/config/host/names.go, NamesForNamespace and Intersection; pilot/pkg/networking/core/gateway.go,
// pickMatchingGatewayHosts.
func commonHosts(vs *istionetworkingv1.VirtualService, s gatewayServer) []string {
	names := s.namesFor(vs.Namespace)
	var common []string
	for _, host := range vs.Spec.Hosts {
		host = hosts.Qualify(host, vs.Namespace)
		if slices.ContainsFunc(names, func(name string) bool { return overlap(name, host) }) {
			common = append(common, host)
		}
	}
	return common
}

// overlap says whether there is a name that both stand for.
func overlap(a, b string) bool {
	return a == b || hosts.Covers(a, b) || hosts.Covers(b, a)
}

// routeKind is a kind of routes of a VirtualService, by its field.
type routeKind string

const (
	routeHTTP routeKind = "http"
	routeTLS  routeKind = "tls"
	routeTCP  routeKind = "tcp"
	// routeNone: routes make no difference.
	routeNone routeKind = ""
)

// routes are the kind of routes that Istio uses for a server. A redirect needs none, nor does AUTO_PASSTHROUGH; a server for TLS that
// lacks the settings is one that Istio does not admit.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayTCPBasedFilterChains and createGatewayTCPFilterChainOpts.
func (s gatewayServer) routes() routeKind {
	protocol, mode := strings.ToUpper(s.Port.Protocol), s.GetTls().GetMode()
	switch effective.KindOf(protocol, s.Tls != nil).Family {
	case effective.FamilyHTTP:
		if s.GetTls().GetHttpsRedirect() {
			return routeNone
		}
		return routeHTTP
	case effective.FamilyTCP:
		if protocol == protocolHTTPS || protocol == protocolTLS {
			return routeNone
		}
		return routeTCP
	}
	switch {
	case mode == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH:
		return routeNone
	case mode == networkingapi.ServerTLSSettings_PASSTHROUGH:
		return routeTLS
	case protocol == protocolHTTPS:
		return routeHTTP
	default:
		return routeTCP
	}
}

// routeKindsFor are the kinds of routes that the VirtualService has for the Gateway, whatever their ports.
func routeKindsFor(vs *istionetworkingv1.VirtualService, gateway types.NamespacedName) sets.Set[routeKind] {
	kinds := sets.New[routeKind]()
	meant := func(names []string) bool {
		return len(names) == 0 || gatewaysNamed(names, vs.Namespace).Has(gateway)
	}
	for _, route := range vs.Spec.Http {
		if len(route.Match) == 0 || slices.ContainsFunc(route.Match, func(m *networkingapi.HTTPMatchRequest) bool { return meant(m.Gateways) }) {
			kinds.Insert(routeHTTP)
		}
	}
	for _, route := range vs.Spec.Tls {
		if slices.ContainsFunc(route.Match, func(m *networkingapi.TLSMatchAttributes) bool { return meant(m.Gateways) }) {
			kinds.Insert(routeTLS)
		}
	}
	for _, route := range vs.Spec.Tcp {
		if len(route.Match) == 0 || slices.ContainsFunc(route.Match, func(m *networkingapi.L4MatchAttributes) bool { return meant(m.Gateways) }) {
			kinds.Insert(routeTCP)
		}
	}
	return kinds
}
