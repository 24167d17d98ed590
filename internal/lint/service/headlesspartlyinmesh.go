package service

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "service-headless-partly-in-mesh",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M06"},
			Finds: "a headless Service of whose pods some have a sidecar and some have none, where those with a sidecar are " +
				"`STRICT`. So is a Service that a DestinationRule gives the load balancer `PASSTHROUGH`.",
			Why: "Clients connect to the address of a pod, and Istio decides for all pods together: unless each has a sidecar, it " +
				"uses plaintext for all, and the strict ones refuse it.",
			Fix: "Give all the pods a sidecar, or let the port accept `PERMISSIVE`.",
		},
		Find: headlessPartlyInMesh,
	})
}

// headlessPartlyInMesh finds Services whose clients choose the pod, where some pods have a sidecar and others have none. Clients send
// plaintext to all pods of such a Service, and the strict pods refuse it.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings (the service's endpoints are asked together).
func headlessPartlyInMesh(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	passes := slices.ContainsFunc(v.DestinationRules(), passesThrough)
	for d := range servicesWhere(v, func(s *model.Service) bool { return s.Headless || passes }) {
		without := slices.DeleteFunc(slices.Clone(v.Behind(d)), func(w *model.Workload) bool { return w.Dataplane == model.DataplaneSidecar })
		if len(without) == 0 || len(without) == len(v.Behind(d)) {
			continue
		}
		for i, port := range d.Declared {
			if refusing, verdict := refusedTogether(v, d, port); len(refusing) > 0 {
				findings = append(findings, partlyInMesh(d, i, without, refusal{refusing, verdict}))
			}
		}
	}
	return findings
}

// passesThrough reports whether the rule has clients choose the endpoint, anywhere.
func passesThrough(rule *istionetworkingv1.DestinationRule) bool {
	policies := []*networkingapi.TrafficPolicy{rule.Spec.GetTrafficPolicy()}
	for _, s := range rule.Spec.GetSubsets() {
		policies = append(policies, s.GetTrafficPolicy())
	}
	passes := func(l *networkingapi.LoadBalancerSettings) bool {
		return l.GetSimple() == networkingapi.LoadBalancerSettings_PASSTHROUGH
	}
	return slices.ContainsFunc(policies, func(p *networkingapi.TrafficPolicy) bool {
		return passes(p.GetLoadBalancer()) || slices.ContainsFunc(p.GetPortLevelSettings(),
			func(port *networkingapi.TrafficPolicy_PortTrafficPolicy) bool { return passes(port.GetLoadBalancer()) })
	})
}

// refusal is a verdict with the pods that it is about.
type refusal struct {
	pods    []*model.Workload
	verdict istio.Verdict
}

func partlyInMesh(d *destinations.Destination, port int, without []*model.Workload, r refusal) model.Finding {
	service := "this headless Service"
	if !d.Service.Headless {
		service = fmt.Sprintf("this Service, since %s has the load balancer PASSTHROUGH", r.verdict.Sent.Origin.Object)
	}
	return model.Finding{
		Severity: lint.Error,
		Subject:  d.Ref(),
		Field:    fmt.Sprintf("spec.ports[%d]", port),
		Message: fmt.Sprintf("Clients connect to the pods of %s, of which some have no sidecar (%s is one). Istio "+
			"then has them send plaintext to all the pods, and %s with a sidecar refuse it (%s): calls of port %d fail there.",
			service, lint.OnePod(without), lint.CountPods(r.pods), r.verdict.Accepted.Origin, d.Declared[port].Number),
		Remedy: "Give all the pods a sidecar, or let the port accept PERMISSIVE.",
	}
}

// refusedTogether returns the pods that refuse clients' plaintext at the port, and would get mutual TLS if all pods had a sidecar.
func refusedTogether(v *mesh.View, d *destinations.Destination, port destinations.Port) ([]*model.Workload, istio.Verdict) {
	var refusing []*model.Workload
	var why istio.Verdict
	together := v.CallOf(d, port)
	for _, e := range v.Arrivals(d, port) {
		alone := together
		alone.Endpoints = []*model.Workload{e.Workload}
		for _, client := range v.Clients().All {
			c := istio.Connection{Client: istio.ClientOf(client), To: together, Server: e.Workload, Port: e.Port}
			verdict := v.Verdict(c)
			c.To = alone
			if verdict.Kind == istio.Refused && v.Verdict(c).Kind == istio.MutualTLS {
				refusing, why = append(refusing, e.Workload), verdict
				break
			}
		}
	}
	return refusing, why
}
