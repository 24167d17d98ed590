package mesh

import (
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// Accept returns what the workload accepts. A gateway's own servers are none of it: see Listeners.
func (v *network) Accept(w *model.Workload) istio.Acceptance {
	v.note(model.KindPeerAuthentication, model.KindConfigMap)
	return v.index.istio().Accept(w)
}

// AcceptedAt returns what the workload accepts at one port.
func (v *network) AcceptedAt(w *model.Workload, port int32) istio.Accepted {
	v.note(model.KindPeerAuthentication, model.KindConfigMap)
	return v.index.istio().AcceptedAt(w, port)
}

// Rule finds the DestinationRule that governs a client's traffic to a host.
func (v *network) Rule(client istio.Client, host model.Host) istio.Choice {
	v.note(model.KindDestinationRule, model.KindConfigMap)
	return v.index.istio().Rule(client, host)
}

// Shadowed returns the DestinationRules for the host that another one keeps from governing the client's traffic.
func (v *network) Shadowed(client istio.Client, host model.Host) []istio.Shadow {
	v.note(model.KindDestinationRule, model.KindConfigMap)
	return v.index.istio().Shadowed(client, host)
}

// Sends returns what TLS the client sends, as far as that is decided for the destination as a whole.
func (v *network) Sends(client istio.Client, to istio.Destination) istio.TLS {
	v.note(model.KindDestinationRule, model.KindPeerAuthentication, model.KindConfigMap)
	return v.index.istio().Sends(client, to)
}

// Verdict says how a connection ends at an endpoint that is no gateway.
func (v *network) Verdict(c istio.Connection) istio.Verdict {
	v.note(model.KindDestinationRule, model.KindPeerAuthentication, model.KindConfigMap)
	return v.index.istio().Verdict(c)
}

// Listeners returns what the pods of a gateway end up with.
func (v *network) Listeners(pod *model.Workload) istio.Listeners {
	v.note(model.KindGateway, model.KindService)
	v.noteListeners()
	return v.index.istio().Listeners(pod)
}

// PodPort returns the port on which the pods of a gateway listen for a Gateway's port.
func (v *network) PodPort(pod *model.Workload, number int32) int32 {
	v.note(model.KindService)
	return v.index.istio().PodPort(pod, number)
}
