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
			Name:     "virtualservice-connections-taken",
			Severity: []lint.Severity{lint.Error},
			Finds: "`tcp` routes for a server of a gateway where the route of another VirtualService takes all connections, whatever host they " +
				"are for; and `tls` routes whose server names another one has taken.",
			Why: "Of connections that are not HTTP Istio uses the first route that fits a server, for all of its hosts. What is meant for the " +
				"others goes where that one leads.",
			Fix: "Give each host a server of its own, on another port, or with its own hosts and `PASSTHROUGH` with `tls` routes, which go by " +
				"server name.",
		},
		Find: connectionsTaken,
	})
}

// connectionsTaken finds VirtualServices whose connections another one's route takes.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayNetworkFiltersFromTCPRoutes.
func connectionsTaken(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, u := range mesh.RoutesUnused(v) {
		if u.Winner == nil {
			continue
		}
		f := lint.Finding(lint.Error, model.KindVirtualService, u.VirtualService, "spec."+string(u.Server.Routes()))
		f.Message = fmt.Sprintf("No gateway uses these routes: they are bound to %s of %s, and a route of %s takes its connections, those for "+
			"%s among them.", u.Server.Field(""), u.Server.Ref(), model.RefOf(model.KindVirtualService, u.Winner),
			lint.ListNames(v.CommonHosts(u.Server, u.VirtualService)))
		f.Remedy = "Give the hosts a server of their own."
		findings = append(findings, f)
	}
	return findings
}
