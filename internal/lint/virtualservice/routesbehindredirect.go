package virtualservice

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "virtualservice-routes-behind-redirect",
			Severity: []lint.Severity{lint.Warning},
			Finds: "a VirtualService with `http` routes whose every server at the gateways' pods sends its hosts to https, because it redirects " +
				"or because another server of the port redirects the host.",
			Why: "A redirect comes before all routes, so these are never used; and over https nothing routes the hosts to them.",
			Fix: "Bind the VirtualService to the Gateway that serves the hosts over https, too, or remove the redirect.",
		},
		Find: routesBehindRedirect,
	})
}

// routesBehindRedirect tells of VirtualServices with routes for requests that no server uses.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayHTTPRouteConfig: a redirect is one of the virtual host, whichever
// server asks for it.
func routesBehindRedirect(v *mesh.View) []model.Finding {
	redirecting, routed := map[*istionetworkingv1.VirtualService]istio.Server{}, map[*istionetworkingv1.VirtualService]bool{}
	for b := range bindings(v) {
		switch {
		case redirects(v, b):
			redirecting[b.vs] = b.server
		case routes.KindFor(b.server.Spec()) != routes.None:
			routed[b.vs] = true
		}
	}
	var findings []model.Finding
	for _, vs := range v.VirtualServices() {
		s, redirected := redirecting[vs]
		if redirected && !routed[vs] && len(vs.Spec.Http) > 0 && !routes.ForSidecars(vs.Spec.Gateways) {
			findings = append(findings, behindRedirect(vs, s))
		}
	}
	return findings
}

// binding is a VirtualService that is bound to a server in force.
type binding struct {
	pod      model.Workload
	listener istio.Listener
	server   istio.Server
	vs       *istionetworkingv1.VirtualService
}

// bindings returns the VirtualServices that are bound to the servers of the gateways' pods.
func bindings(v *mesh.View) iter.Seq[binding] {
	return func(yield func(binding) bool) {
		for _, pod := range mesh.PodsOfGateways(v) {
			for _, l := range v.Listeners(pod).Listeners {
				for _, b := range bindingsAt(v, pod, l) {
					if !yield(b) {
						return
					}
				}
			}
		}
	}
}

func bindingsAt(v *mesh.View, pod model.Workload, l istio.Listener) []binding {
	var all []binding
	for _, s := range l.Servers {
		for _, vs := range v.BoundToServer(s, pod.Namespace) {
			all = append(all, binding{pod: pod, listener: l, server: s, vs: vs})
		}
	}
	return all
}

// redirects reports whether all hosts that the VirtualService and the server share are sent to https.
func redirects(v *mesh.View, b binding) bool {
	return b.server.PlainHTTP() && (b.server.Spec().GetTls().GetHttpsRedirect() || len(mesh.RoutedHosts(v, b.pod, b.listener, b.server, b.vs)) == 0)
}

func behindRedirect(vs *istionetworkingv1.VirtualService, s istio.Server) model.Finding {
	f := lint.Finding(lint.Warning, model.KindVirtualService, vs, "spec.gateways")
	server := fmt.Sprintf("spec.servers[%d] of %s", s.Index, s.Ref())
	why := server + " redirects to https"
	if !s.Spec().GetTls().GetHttpsRedirect() {
		why = "another server of the port of " + server + " redirects its hosts to https"
	}
	hosts := slices.Sorted(slices.Values(vs.Spec.Hosts))
	f.Message = fmt.Sprintf("No server uses its routes: %s, before any route is looked at, and it is bound to no server that serves %s over "+
		"https.", why, strings.Join(hosts, ", "))
	f.Remedy = "Bind it to the Gateway that serves these hosts over https, or remove the redirect."
	return f
}
