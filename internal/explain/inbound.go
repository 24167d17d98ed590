package explain

import (
	"fmt"
	"maps"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// inbound returns the ports of pods that are no gateway, and the PeerAuthentications that are ignored for them.
func (v *view) inbound(w *model.Workload) ([]Inbound, []Ignored) {
	acceptance := v.Accept(w)
	services := v.leadingTo(w)
	var all []Inbound
	for _, port := range portsOf(w, services, acceptance) {
		in := Inbound{Port: port, Name: portName(w, port)}
		for _, s := range services[port] {
			in.Services = append(in.Services, s.ServicePort)
			in.Protocols = append(in.Protocols, s.protocol)
		}
		slices.Sort(in.Protocols)
		in.Protocols = slices.DeleteFunc(slices.Compact(in.Protocols), func(p string) bool { return p == "" })
		in.External = v.accepted(w, acceptance, port)
		in.Local = LocalConnection{Carries: handedOver(w, in)}
		all = append(all, in)
	}
	var ignored []Ignored
	for _, peer := range acceptance.Ignored {
		ignored = append(ignored, v.ignored(peer.Object, peer.Why))
	}
	return all, ignored
}

// leadingPort is a Service port that leads to a port of pods.
type leadingPort struct {
	ServicePort
	protocol string
}

// leadingTo returns the Service ports that lead to the pods, by the pods' port.
func (v *view) leadingTo(w *model.Workload) map[int32][]leadingPort {
	leading := map[int32][]leadingPort{}
	for _, d := range v.InFront(w.Namespace, w.Labels) {
		if d.Service == nil {
			continue
		}
		for _, port := range d.Declared {
			target, known := port.Target(w)
			if !known {
				continue
			}
			s := ServicePort{Namespace: d.Service.Namespace, Service: d.Service.Name, Name: port.Service.Name, Port: port.Number}
			leading[target] = append(leading[target], leadingPort{ServicePort: s, protocol: port.Protocol})
		}
	}
	return leading
}

// portsOf returns the ports that the pods declare, that Services lead to, or that something is said about; last 0, for all others.
func portsOf(w *model.Workload, services map[int32][]leadingPort, acceptance istio.Acceptance) []int32 {
	ports := map[int32]bool{}
	for _, p := range w.Ports {
		ports[p.Number] = true
	}
	for p := range services {
		ports[p] = true
	}
	for _, p := range acceptance.Ports {
		ports[p.Port] = true
	}
	for _, p := range w.Uncaptured {
		ports[p] = true
	}
	return append(slices.Sorted(maps.Keys(ports)), 0)
}

func portName(w *model.Workload, port int32) string {
	for _, p := range w.Ports {
		if p.Number == port {
			return p.Name
		}
	}
	return ""
}

// uncapturedBy is what keeps a port from the proxy.
var uncapturedBy = Origin{Field: "the pods' annotations traffic.sidecar.istio.io/excludeInboundPorts or includeInboundPorts"}

// accepted returns what is taken at the port.
func (v *view) accepted(w *model.Workload, acceptance istio.Acceptance, port int32) ExternalInbound {
	accepted := acceptance.Port(port)
	switch {
	case w.Dataplane == model.DataplaneNone:
		return ExternalInbound{
			Accepts: AcceptsNoProxy, DecidedBy: v.origin(accepted.Origin),
			Why: "The pods have no proxy: the application takes what clients send, and a PeerAuthentication changes nothing.",
		}
	case !w.Captures(port):
		return ExternalInbound{
			Accepts: AcceptsUncaptured, DecidedBy: uncapturedBy,
			Why: "Annotations of the pods keep the port from the sidecar: the application takes what clients send, and a PeerAuthentication " +
				"changes nothing.",
		}
	}
	return ExternalInbound{
		Accepts: Accepts(accepted.Mode), DecidedBy: v.origin(accepted.Origin),
		Why: fmt.Sprintf("%s: %s.", saidBy(accepted.Origin), modeWords(accepted.Mode)),
	}
}

func saidBy(o istio.Origin) string {
	if o.Object == (model.ObjectRef{}) {
		return "No PeerAuthentication says anything for the port, so Istio's default holds"
	}
	return o.String() + " decides"
}

func modeWords(mode meshtlsv1alpha1.AcceptMode) string {
	switch mode {
	case meshtlsv1alpha1.AcceptStrict:
		return "only mutual TLS is taken"
	case meshtlsv1alpha1.AcceptPermissive:
		return "mutual TLS and plaintext are taken"
	default:
		return "only plaintext is taken, mutual TLS is not ended"
	}
}

// handedOver says what the application gets.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions: which connections a port of which
// protocol takes, and what the proxy does with them.
func handedOver(w *model.Workload, in Inbound) string {
	switch {
	case in.External.Accepts == AcceptsNoProxy, in.External.Accepts == AcceptsUncaptured:
		return "What clients send, TLS of their own included."
	case w.Dataplane == model.DataplaneAmbient && in.External.Accepts == AcceptsStrict:
		return "What was inside the tunnel, which ztunnel ends."
	case w.Dataplane == model.DataplaneAmbient:
		return "What was inside the tunnel, which ztunnel ends; what comes without a tunnel, as it is."
	}
	return bySidecar(in.External.Accepts, inside(in.Protocols))
}

// content is what a port is declared to carry, as far as the sidecar treats it differently.
type content int

const (
	anything content = iota
	httpInside
	tlsInside
)

// inside returns the content of a port; declarations that differ say nothing.
func inside(protocols []string) content {
	if len(protocols) == 0 {
		return anything
	}
	switch {
	case !slices.ContainsFunc(protocols, func(p string) bool { return !istio.SpeaksHTTP(p) }):
		return httpInside
	case !slices.ContainsFunc(protocols, func(p string) bool { return !istio.SpeaksTLS(p) }):
		return tlsInside
	default:
		return anything
	}
}

// bySidecar returns what the sidecar hands over: always as it is, it never starts TLS towards the application.
func bySidecar(accepts Accepts, carries content) string {
	const ended = "Plaintext: mutual TLS ends in the sidecar"
	switch accepts {
	case AcceptsStrict:
		if carries == tlsInside {
			return "The clients' own TLS, out of the mutual TLS around it, which ends in the sidecar."
		}
		return ended + "."
	case AcceptsPermissive:
		if carries == httpInside {
			return ended + "; plaintext HTTP passes. A client's own TLS is refused, since the port is declared HTTP."
		}
		if carries == tlsInside {
			return "The clients' own TLS: mutual TLS around it ends in the sidecar; without, it passes as it is."
		}
		return ended + "; everything else passes as it is, a client's own TLS too."
	default:
		if carries == httpInside {
			return "Plaintext HTTP, as clients send it. No TLS gets through, since the port is declared HTTP."
		}
		return "What clients send, as it is: TLS of their own passes through to the application."
	}
}
