package gather

import (
	"context"
	"maps"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// readRoutes reads the VirtualServices, of all namespaces, that name a Gateway which is rendered for the policies.
func (g *gathering) readRoutes(ctx context.Context, s *model.Snapshot) error {
	if g.missing(model.KindVirtualService) {
		return nil
	}
	found := map[client.ObjectKey]*istionetworkingv1.VirtualService{}
	for _, policy := range s.Policies {
		if policy.Spec.Gateway == nil {
			continue
		}
		var list istionetworkingv1.VirtualServiceList
		if err := g.list(ctx, &list, client.MatchingFields{IndexVirtualServiceGateway: renderedGateway(policy)}); err != nil {
			return err
		}
		for _, vs := range list.Items {
			found[client.ObjectKeyFromObject(vs)] = vs
		}
	}
	s.VirtualServices = byName(slices.Collect(maps.Values(found)))
	return nil
}

// VirtualServiceGateways are the Gateways that the VirtualService names, as namespace/name, each once.
func VirtualServiceGateways(vs *istionetworkingv1.VirtualService) []string {
	named := sets.New[string]()
	for gateway := range routes.Gateways(vs.Spec.GetGateways(), vs.Namespace) {
		named.Insert(gateway.String())
	}
	return sets.List(named)
}
