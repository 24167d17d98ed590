package gateway

import (
	"fmt"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-redirect-without-route",
			Severity: []lint.Severity{lint.Error},
			Finds:    "a redirect of a host in the form `namespace/host` that no VirtualService of that namespace routes by `http`.",
			Why: "Istio then redirects a name with a slash in it, for which nobody asks. Requests for the host itself are answered " +
				"by 404.",
			Fix: "Write the host without the namespace, or bind the VirtualService to this Gateway, too.",
		},
		Ours: true,
		Find: redirectWithoutRoute,
	})
}

// redirectWithoutRoute tells of a redirect of a host that is for one namespace, where no VirtualService of that namespace routes
// it: Istio then makes a virtual host of the name with the namespace before it, which no client asks for. It speaks only where
// VirtualServices of the namespace are known.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayHTTPRouteConfig.
func redirectWithoutRoute(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for s := range v.Servers() {
		if !redirects(s) {
			continue
		}
		for i, host := range s.Hosts {
			namespace, name, scoped := strings.Cut(istio.SpelledOut(host, s.Gateway.Namespace), "/")
			if !scoped || !hasRoutes(v, namespace) || routesHTTP(v, s.Gateway, namespace, name) {
				continue
			}
			f := about(s, lint.Error, fmt.Sprintf(".hosts[%d]", i))
			f.Message = fmt.Sprintf("It redirects to https, but of a host for one namespace Istio redirects only what a VirtualService of "+
				"that namespace routes by http, and none in %s does so for %s: requests without TLS are answered by 404.", namespace, name)
			f.Remedy = fmt.Sprintf("Write the host as %s, or bind a VirtualService of %s to the Gateway.", name, namespace)
			findings = append(findings, f)
		}
	}
	return findings
}

// hasRoutes reports whether VirtualServices of the namespace are known.
func hasRoutes(v *mesh.View, namespace string) bool {
	return slices.ContainsFunc(v.VirtualServices(), func(vs *istionetworkingv1.VirtualService) bool { return vs.Namespace == namespace })
}

// routesHTTP reports whether a VirtualService of the namespace has http routes for a name at the Gateway.
func routesHTTP(v *mesh.View, g *istionetworkingv1.Gateway, namespace, name string) bool {
	return slices.ContainsFunc(v.BoundTo(g), func(vs *istionetworkingv1.VirtualService) bool {
		return vs.Namespace == namespace && mesh.RouteKinds(vs, model.RefOf(model.KindGateway, g).Key()).Has(routes.HTTP) &&
			slices.ContainsFunc(vs.Spec.Hosts, func(host string) bool { return hosts.Overlap(host, name) })
	})
}
