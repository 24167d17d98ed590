package service

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "service-port-uncaptured",
			Severity: []lint.Severity{lint.Error, lint.Warning},
			Classes:  []string{"M03"},
			Finds: "a port of a Service, or of a ServiceEntry that selects pods, that leads to a port which annotations of the pods keep " +
				"from the proxy, as does the interception mode NONE with all of them, while clients with a sidecar use mutual TLS for it. " +
				"An error if a DestinationRule tells them to, else a warning, since the port may be meant for others. Ports that a webhook " +
				"is called at, or Prometheus by annotation, are passed over.",
			Why: "Clients see that the pods have a proxy, and use mutual TLS. It ends up at the application, which does not " +
				"understand it.",
			Fix: "Remove the port from the annotation, or add a DestinationRule with mode `DISABLE` for the port.",
		},
		Find: portUncaptured,
	})
}

// portUncaptured tells of a Service's, or a ServiceEntry's, port that leads to a port of the pods which annotations keep from the proxy,
// while clients use mutual TLS: they see that the pods have a proxy, and not what it is told to leave alone.
// Source: istio tools/istio-iptables/pkg/capture/run.go, handleInboundPortsInclude; pilot/pkg/xds/endpoints/mtls_checker.go.
func portUncaptured(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, d := range v.Destinations().All() {
		if d.Service != nil && d.Service.External {
			continue
		}
		for i, port := range d.Declared {
			open := slices.DeleteFunc(slices.Clone(v.Endpoints(d, port)), func(e destinations.Endpoint) bool {
				captured := e.Captures(e.Port) && !uncaught(e)
				return captured || mesh.ProxyPorts.Has(e.Port) || mesh.ForOutsiders(v, e.Workload, e.Port) || amongThemselves(e, port)
			})
			if call, sent := mutualTLSTo(v, d, port, open); sent {
				findings = append(findings, call.finding(d, i))
			}
		}
	}
	return findings
}

// bypass is a call with mutual TLS to a port at which no proxy listens.
type bypass struct {
	destinations.Endpoint
	client  string
	verdict istio.Verdict
}

// mutualTLSTo finds such a call: the first by the client's namespace.
func mutualTLSTo(v *mesh.View, d *destinations.Destination, port destinations.Port, open []destinations.Endpoint) (bypass, bool) {
	var calls []bypass
	for _, e := range open {
		for _, client := range v.Clients().All {
			verdict := v.Verdict(istio.Connection{
				Client: istio.ClientOf(client), To: v.CallOf(d, port), Server: e.Workload, Port: e.Port,
			})
			reaches := verdict.Kind == istio.MutualTLS || uncaught(e)
			if reaches && verdict.Sent.Mode == meshtlsv1alpha1.SendIstioMutual {
				calls = append(calls, bypass{Endpoint: e, client: client.Namespace, verdict: verdict})
			}
		}
	}
	if len(calls) == 0 {
		return bypass{}, false
	}
	return slices.MinFunc(calls, func(a, b bypass) int {
		return cmp.Or(strings.Compare(a.client, b.client), lint.ComparePods(a.Workload, b.Workload), cmp.Compare(a.Port, b.Port))
	}), true
}

// uncaught reports whether nothing leads connections to the pods' sidecar.
func uncaught(e destinations.Endpoint) bool {
	return e.Dataplane == model.DataplaneSidecar && e.Interception == model.InterceptionNone
}

func (b bypass) finding(d *destinations.Destination, port int) model.Finding {
	severity, decides := lint.Warning, "because the pods have a proxy"
	if b.verdict.Sent.Settings != nil {
		severity, decides = lint.Error, fmt.Sprintf("because %s says so", b.verdict.Sent.Origin)
	}
	return model.Finding{
		Severity: severity,
		Subject:  d.Ref(),
		Field:    fmt.Sprintf("spec.ports[%d]", port),
		Message: fmt.Sprintf("It leads to port %d of pods such as %s, which %s from the proxy. Clients with a "+
			"sidecar, such as those of namespace %s, use mutual TLS there, %s, and the application does not understand it: their calls fail.",
			b.Port, lint.OnePod([]*model.Workload{b.Workload}), b.keeper(), b.client, decides),
		Remedy: fmt.Sprintf("Let the proxy have port %d of the pods, or have clients send plaintext by a DestinationRule with mode "+
			"DISABLE for the port.",
			b.Port),
	}
}

// keeper says what keeps the port from the proxy.
func (b bypass) keeper() string {
	if uncaught(b.Endpoint) {
		return "their interception mode NONE keeps"
	}
	return "annotations of theirs keep"
}

// amongThemselves reports whether annotations of the pods keep the port from their proxies in both directions: then it is for calls among
// them, as the members of a store make.
func amongThemselves(e destinations.Endpoint, port destinations.Port) bool {
	return slices.Contains(e.Outbound.ExcludePorts, port.Number)
}
