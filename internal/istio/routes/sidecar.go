package routes

import (
	"cmp"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
)

// InMesh are the VirtualServices for the sidecars of the namespace.
func InMesh(all []*istionetworkingv1.VirtualService, namespace string, defaults []string) []*istionetworkingv1.VirtualService {
	return slices.DeleteFunc(slices.Clone(all), func(vs *istionetworkingv1.VirtualService) bool {
		return !ForSidecars(vs.Spec.GetGateways()) || !ExportedTo(vs, namespace, defaults)
	})
}

// Routing is the one, of the VirtualServices for a sidecar, that routes the host: that with the most specific host; of several the
// oldest. Nil: none does.
func Routing(inMesh []*istionetworkingv1.VirtualService, called string) *istionetworkingv1.VirtualService {
	var best *istionetworkingv1.VirtualService
	var bestHost string
	for _, vs := range inMesh {
		for _, host := range vs.Spec.GetHosts() {
			host = hosts.Qualify(host, vs.Namespace)
			if host != called && !hosts.Covers(host, called) {
				continue
			}
			if best == nil || moreSpecific(host, bestHost) || host == bestHost && older(vs, best) {
				best, bestHost = vs, host
			}
		}
	}
	return best
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
