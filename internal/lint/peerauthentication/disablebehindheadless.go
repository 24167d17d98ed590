package peerauthentication

import (
	"fmt"

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
			Name:     "peerauthentication-disable-behind-headless",
			Severity: []lint.Severity{lint.Error},
			Finds:    "a port with `DISABLE` of pods behind a headless Service, where no DestinationRule has the Service's clients send plaintext.",
			Why: "Clients connect to the address of a pod that they looked up. Istio then does not see which pod it is, and uses mutual TLS for " +
				"all or none of the Service's pods: since these have a sidecar, for all. The port hands it to the application, and every call of a " +
				"client with a sidecar fails.",
			Fix: "Let the port accept `PERMISSIVE`, or add a DestinationRule with `DISABLE` for the Service's port.",
		},
		Find: disableBehindHeadless,
	})
}

// disableBehindHeadless finds ports that take no mutual TLS, where clients use it because they connect to addresses that they looked up.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, applyUpstreamTLSSettings: one transport socket for a cluster without endpoints.
func disableBehindHeadless(v *mesh.View) []model.Finding {
	seen := map[istio.Origin]bool{}
	var findings []model.Finding
	for i := range v.Services() {
		service := &v.Services()[i]
		if !service.Headless || service.External {
			continue
		}
		d := v.DeclaredBy(service)
		for _, port := range d.Declared {
			o, client, found := refusedMutualTLS(v, d, port)
			origin := o.Accepted.Origin
			if !found || seen[origin] {
				continue
			}
			seen[origin] = true
			f := model.Finding{Severity: lint.Error, Subject: origin.Object, Field: origin.Field}
			f.Message = fmt.Sprintf("It says DISABLE, and port %d of Service %s/%s, which is headless, leads there: clients with a sidecar, such "+
				"as those of namespace %s, use mutual TLS for all pods of such a Service or for none, and their calls fail at port %d of pod %s/%s.",
				port.Number, service.Namespace, service.Name, client.Namespace, o.Server.Port, o.Server.Namespace, o.Server.Example)
			f.Remedy = "Let the port accept PERMISSIVE, or have clients send plaintext by a DestinationRule with mode DISABLE for the " +
				"Service's port."
			findings = append(findings, f)
		}
	}
	return findings
}

// refusedMutualTLS finds a client that uses mutual TLS of itself at an endpoint of the port that takes none.
func refusedMutualTLS(
	v *mesh.View, d *destinations.Destination, port destinations.Port,
) (refused mesh.Outcome, client *model.Workload, found bool) {
	for _, client := range v.Clients().All {
		for _, call := range v.CallsOf(client, d, port) {
			leadsHere := call.Destination != nil && call.Destination.Name == d.Name && call.Number == port.Number
			if !leadsHere {
				continue
			}
			for _, e := range v.Reached(call) {
				if o := v.OutcomeAt(call, e); takesNoMutualTLS(o) && refusesOwnMutualTLS(o) {
					return o, client, true
				}
			}
		}
	}
	return mesh.Outcome{}, nil, false
}

// takesNoMutualTLS reports whether the endpoint has a sidecar that takes only plaintext.
func takesNoMutualTLS(o mesh.Outcome) bool {
	return o.Accepted.Mode == meshtlsv1alpha1.AcceptDisable && o.Server.Dataplane == model.DataplaneSidecar && !o.AtGateway && !o.Uncaptured
}

// refusesOwnMutualTLS reports whether the mutual TLS that Istio uses of itself is refused.
func refusesOwnMutualTLS(o mesh.Outcome) bool {
	return o.Kind == istio.Refused && o.Sent.Settings == nil && o.Sent.Mode == meshtlsv1alpha1.SendIstioMutual
}
