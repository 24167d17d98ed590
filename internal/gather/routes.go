package gather

import (
	"context"
	"maps"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// meshGateway, in a VirtualService, stands for all sidecars.
const meshGateway = "mesh"

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
	s.Beside.VirtualServices = byName(slices.Collect(maps.Values(found)))
	return nil
}

// VirtualServiceGateways are the Gateways that the VirtualService names, as namespace/name, each once.
func VirtualServiceGateways(vs *istionetworkingv1.VirtualService) []string {
	named := sets.New[string]()
	for _, gateway := range vs.Spec.GetGateways() {
		if gateway != meshGateway {
			named.Insert(gatewayNamed(gateway, vs.Namespace))
		}
	}
	return sets.List(named)
}

// gatewayNamed is the Gateway that a VirtualService of the namespace own means: name, namespace/name, ./name, or the old
// name.namespace with or without a domain after it.
// Source: istio pilot/pkg/model/config.go, resolveGatewayName.
func gatewayNamed(gateway, own string) string {
	if namespace, name, scoped := strings.Cut(gateway, "/"); scoped {
		if namespace == "." {
			return own + "/" + name
		}
		return gateway
	}
	name, domain, dotted := strings.Cut(gateway, ".")
	if !dotted {
		return own + "/" + name
	}
	namespace, _, _ := strings.Cut(domain, ".")
	return namespace + "/" + name
}
