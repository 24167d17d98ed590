package virtualservice

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
			Name:     "virtualservice-http-to-https-port",
			Severity: []lint.Severity{lint.Warning},
			Finds: "an `http` route of a gateway to a port that is declared `HTTPS` or `TLS`, where no DestinationRule has the gateway use TLS of " +
				"mode `SIMPLE` or `MUTUAL`.",
			Why: "An `http` route carries HTTP, whatever the port is declared: the HTTPS server gets plain HTTP, and answers 400 or closes the " +
				"connection. The mesh's mutual TLS does not help, since a sidecar takes it off before the application.",
			Fix: "Add a DestinationRule with mode `SIMPLE` for the port, or route to a port for HTTP.",
		},
		Find: httpToHTTPSPort,
	})
}

// httpToHTTPSPort finds plain HTTP that gateways send to ports for HTTPS.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext: the port's protocol adds no TLS.
func httpToHTTPSPort(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, call := range mesh.CallsOfGateways(v).All {
		if call.Carries != istio.CarriesHTTP || !call.Known() || !istio.SpeaksTLS(call.Port.Protocol) {
			continue
		}
		plain := slices.ContainsFunc(v.Outcomes(call), func(o mesh.Outcome) bool {
			return !o.AtGateway && (o.Sent.Mode == meshtlsv1alpha1.SendDisable || o.Sent.Mode == meshtlsv1alpha1.SendIstioMutual)
		})
		if !plain {
			continue
		}
		f := lint.Finding(lint.Warning, model.KindVirtualService, call.Via.Route.Of, call.Via.Route.Field())
		f.Message = fmt.Sprintf("The pods of %s send HTTP to port %d of %s, which is declared %s, and no DestinationRule has them use TLS "+
			"there: the server gets plain HTTP where it expects TLS.", call.Via.Server.Ref(), call.Number, call.Destination, call.Port.Protocol)
		f.Remedy = "Add a DestinationRule with mode SIMPLE for the port, or route to a port for HTTP."
		findings = append(findings, f)
	}
	return findings
}
