package gateway

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-redirect-leads-nowhere",
			Severity: []lint.Severity{lint.Warning},
			Finds:    "a host that is redirected to https, where no server of the same pods speaks TLS for it.",
			Why: "Clients are sent to where nobody answers. It is right only where a load balancer ends TLS before the gateway: " +
				"mute it then.",
			Fix: "Add a server with TLS for the host, or remove `httpsRedirect`.",
		},
		Ours:     true,
		InPolicy: "Terminate TLS for the host on a port of its own, or remove redirectToHTTPS.",
		Find:     redirectLeadsNowhere,
	})
}

// redirectLeadsNowhere tells of a redirect where no server with TLS of the same pods has the host. A load balancer that ends TLS
// before the gateway makes it right, so this is no error.
func redirectLeadsNowhere(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for s := range v.Servers() {
		proxies := v.ProxiesOf(s.Gateway)
		if !redirects(s) || len(proxies) == 0 {
			continue
		}
		for i, host := range s.Names() {
			if slices.ContainsFunc(proxies, func(w *model.Workload) bool { return servesTLS(v, w, host) }) {
				continue
			}
			f := about(s, lint.Warning, fmt.Sprintf(".hosts[%d]", i))
			f.Message = fmt.Sprintf("It redirects to https://%s, and no server of these gateway pods speaks TLS for this host: "+
				"unless a load balancer ends TLS before them, clients are sent to where nobody answers.", host)
			f.Remedy = "Add a server with TLS for the host, or remove httpsRedirect."
			findings = append(findings, f)
		}
	}
	return findings
}

// servesTLS reports whether a Gateway, of any revision, has the pods speak TLS for the host.
func servesTLS(v *mesh.View, w *model.Workload, host string) bool {
	return slices.ContainsFunc(v.EveryGateway(), func(g *istionetworkingv1.Gateway) bool {
		return pods.Matches(g.Spec.Selector, w.Labels) && servesNameByTLS(g, host)
	})
}

func servesNameByTLS(g *istionetworkingv1.Gateway, host string) bool {
	for s := range mesh.ServersOf(g) {
		if s.SpeaksTLS() && slices.ContainsFunc(s.Names(), func(name string) bool { return hosts.Overlap(name, host) }) {
			return true
		}
	}
	return false
}
