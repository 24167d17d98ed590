package gateway

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-passthrough-to-http-port",
			Severity: []lint.Severity{lint.Error},
			Finds: "a server that passes the clients' TLS through, by a VirtualService, to a port that is declared HTTP, in front of pods with " +
				"a sidecar.",
			Why: "The gateway wraps the clients' TLS in the mesh's mutual TLS, or sends it as it is to pods that take no mutual TLS. The sidecar " +
				"expects HTTP and finds the clients' TLS: every connection fails.",
			Fix: "Declare the port `TLS` or `HTTPS` if the application ends TLS, or end TLS at the gateway and route by `http`.",
		},
		Ours: true,
		InPolicy: "Declare the port TLS or HTTPS if the application ends TLS, or end TLS at the gateway with terminate, and route " +
			"by http.",
		Find: passthroughToHTTPPort,
	})
}

// passthroughToHTTPPort finds TLS that a gateway passes through to a sidecar that expects HTTP.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions: what a port that is declared HTTP takes.
func passthroughToHTTPPort(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, call := range mesh.CallsOfGateways(v).All {
		if call.Carries != istio.CarriesTLS || !call.Known() || !istio.SpeaksHTTP(call.Port.Protocol) {
			continue
		}
		refuses := func(o mesh.Outcome) bool {
			return o.Kind == istio.Refused && o.Server != nil && o.Server.Dataplane == model.DataplaneSidecar && !o.AtGateway &&
				(o.Sent.Mode == meshtlsv1alpha1.SendIstioMutual || o.Sent.Mode == meshtlsv1alpha1.SendDisable)
		}
		outcomes := v.Outcomes(call)
		at := slices.IndexFunc(outcomes, refuses)
		if at < 0 {
			continue
		}
		f := about(mesh.ServerOf(*call.Via.Server), lint.Error, "")
		f.Message = fmt.Sprintf("It passes the clients' TLS through to port %d of %s, by %s, and the port is declared %s: the sidecar of pod "+
			"%s/%s expects HTTP there, and every connection fails.", call.Number, call.Destination,
			model.RefOf(model.KindVirtualService, call.Via.Route.Of), call.Port.Protocol, outcomes[at].Server.Namespace, outcomes[at].Server.Example)
		f.Remedy = "Declare the port TLS or HTTPS if the application ends TLS, or end TLS at the gateway and route by http."
		findings = append(findings, f)
	}
	return findings
}
