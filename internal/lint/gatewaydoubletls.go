package lint

import (
	"cmp"
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayPassthroughEncryptedAgain tells of TLS that a gateway passes through to a destination for which a DestinationRule has it use
// TLS of its own. Istio's mutual TLS is another matter: the sidecar takes it off again. The finding is about the DestinationRule, or,
// where only the Gateway is ours, about that.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayNetworkFiltersFromTLSRoutes; cluster_tls.go, buildUpstreamTLSSettings.
func gatewayPassthroughEncryptedAgain(v *view) []model.Finding {
	var findings []model.Finding
	for s := range v.servers() {
		if s.routes() != routes.TLS {
			continue
		}
		for _, vs := range v.boundTo(s.gateway) {
			if len(commonHosts(vs, s)) == 0 {
				continue
			}
			for _, to := range passedOn(vs, s) {
				findings = append(findings, v.encryptedAgain(s, vs, to)...)
			}
		}
	}
	return findings
}

// passedOn are the destinations of the routes that the server uses.
func passedOn(vs *istionetworkingv1.VirtualService, s gatewayServer) []*networkingapi.Destination {
	taken := routes.Call{Gateway: keyOf(s.gateway), Port: int32(s.Port.Number)} // #nosec G115 -- below 65536
	var passed []*networkingapi.Destination
	for _, route := range routes.Taking(vs, routes.TLS, taken) {
		for _, to := range route.To {
			if to.GetDestination() != nil {
				passed = append(passed, to.GetDestination())
			}
		}
	}
	return passed
}

func (v *view) encryptedAgain(s gatewayServer, vs *istionetworkingv1.VirtualService, to *networkingapi.Destination) []model.Finding {
	host := hosts.Qualify(to.Host, vs.Namespace)
	var findings []model.Finding
	for _, w := range v.proxiesOf(s.gateway) {
		for _, d := range v.called(host) {
			port, known := portOf(d, to, s)
			if !known {
				continue
			}
			call := v.toward(d, port)
			call.Subset = to.Subset
			sent := v.istio.Sends(istio.ClientOf(w), call)
			if sent.Mode != meshtlsv1alpha1.SendSimple && sent.Mode != meshtlsv1alpha1.SendMutual {
				continue
			}
			if f := v.doubleTLS(s, vs, host, sent); !slices.Contains(findings, f) {
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// portOf is the port of the destination that a route sends to: the one that it names, the only one, or the server's own.
// Source: istio pilot/pkg/networking/core/route/route.go, GetDestinationCluster.
func portOf(d *destinations.Destination, to *networkingapi.Destination, s gatewayServer) (destinations.Port, bool) {
	named := to.GetPort().GetNumber()
	if only, one := d.OnlyPort(); one && named == 0 {
		return only, true
	}
	return d.Port(int32(cmp.Or(named, s.Port.Number))) // #nosec G115 -- below 65536
}

func (v *view) doubleTLS(s gatewayServer, vs *istionetworkingv1.VirtualService, host string, sent istio.TLS) model.Finding {
	rule := sent.Origin.Object
	route := ref(model.KindVirtualService, vs)
	if gateway := ref(model.KindGateway, s.gateway); v.ours(gateway) && !v.ours(rule) {
		f := s.about(meshtlsv1alpha1.SeverityWarning, ".tls.mode")
		f.Message = fmt.Sprintf("It passes the clients' TLS through to %s, by %s, and %s has the gateway use TLS of its own there: "+
			"the server finds TLS within TLS.", host, route, sent.Origin)
		f.Remedy = fmt.Sprintf("End TLS at the gateway, or take the TLS settings out of %s.", rule)
		return f
	}
	f := model.Finding{Severity: meshtlsv1alpha1.SeverityWarning, Subject: rule, Field: sent.Origin.Field}
	f.Message = fmt.Sprintf("It has the pods of %s use TLS to %s, to which %s passes the clients' TLS through, by %s: "+
		"the server finds TLS within TLS.", ref(model.KindGateway, s.gateway), host, s.field(""), route)
	f.Remedy = "Take these TLS settings away from the gateway's traffic, or end the clients' TLS at the gateway."
	return f
}
