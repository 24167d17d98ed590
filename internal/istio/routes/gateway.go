package routes

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
)

// Mesh stands, among the gateways of a VirtualService, for all sidecars.
const Mesh = "mesh"

// ForSidecars reports whether a list of gateways names the sidecars; an empty one of a VirtualService does.
// Source: istio pilot/pkg/model/push_context.go, getGatewayNames.
func ForSidecars(gateways []string) bool {
	return len(gateways) == 0 || slices.Contains(gateways, Mesh)
}

// ForGateways reports whether a list of gateways names any Gateway.
func ForGateways(gateways []string) bool {
	return slices.ContainsFunc(gateways, func(name string) bool { return name != Mesh })
}

// Gateways returns the Gateways that a list in a VirtualService of the namespace own names.
func Gateways(names []string, own string) sets.Set[types.NamespacedName] {
	gateways := sets.New[types.NamespacedName]()
	for _, name := range names {
		if name != Mesh {
			gateways.Insert(Gateway(name, own))
		}
	}
	return gateways
}

// Gateway returns the one that a VirtualService of the namespace own means: name, namespace/name, ./name, or as in old times name.namespace
// with the domain of Services after it or not.
// Source: istio pilot/pkg/model/config.go, resolveGatewayName.
func Gateway(name, own string) types.NamespacedName {
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

// ByGateway returns the VirtualServices that name a Gateway, by the Gateway.
func ByGateway(all []*istionetworkingv1.VirtualService) map[types.NamespacedName][]*istionetworkingv1.VirtualService {
	named := map[types.NamespacedName][]*istionetworkingv1.VirtualService{}
	for _, vs := range all {
		for gateway := range Gateways(vs.Spec.Gateways, vs.Namespace) {
			named[gateway] = append(named[gateway], vs)
		}
	}
	return named
}

// ExportedTo reports whether the proxies of the namespace get the VirtualService. Where it does not say so itself, the mesh's defaults do.
// Source: istio pilot/pkg/model/push_context.go, initVirtualServices: for all goes before for nobody, and that before the others.
func ExportedTo(vs *istionetworkingv1.VirtualService, namespace string, defaults []string) bool {
	exportTo := vs.Spec.ExportTo
	if len(exportTo) == 0 {
		exportTo = defaults
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

// ServedNames returns the server's hosts that are for VirtualServices of a namespace; the Gateway is one of the namespace own.
func ServedNames(server *networkingapi.Server, own, namespace string) []string {
	var names []string
	for _, host := range server.GetHosts() {
		only, name, scoped := strings.Cut(istio.SpelledOut(host, own), "/")
		switch {
		case !scoped:
			names = append(names, only)
		case only == namespace:
			names = append(names, name)
		}
	}
	return names
}

// Served is a server of a Gateway, with what its hosts and those of VirtualServices are read by.
type Served struct {
	*networkingapi.Server

	// Namespace is the Gateway's, and Domain the cluster's.
	Namespace string
	Domain    hosts.Domain
}

// SharedHosts returns the hosts that the VirtualService routes at the server: of each pair of their hosts the narrower.
// Source: istio pkg/config/host/names.go, Intersection; pilot/pkg/networking/core/gateway.go, buildGatewayHTTPRouteConfig.
func (s Served) SharedHosts(vs *istionetworkingv1.VirtualService) []string {
	var shared []string
	for _, host := range vs.Spec.Hosts {
		host = s.Domain.Qualify(host, vs.Namespace)
		for _, name := range ServedNames(s.Server, s.Namespace, vs.Namespace) {
			switch {
			case host == name || hosts.Covers(name, host):
				shared = append(shared, host)
			case hosts.Covers(host, name):
				shared = append(shared, name)
			}
		}
	}
	return shared
}

// CommonHosts returns the VirtualService's hosts that the server serves in whole or in part.
// Source: istio pkg/config/host/names.go, NamesForNamespace and Intersection; pilot/pkg/networking/core/gateway.go,
// pickMatchingGatewayHosts.
func (s Served) CommonHosts(vs *istionetworkingv1.VirtualService) []string {
	names := ServedNames(s.Server, s.Namespace, vs.Namespace)
	var common []string
	for _, host := range vs.Spec.Hosts {
		host = s.Domain.Qualify(host, vs.Namespace)
		if slices.ContainsFunc(names, func(name string) bool { return hosts.Overlap(name, host) }) {
			common = append(common, host)
		}
	}
	return common
}
