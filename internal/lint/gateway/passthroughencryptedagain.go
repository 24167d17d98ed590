package gateway

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-passthrough-encrypted-again",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M32"},
			Finds: "a destination to which a gateway passes the clients' TLS through, by a VirtualService, and to which a " +
				"DestinationRule has the gateway's pods use `SIMPLE` or `MUTUAL` TLS. The finding is about the DestinationRule; " +
				"where the Gateway is written by the operator and that is not, about the Gateway.",
			Why: "The server finds TLS within TLS. Istio's own mutual TLS is no such case: the sidecar takes it off again.",
			Fix: "Let one of the two do the TLS: end it at the gateway, or take the settings away from the gateway's traffic.",
		},
		Ours: true,
		Find: passthroughEncryptedAgain,
	})
}

// passthroughEncryptedAgain finds TLS that a gateway passes through to a destination for which a DestinationRule has it use TLS of its
// own. Istio's mutual TLS does no harm: the sidecar takes it off again. The finding is about the DestinationRule or, where only the
// Gateway is ours, about the Gateway.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayNetworkFiltersFromTLSRoutes; cluster_tls.go, buildUpstreamTLSSettings.
func passthroughEncryptedAgain(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, call := range mesh.CallsOfGateways(v).All {
		if call.Via.Route.Kind != routes.TLS || !call.Known() {
			continue
		}
		sent := v.Sends(istio.ClientOf(call.Client), v.To(call))
		if sent.Mode != meshtlsv1alpha1.SendSimple && sent.Mode != meshtlsv1alpha1.SendMutual {
			continue
		}
		if f := encryptedAgain(v, call, sent); !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	return findings
}

func encryptedAgain(v *mesh.View, call mesh.Call, sent istio.TLS) model.Finding {
	s, rule := mesh.ServerOf(*call.Via.Server), sent.Origin.Object
	route := model.RefOf(model.KindVirtualService, call.Via.Route.Of)
	if lint.Ours(v, s.Ref()) && !lint.Ours(v, rule) {
		f := about(s, lint.Warning, ".tls.mode")
		f.Message = fmt.Sprintf("It passes the clients' TLS through to %s, by %s, and %s has the gateway use TLS of its own there: "+
			"the server finds TLS within TLS.", call.Host, route, sent.Origin)
		f.Remedy = fmt.Sprintf("End TLS at the gateway, or take the TLS settings out of %s.", rule)
		return f
	}
	f := model.Finding{Severity: lint.Warning, Subject: rule, Field: sent.Origin.Field}
	f.Message = fmt.Sprintf("It has the pods of %s use TLS to %s, to which %s passes the clients' TLS through, by %s: "+
		"the server finds TLS within TLS.", s.Ref(), call.Host, s.Field(""), route)
	f.Remedy = "Take these TLS settings away from the gateway's traffic, or end the clients' TLS at the gateway."
	return f
}
