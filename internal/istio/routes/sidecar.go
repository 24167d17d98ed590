package routes

import (
	"cmp"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
)

// InMesh returns the VirtualServices for the sidecars of the namespace, in Istio's order.
func InMesh(all []*istionetworkingv1.VirtualService, namespace string, defaults []string) []*istionetworkingv1.VirtualService {
	forSidecars := slices.DeleteFunc(slices.Clone(all), func(vs *istionetworkingv1.VirtualService) bool {
		return !ForSidecars(vs.Spec.GetGateways())
	})
	return Told(forSidecars, namespace, defaults)
}

// Told returns the VirtualServices that the proxies of the namespace get, in the order in which Istio looks at them: those for its own
// namespace alone, those for some namespaces, those for all; of each the oldest first.
// Source: istio pilot/pkg/model/push_context.go, initVirtualServices and VirtualServicesForGateway.
func Told(all []*istionetworkingv1.VirtualService, namespace string, defaults []string) []*istionetworkingv1.VirtualService {
	told := slices.DeleteFunc(slices.Clone(all), func(vs *istionetworkingv1.VirtualService) bool {
		return !ExportedTo(vs, namespace, defaults)
	})
	slices.SortStableFunc(told, func(a, b *istionetworkingv1.VirtualService) int {
		return cmp.Or(cmp.Compare(audience(a, namespace, defaults), audience(b, namespace, defaults)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name), strings.Compare(a.Namespace, b.Namespace))
	})
	return told
}

// audience ranks for whom a VirtualService is: one namespace, some, all.
func audience(vs *istionetworkingv1.VirtualService, namespace string, defaults []string) int {
	exportTo := vs.Spec.GetExportTo()
	if len(exportTo) == 0 {
		exportTo = defaults
	}
	switch {
	case len(exportTo) == 0 || slices.Contains(exportTo, "*"):
		return 2
	case slices.Contains(exportTo, ".") && vs.Namespace == namespace:
		return 0
	default:
		return 1
	}
}

// Routing returns the VirtualServices for a sidecar, in Istio's order, that name the host or a wildcard above it: those with
// the most specific host first. Istio uses the first that has routes for what is called.
func Routing(domain hosts.Domain, inMesh []*istionetworkingv1.VirtualService, called string) []*istionetworkingv1.VirtualService {
	var routing []*istionetworkingv1.VirtualService
	closest := map[*istionetworkingv1.VirtualService]string{}
	for _, vs := range inMesh {
		for _, host := range vs.Spec.GetHosts() {
			host = domain.Qualify(host, vs.Namespace)
			if host != called && !hosts.Covers(host, called) {
				continue
			}
			if known, found := closest[vs]; !found {
				routing = append(routing, vs)
				closest[vs] = host
			} else if moreSpecific(host, known) {
				closest[vs] = host
			}
		}
	}
	slices.SortStableFunc(routing, func(a, b *istionetworkingv1.VirtualService) int {
		switch {
		case moreSpecific(closest[a], closest[b]):
			return -1
		case moreSpecific(closest[b], closest[a]):
			return 1
		default:
			return 0
		}
	})
	return routing
}

// moreSpecific: no wildcard, or a longer one.
func moreSpecific(host, than string) bool {
	if wild := hosts.IsWildcard(host); wild != hosts.IsWildcard(than) {
		return !wild
	}
	return hosts.IsWildcard(host) && len(host) > len(than)
}
