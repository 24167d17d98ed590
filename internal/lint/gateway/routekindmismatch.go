package gateway

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-route-kind-mismatch",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M33", "M34"},
			Finds: "a server with a host of a VirtualService that has no routes of the kind that Istio uses there, if no server of " +
				"the Gateway uses those that it has and nothing else routes the host.",
			Why: "The server decides: HTTP, and HTTPS that it ends, use `http` routes; any other TLS that it ends, `tcp`; TLS that " +
				"it passes through, `tls` with `sniHosts`; anything else, `tcp`. Istio drops the others without a word.",
			Fix: "Write the routes in the other form, or change what the server does with TLS.",
		},
		Ours: true,
		InPolicy: "Give the VirtualService the routes that Istio uses here, or move the host to the part of the policy that fits " +
			"the routes which it has: terminate for http and tcp, passthrough for tls.",
		Find: routeKindMismatch,
	})
}

// routeKindMismatch tells of servers whose hosts a VirtualService has, while its routes are of kinds that Istio does not use there.
func routeKindMismatch(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, g := range v.Gateways() {
		for _, m := range v.RouteMismatches(g) {
			findings = append(findings, mismatch(v, m))
		}
	}
	return findings
}

func mismatch(v *mesh.View, m mesh.RouteMismatch) model.Finding {
	s, name := m.Server, model.RefOf(model.KindVirtualService, m.VirtualService)
	f := about(s, lint.Error, "")
	f.Message = fmt.Sprintf("%s, and %s, which is for %s here, has only %s routes: Istio uses none of them, and %s.",
		wants(s), name, strings.Join(v.CommonHosts(s, m.VirtualService), ", "), kindWords(m.Kinds), unrouted(s))
	f.Remedy = fmt.Sprintf("Give %s %s routes, or %s.", name, s.Routes(), instead(s, m.Kinds))
	return f
}

// wants returns the routes that the server uses, and why.
func wants(s mesh.GatewayServer) string {
	switch {
	case s.PassesThrough():
		return "It passes TLS through, for which Istio uses tls routes with sniHosts"
	case s.EndsTLS() && s.Routes() == routes.HTTP:
		return "It ends TLS and finds HTTP in it, for which Istio uses http routes"
	case s.EndsTLS():
		return fmt.Sprintf("It ends TLS and finds something else than HTTP in it (protocol %s), for which Istio uses tcp routes", s.Port.Protocol)
	default:
		return fmt.Sprintf("It speaks %s without TLS, for which Istio uses %s routes", s.Port.Protocol, s.Routes())
	}
}

// unrouted returns what becomes of clients without a route.
func unrouted(s mesh.GatewayServer) string {
	if s.Routes() == routes.HTTP {
		return "requests are answered by 404"
	}
	return "connections fail"
}

// instead returns what else the kinds of routes would be right for.
func instead(s mesh.GatewayServer, kinds sets.Set[routes.Kind]) string {
	switch {
	case s.EndsTLS() && kinds.Has(routes.TLS):
		return "set the server's TLS mode to PASSTHROUGH"
	case s.EndsTLS() && kinds.Has(routes.HTTP):
		return "set the server's protocol to HTTPS"
	case s.EndsTLS() && kinds.Has(routes.TCP):
		return "set the server's protocol to TLS"
	case s.PassesThrough():
		return "let the server end TLS"
	default:
		return "change the server's protocol"
	}
}

func kindWords(kinds sets.Set[routes.Kind]) string {
	var words []string
	for _, kind := range sets.List(kinds) {
		words = append(words, string(kind))
	}
	return strings.Join(words, " and ")
}
