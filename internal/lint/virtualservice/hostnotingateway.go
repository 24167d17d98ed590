package virtualservice

import (
	"fmt"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "virtualservice-host-not-in-gateway",
			Severity: []lint.Severity{lint.Error, lint.Warning},
			Classes:  []string{"M48"},
			Finds: "a VirtualService with no host that a server of a Gateway that it names serves for its namespace. It is a warning " +
				"where it is of use to another of its Gateways, or to sidecars.",
			Why: "The Gateway gets none of its routes.",
			Fix: "Use hosts that the Gateway serves, or add these to it.",
		},
		Find: hostNotInGateway,
	})
}

// hostNotInGateway tells of a VirtualService of whose hosts no server of the Gateway serves any. That some are not served
// there is usual: the others are for another Gateway, or for the sidecars.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayHTTPRouteConfig and pickMatchingGatewayHosts.
func hostNotInGateway(v *mesh.View) []model.Finding {
	gateways := gatewaysByKey(v)
	var findings []model.Finding
	for m := range mentions(v) {
		g, known := gateways[m.gateway]
		if !known || len(g.Spec.Servers) == 0 || servesAny(v, g, m.vs) {
			continue
		}
		f := m.about(lint.Error)
		if usedElsewhere(v, m, gateways) {
			f.Severity = lint.Warning
		}
		why := fmt.Sprintf("serves none of its hosts (%s)", strings.Join(m.vs.Spec.Hosts, ", "))
		f.Remedy = "Use hosts that the Gateway serves, or add these to it."
		if host, scoped := servedForOthers(v, g, m.vs); scoped {
			why = fmt.Sprintf("serves %s for VirtualServices of other namespaces only", host)
			f.Remedy = fmt.Sprintf("Add the host to the Gateway as %s/%s, or move the VirtualService.", m.vs.Namespace, host)
		}
		f.Message = fmt.Sprintf("Gateway %s %s, and gets none of its routes.", m.gateway, why)
		findings = append(findings, f)
	}
	return findings
}

// usedElsewhere reports whether the VirtualService is for the sidecars, or another Gateway that it names, too.
func usedElsewhere(v *mesh.View, m mention, gateways map[types.NamespacedName]*istionetworkingv1.Gateway) bool {
	return slices.ContainsFunc(m.vs.Spec.Gateways, func(name string) bool {
		if name == routes.Mesh {
			return true
		}
		other, known := gateways[routes.Gateway(name, m.vs.Namespace)]
		return known && servesAny(v, other, m.vs)
	})
}

// servedForOthers returns a host of the VirtualService that the Gateway serves, for other namespaces than its own.
func servedForOthers(v *mesh.View, g *istionetworkingv1.Gateway, vs *istionetworkingv1.VirtualService) (string, bool) {
	for _, host := range vs.Spec.Hosts {
		host = v.Domain().Qualify(host, vs.Namespace)
		for s := range mesh.ServersOf(g) {
			if slices.ContainsFunc(s.Names(), func(name string) bool { return hosts.Overlap(name, host) }) {
				return host, true
			}
		}
	}
	return "", false
}
