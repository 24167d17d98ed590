package imports

import (
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
)

// stepsOf are what there is to do once the candidate's policy is applied.
func (m *mesh) stepsOf(c *candidate) []string {
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
func (m *mesh) gatewaySteps(c *candidate) []string {
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

// boundTo are the VirtualServices that name the Gateway.
func (m *mesh) boundTo(gateway model.ObjectRef) []model.ObjectRef {
	var bound []model.ObjectRef
	for _, route := range m.VirtualServices {
		names := slices.Clone(route.Spec.GetGateways())
		for _, rule := range route.Spec.GetHttp() {
			for _, match := range rule.GetMatch() {
				names = append(names, match.GetGateways()...)
			}
		}
		for _, rule := range route.Spec.GetTls() {
			for _, match := range rule.GetMatch() {
				names = append(names, match.GetGateways()...)
			}
		}
		names = append(names, tcpGateways(route.Spec.GetTcp())...)
		if slices.ContainsFunc(names, func(name string) bool { return qualified(name, route.Namespace) == gateway.Namespace+"/"+gateway.Name }) {
			bound = append(bound, refOf(model.KindVirtualService, route))
		}
	}
	return bound
}

func tcpGateways(rules []*networkingapi.TCPRoute) []string {
	var names []string
	for _, rule := range rules {
		for _, match := range rule.GetMatch() {
			names = append(names, match.GetGateways()...)
		}
	}
	return names
}

// qualified is the name of a Gateway with its namespace.
// Source: istio pilot/pkg/model/virtualservice.go, resolveGatewayName.
func qualified(name, namespace string) string {
	if strings.Contains(name, "/") {
		return strings.Replace(name, "./", namespace+"/", 1)
	}
	return namespace + "/" + name
}

func list(refs []model.ObjectRef) string {
	words := make([]string, len(refs))
	for i, ref := range refs {
		words[i] = ref.String()
	}
	return strings.Join(words, ", ")
}
