package lint

import (
	"fmt"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// redirects says whether the server sends its clients to https.
func (s gatewayServer) redirects() bool {
	return s.GetTls().GetHttpsRedirect() && istio.KindOf(s.Port.Protocol, true).Family == istio.FamilyHTTP
}

// gatewayRedirectWithoutRoute tells of a redirect of a host that is for one namespace, where no VirtualService of that namespace routes
// it: Istio then makes a virtual host of the name with the namespace before it, which no client asks for. It speaks only where
// VirtualServices of the namespace are known.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayHTTPRouteConfig.
func gatewayRedirectWithoutRoute(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	var findings []model.Finding
	for s := range v.servers() {
		if !s.redirects() {
			continue
		}
		for i, host := range s.Hosts {
			namespace, name, scoped := strings.Cut(istio.SpelledOut(host, s.gateway.Namespace), "/")
			if !scoped || !v.hasRoutes(namespace) || v.routesHTTP(s.gateway, namespace, name) {
				continue
			}
			f := s.about(meshtlsv1alpha1.SeverityError, fmt.Sprintf(".hosts[%d]", i))
			f.Message = fmt.Sprintf("It redirects to https, but of a host for one namespace Istio redirects only what a VirtualService of "+
				"that namespace routes by http, and none in %s does so for %s: requests without TLS are answered by 404.", namespace, name)
			f.Remedy = fmt.Sprintf("Write the host as %s, or bind a VirtualService of %s to the Gateway.", name, namespace)
			findings = append(findings, f)
		}
	}
	return findings
}

// hasRoutes says whether VirtualServices of the namespace are known.
func (v *view) hasRoutes(namespace string) bool {
	return slices.ContainsFunc(v.VirtualServices, func(vs *istionetworkingv1.VirtualService) bool { return vs.Namespace == namespace })
}

// routesHTTP says whether a VirtualService of the namespace has http routes for a name at the Gateway.
func (v *view) routesHTTP(g *istionetworkingv1.Gateway, namespace, name string) bool {
	return slices.ContainsFunc(v.boundTo(g), func(vs *istionetworkingv1.VirtualService) bool {
		return vs.Namespace == namespace && routeKindsFor(vs, keyOf(g)).Has(routes.HTTP) &&
			slices.ContainsFunc(vs.Spec.Hosts, func(host string) bool { return hosts.Overlap(host, name) })
	})
}

// gatewayRedirectLeadsNowhere tells of a redirect where no server with TLS of the same pods has the host. A load balancer that ends TLS
// before the gateway makes it right, so this is no error.
func gatewayRedirectLeadsNowhere(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	var findings []model.Finding
	for s := range v.servers() {
		proxies := v.proxiesOf(s.gateway)
		if !s.redirects() || len(proxies) == 0 {
			continue
		}
		for i, host := range s.names() {
			if slices.ContainsFunc(proxies, func(w model.Workload) bool { return v.servesTLS(w, host) }) {
				continue
			}
			f := s.about(meshtlsv1alpha1.SeverityWarning, fmt.Sprintf(".hosts[%d]", i))
			f.Message = fmt.Sprintf("It redirects to https://%s, and no server of these gateway pods speaks TLS for this host: "+
				"unless a load balancer ends TLS before them, clients are sent to where nobody answers.", host)
			f.Remedy = "Add a server with TLS for the host, or remove httpsRedirect."
			findings = append(findings, f)
		}
	}
	return findings
}

// servesTLS says whether a Gateway, of any revision, has the pods speak TLS for the host.
func (v *view) servesTLS(w model.Workload, host string) bool {
	return slices.ContainsFunc(v.everyGateway, func(g *istionetworkingv1.Gateway) bool {
		return pods.Matches(g.Spec.Selector, w.Labels) && servesNameByTLS(g, host)
	})
}

func servesNameByTLS(g *istionetworkingv1.Gateway, host string) bool {
	for s := range serversOf(g) {
		if s.speaksTLS() && slices.ContainsFunc(s.names(), func(name string) bool { return hosts.Overlap(name, host) }) {
			return true
		}
	}
	return false
}
