package virtualservice

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "virtualservice-only-redirected",
			Severity: []lint.Severity{lint.Warning},
			Finds: "`http` routes that no server of a gateway uses, because all requests for their hosts are redirected to https: the servers " +
				"that they are bound to redirect, or another server of the same pods and port does so for the host.",
			Why: "Where one server redirects a host, Istio redirects it at every server of the port, with all paths. The server with TLS uses " +
				"only the routes of VirtualServices that name its own Gateway.",
			Fix: "Bind the VirtualService to the Gateway with TLS, too. Where it has to answer without TLS, remove `httpsRedirect` and redirect " +
				"by a route.",
		},
		Find: onlyRedirected,
	})
}

// onlyRedirected finds VirtualServices whose requests are redirected before they are routed.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayHTTPRouteConfig (RequireTls).
func onlyRedirected(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, u := range mesh.RoutesUnused(v) {
		if u.Redirect == nil {
			continue
		}
		f := lint.Finding(lint.Warning, model.KindVirtualService, u.VirtualService, "spec.http")
		redirects := "which redirects"
		if u.Redirect.Ref() != u.Server.Ref() || u.Redirect.Index != u.Server.Index {
			redirects = fmt.Sprintf("where %s of %s redirects", u.Redirect.Field(""), u.Redirect.Ref())
		}
		f.Message = fmt.Sprintf("No gateway uses these routes: they are bound to %s of %s, %s %s to https, and to no server with TLS for that.",
			u.Server.Field(""), u.Server.Ref(), redirects, lint.ListNames(v.CommonHosts(u.Server, u.VirtualService)))
		f.Remedy = "Name the Gateway with the server for TLS in spec.gateways, too, or remove httpsRedirect."
		findings = append(findings, f)
	}
	return findings
}
