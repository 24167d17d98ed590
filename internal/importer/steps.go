package importer

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
)

// stepsOf returns what there is to do once the candidate's policy is applied.
func (m *original) stepsOf(c *candidate) []string {
	switch c.kind {
	case model.KindPeerAuthentication:
		return []string{"Delete " + list(c.from) + ". Until then Istio goes by the older object, which says the same."}
	case model.KindDestinationRule:
		return []string{"Delete " + list(c.from) + ". Until then the policy waits (not Accepted: Conflicted), since Istio uses only the older " +
			"of two rules. The operator writes its own at once after that; for the moment between, there is neither."}
	default:
		return m.gatewaySteps(c)
	}
}

// gatewaySteps have the VirtualServices bind to both Gateways for a while, so that no route is lost.
func (m *original) gatewaySteps(c *candidate) []string {
	old, name := c.from[0], render.GatewayName(c.policy.Name)
	removal := "Delete " + old.String() + "."
	if c.kept != nil {
		removal = fmt.Sprintf("Take all servers but those that are not imported out of %s.", old)
	}
	bound := m.boundTo(old)
	if len(bound) == 0 {
		return []string{
			fmt.Sprintf("The rendered Gateway is %s/%s. VirtualServices that name %s must name that one beside it; none was read.",
				old.Namespace, name, old.Name),
			removal,
		}
	}
	return []string{
		fmt.Sprintf("Add the rendered Gateway, %s/%s, to the gateways of %s, beside the old one.", old.Namespace, name, list(bound)),
		removal + " Until then Istio goes by the older Gateway where both serve a host, and the two say the same.",
		"Take the old name out of these VirtualServices, where nothing stays in the old Gateway.",
	}
}

// boundTo returns the VirtualServices that name the Gateway.
func (m *original) boundTo(gateway model.ObjectRef) []model.ObjectRef {
	var bound []model.ObjectRef
	for _, vs := range m.VirtualServices {
		named := routes.Gateways(vs.Spec.GetGateways(), vs.Namespace)
		for _, route := range routes.All(vs) {
			for _, match := range route.Matches {
				named = named.Union(routes.Gateways(match.GetGateways(), vs.Namespace))
			}
		}
		if named.Has(types.NamespacedName{Namespace: gateway.Namespace, Name: gateway.Name}) {
			bound = append(bound, refOf(model.KindVirtualService, vs))
		}
	}
	return bound
}

func list(refs []model.ObjectRef) string {
	words := make([]string, len(refs))
	for i, ref := range refs {
		words[i] = ref.String()
	}
	return strings.Join(words, ", ")
}
