package policy

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "gateway-server-no-routes",
		Severity: []lint.Severity{lint.Error, lint.Warning, lint.Info},
		Reasons:  []string{meshtlsv1alpha1.ReasonNoRoutes},
		Finds: "a passthrough server, or one for TCP or TLS connections, that no route of a VirtualService leads on from at some pods of " +
			"the gateway: no VirtualService names its Gateway and hosts, or none of its routes is for the port, or it is not exported to the " +
			"pods' namespace. A warning for a server of requests (HTTP, HTTPS) that no VirtualService has spec.http for.",
		Why: "Istio makes a listener for connections from their routes. Without one it opens none. For requests it opens one, which answers " +
			"each with status 404.",
		Fix: "Write a VirtualService that names the Gateway, with spec.tls for passthrough and spec.tcp for the others, and export it to the " +
			"gateway's namespace.",
	}, gatewayServerNoRoutes)
}

// gatewayServerNoRoutes finds servers of ours that have no route.
// Source: istio pilot/pkg/networking/core/gateway.go, createGatewayTCPFilterChainOpts.
func gatewayServerNoRoutes(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		found := map[serverAt]bool{}
		for _, pod := range podsOfOurGateways(v) {
			for _, l := range v.Listeners(pod).Listeners {
				for _, s := range l.Servers {
					at := serverAt{gateway: s.Ref(), index: s.Index}
					gateway, planned := v.gateways[at.gateway]
					if !planned || found[at] || !v.judges(gateway) || routed(v, pod, s) {
						continue
					}
					found[at] = true
					findings = append(findings, w.noRoutes(v, pod, s))
				}
			}
		}
	}
	return findings
}

// routed reports whether some route leads on from the server at the pods, or it needs none. Where a bound VirtualService has routes of
// another kind only, gateway-route-kind-mismatch says more.
func routed(v view, pod *model.Workload, s istio.Server) bool {
	bound := v.RoutesOf(pod, s)
	switch routes.KindFor(s.Spec()) {
	case routes.None:
		return true
	case routes.HTTP:
		return len(bound) > 0
	}
	leadsOn := func(b mesh.BoundRoutes) bool { return len(b.Hops) > 0 }
	mismatched := func(m mesh.RouteMismatch) bool { return m.Server.Index == s.Index }
	return slices.ContainsFunc(bound, leadsOn) || slices.ContainsFunc(v.RouteMismatches(s.Gateway), mismatched)
}

func hasRoutes(vs *istionetworkingv1.VirtualService, kind routes.Kind) bool {
	return slices.ContainsFunc(routes.All(vs), func(r routes.Route) bool { return r.Kind == kind })
}

func (w world) noRoutes(v view, pod *model.Workload, s istio.Server) model.Finding {
	gateway, kind := v.gateways[s.Ref()], routes.KindFor(s.Spec())
	f := model.Finding{
		Severity: lint.Error, Subject: model.PolicyRef(ownersOf(gateway)[0]),
		Field:     w.serverField(gateway.OwnerReferences[0].Name, s.Index),
		Condition: meshtlsv1alpha1.ConditionEffective, Reason: meshtlsv1alpha1.ReasonNoRoutes,
	}
	naming := v.Naming(s.Ref().Key())
	if len(naming) == 0 {
		f.Absent = model.ObjectRef{Kind: model.KindVirtualService, Namespace: gateway.Namespace}
	}
	if kind == routes.HTTP {
		f.Severity, f.Condition, f.Reason = lint.Warning, "", ""
		f.Message = fmt.Sprintf("No VirtualService routes the requests of port %d: none names Gateway %s and one of the hosts, so each is "+
			"answered with status 404.", s.Spec().GetPort().GetNumber(), s.Ref().Key())
		f.Remedy = fmt.Sprintf("Write a VirtualService with spec.gateways: [%s], the host and spec.http.", s.Ref().Key())
		return f
	}
	f.Message = fmt.Sprintf("No VirtualService routes the connections of port %d: none that names Gateway %s and one of the hosts has "+
		"spec.%s, so Istio opens no listener.", s.Spec().GetPort().GetNumber(), s.Ref().Key(), kind)
	f.Remedy = fmt.Sprintf("Write a VirtualService with spec.gateways: [%s], the host and spec.%s.", s.Ref().Key(), kind)
	for _, vs := range naming {
		common := v.CommonHosts(mesh.ServerOf(s), vs)
		if len(common) > 0 && hasRoutes(vs, kind) && !routes.ExportedTo(vs, pod.Namespace, v.Mesh().DefaultVirtualServiceExportTo) {
			f.Related = model.RefOf(model.KindVirtualService, vs)
			f.Message = fmt.Sprintf("%s names the Gateway and is not exported to namespace %s of its pods, so Istio opens no listener at port %d.",
				f.Related, pod.Namespace, s.Spec().GetPort().GetNumber())
			f.Remedy = fmt.Sprintf("Export %s to namespace %s by its exportTo.", f.Related, pod.Namespace)
		}
	}
	return f
}
