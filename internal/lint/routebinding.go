package lint

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

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
	return len(proxies) == 0 || slices.ContainsFunc(proxies, func(w model.Workload) bool {
		return routes.ExportedTo(vs, w.Namespace, v.Mesh.DefaultVirtualServiceExportTo)
	})
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

// commonHosts are the VirtualService's hosts that the server serves, in whole or in part.
func commonHosts(vs *istionetworkingv1.VirtualService, s gatewayServer) []string {
	return routes.CommonHosts(vs, s.Server, s.gateway.Namespace)
}

// routes are the kind of routes that Istio uses for the server.
func (s gatewayServer) routes() routes.Kind { return routes.KindFor(s.Server) }

// routeKindsFor are the kinds of routes that the VirtualService has for the Gateway, whatever their ports.
func routeKindsFor(vs *istionetworkingv1.VirtualService, gateway types.NamespacedName) sets.Set[routes.Kind] {
	kinds := sets.New[routes.Kind]()
	for _, kind := range []routes.Kind{routes.HTTP, routes.TLS, routes.TCP} {
		if len(routes.Taking(vs, kind, routes.Call{Gateway: gateway})) > 0 {
			kinds.Insert(kind)
		}
	}
	return kinds
}
