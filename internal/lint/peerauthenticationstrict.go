package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// strictPort is a port of pods at which a PeerAuthentication has them accept mutual TLS only.
type strictPort struct {
	origin istio.Origin
	port   int32
}

// about is a warning about the PeerAuthentication: it does what it says.
func (p strictPort) about() model.Finding {
	return model.Finding{
		Severity: meshtlsv1alpha1.SeverityWarning,
		Subject:  p.origin.Object,
		Field:    p.origin.Field,
	}
}

// strictAt says whether the pods accept mutual TLS only at the port. The ports of a gateway are its servers'.
func (v *view) strictAt(w model.Workload, port int32) (strictPort, bool) {
	accepted := v.istio.Accept(w).Port(port)
	return strictPort{origin: accepted.Origin, port: port}, !w.Gateway && accepted.Mode == meshtlsv1alpha1.AcceptStrict
}

// strictPorts are pods by what is strict about them.
type strictPorts map[strictPort][]model.Workload

// inOrder are the ports by object, field and number.
func (s strictPorts) inOrder() []strictPort {
	return slices.SortedFunc(maps.Keys(s), func(a, b strictPort) int {
		return cmp.Or(byRefName(a.origin.Object, b.origin.Object), strings.Compare(a.origin.Field, b.origin.Field), cmp.Compare(a.port, b.port))
	})
}

// peerAuthenticationRefusesScrape tells of a STRICT port at which annotations ask Prometheus to read the metrics over plain HTTP. The
// agent of the proxy could serve them instead, but the injector was told not to have it do so.
// Source: istio pkg/kube/inject/webhook.go, applyPrometheusMerge.
func peerAuthenticationRefusesScrape(v *view) []model.Finding {
	refused := strictPorts{}
	for _, w := range v.Workloads {
		if w.Scraped == 0 || w.Dataplane != model.DataplaneSidecar || slices.Contains(w.Uncaptured, w.Scraped) {
			continue
		}
		if at, strict := v.strictAt(w, w.Scraped); strict {
			refused[at] = append(refused[at], w)
		}
	}
	var findings []model.Finding
	for _, at := range refused.inOrder() {
		f := at.about()
		f.Message = fmt.Sprintf("Annotations of %s ask Prometheus to read the metrics at port %d over plain HTTP, and the port accepts "+
			"mutual TLS only: Prometheus is refused unless it shows a certificate of the mesh.", podWords(refused[at]), at.port)
		f.Remedy = fmt.Sprintf("Let port %d accept PERMISSIVE, or have Istio merge the metrics (prometheus.istio.io/merge-metrics).", at.port)
		findings = append(findings, f)
	}
	return findings
}

// webhookCall is a webhook with the pods behind it at which the port is strict.
type webhookCall struct {
	model.Webhook
	strict strictPorts
	// all says that there are no others.
	all bool
}

// refusedWebhooks are those that reach strict ports: the API server has no certificate of the mesh.
func (v *view) refusedWebhooks() []webhookCall {
	var refused []webhookCall
	for _, w := range v.Webhooks {
		if call := v.callOf(w); len(call.strict) > 0 {
			refused = append(refused, call)
		}
	}
	return refused
}

func (v *view) callOf(w model.Webhook) webhookCall {
	call := webhookCall{Webhook: w, strict: strictPorts{}, all: true}
	for _, d := range v.destinations().Of(hosts.OfService(w.Service.Namespace, w.Service.Name)) {
		for _, port := range d.Declared {
			if d.Service == nil || port.Number != w.Port {
				continue
			}
			for _, e := range v.endpoints(d, port) {
				at, strict := v.strictAt(e.Workload, e.Port)
				if strict && !slices.Contains(e.Uncaptured, e.Port) {
					call.strict[at] = append(call.strict[at], e.Workload)
				} else {
					call.all = false
				}
			}
		}
	}
	return call
}

// peerAuthenticationRefusesWebhook tells the object that makes a webhook's port strict.
func peerAuthenticationRefusesWebhook(v *view) []model.Finding {
	var findings []model.Finding
	for _, call := range v.refusedWebhooks() {
		for _, at := range call.strict.inOrder() {
			f := at.about()
			f.Message = fmt.Sprintf("The API server calls %s, for webhook %s of %s %s, and has no certificate of the mesh: port %d accepts "+
				"mutual TLS only and refuses the call.", podWords(call.strict[at]), call.Name, call.Kind, call.Configuration, at.port)
			f.Remedy = fmt.Sprintf("Let port %d of these pods accept PERMISSIVE.", at.port)
			findings = append(findings, f)
		}
	}
	return findings
}
