package explain

import (
	"fmt"
	"reflect"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// endpoints are what is behind the port of the destination.
func (v *view) endpoints(w model.Workload, d *destinations.Destination, port destinations.Port, to istio.Destination) []Endpoint {
	connection := istio.Connection{Client: istio.ClientOf(w), To: to}
	if tls := v.istio.Sends(connection.Client, to); tls.Mode == "" {
		return []Endpoint{{Outcome: Refused, Why: tls.Why, DecidedBy: v.decidedBy(tls)}}
	}
	if d.External || len(d.Selector()) == 0 && len(v.machines(d)) == 0 {
		verdict := v.istio.Verdict(connection)
		return []Endpoint{{
			Outcome: Outcome(verdict.Kind), Why: verdict.Why, Sends: string(verdict.Sent.Mode), DecidedBy: v.decidedBy(verdict.Sent),
			ApplicationTLS: verdict.Kind == istio.Plaintext && istio.SpeaksTLS(to.Protocol),
		}}
	}
	var all []Endpoint
	for _, server := range v.backends(d) {
		target, known := port.Target(server)
		if !known || !inSubset(v.istio.Rule(connection.Client, to.Host), to.Subset, server) {
			continue
		}
		connection.Server, connection.Port = &server, target
		all = alike(all, v.endpoint(connection))
	}
	if len(all) == 0 {
		why := fmt.Sprintf("No pod is behind port %d.", port.Number)
		if to.Subset != "" {
			why = fmt.Sprintf("No pod of subset %s is behind port %d.", to.Subset, port.Number)
		}
		return []Endpoint{{Outcome: NoEndpoints, Why: why}}
	}
	return all
}

// inSubset says whether the pods are of the subset that a route sends to. Of one that is not there, the verdict has more to say.
func inSubset(choice istio.Choice, name string, w model.Workload) bool {
	for _, s := range choice.Subsets {
		if name == s.Name {
			for key, value := range s.Rule.Spec.Subsets[s.Index].GetLabels() {
				if w.Labels[key] != value {
					return false
				}
			}
			return true
		}
	}
	return true
}

// alike adds an endpoint to those of which the same is to be said.
func alike(all []Endpoint, e Endpoint) []Endpoint {
	for i := range all {
		same := all[i]
		same.Example, same.Pods = e.Example, e.Pods
		if reflect.DeepEqual(same, e) {
			all[i].Pods += e.Pods
			return all
		}
	}
	return append(all, e)
}

// endpoint is how the connection ends.
func (v *view) endpoint(c istio.Connection) Endpoint {
	verdict := v.verdict(c)
	e := Endpoint{
		Outcome: Outcome(verdict.Kind), Why: verdict.Why, Sends: string(verdict.Sent.Mode), DecidedBy: v.decidedBy(verdict.Sent),
		ApplicationTLS: verdict.Kind == istio.Plaintext && istio.SpeaksTLS(c.To.Protocol),
		Namespace:      c.Server.Namespace, Example: c.Server.Example, Pods: c.Server.Count, Port: c.Port,
	}
	if c.Server.Gateway {
		return v.toGateway(e, c, verdict.Sent)
	}
	accepted := v.accepted(*c.Server, v.istio.Accept(*c.Server), c.Port)
	e.Accepts, e.AcceptsDecidedBy = accepted.Accepts, &accepted.DecidedBy
	return e
}

// verdict is that of Istio, except that a proxy has no say in ports that annotations keep from it. Clients know nothing of those:
// they send what they would send to the proxy.
func (v *view) verdict(c istio.Connection) istio.Verdict {
	verdict := v.istio.Verdict(c)
	if !slices.Contains(c.Server.Uncaptured, c.Port) {
		return verdict
	}
	sent := verdict.Sent
	bare := *c.Server
	bare.Dataplane = model.DataplaneNone
	c.Server = &bare
	verdict = v.istio.Verdict(c)
	if sent.Mode == meshtlsv1alpha1.SendIstioMutual {
		verdict.Kind, verdict.Sent = istio.Refused, sent
		verdict.Why = sent.Why + " But annotations of the server's pods keep the port from the sidecar, and the application cannot end the " +
			"mesh's mutual TLS."
	}
	return verdict
}
