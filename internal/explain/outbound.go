package explain

import (
	"cmp"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// outbound returns the destinations of the pods' traffic, and how many more there are at which Istio does what it does by default.
func (v *view) outbound(w *model.Workload, q Question) ([]Outbound, []Omitted, error) {
	if q.To != "" {
		found, err := v.to(w, q.To)
		return found, nil, err
	}
	listed := []Outbound{}
	omitted := map[mesh.Kind]int{}
	for _, o := range v.reached(w, q.All) {
		if q.All || o.remarkable(w) {
			listed = append(listed, o)
			continue
		}
		omitted[o.Endpoints[0].Outcome]++
	}
	return listed, counted(omitted), nil
}

func counted(omitted map[mesh.Kind]int) []Omitted {
	var all []Omitted
	for outcome, n := range omitted {
		all = append(all, Omitted{Outcome: outcome, Destinations: n})
	}
	slices.SortFunc(all, func(a, b Omitted) int {
		return cmp.Or(b.Destinations-a.Destinations, strings.Compare(string(a.Outcome), string(b.Outcome)))
	})
	return all
}

// reached returns every destination that the pods' traffic is sent to. A gateway sends only where routes lead; with all, it lists what
// else it could reach.
func (v *view) reached(w *model.Workload, all bool) []Outbound {
	var found []Outbound
	if proxyOf(w) == ProxyGateway {
		for _, call := range v.GatewayCalls(w) {
			found = append(found, v.routedByGateway(call))
		}
	}
	if proxyOf(w) != ProxyGateway || all {
		for _, host := range v.Destinations().Hosts() {
			found = append(found, v.calledAt(w, host, 0)...)
		}
	}
	slices.SortStableFunc(found, compareOutbound)
	return slices.CompactFunc(found, func(a, b Outbound) bool { return compareOutbound(a, b) == 0 && a.Protocol == b.Protocol })
}

// sentTo returns the destinations among those that the pods' traffic is sent to.
func (v *view) sentTo(w *model.Workload, wanted func(host string) bool) []Outbound {
	var found []Outbound
	if proxyOf(w) == ProxyGateway {
		found = slices.DeleteFunc(v.reached(w, true), func(o Outbound) bool { return !wanted(o.Host) })
	} else {
		for _, host := range v.Destinations().Hosts() {
			if wanted(host) {
				found = append(found, v.calledAt(w, host, 0)...)
			}
		}
	}
	slices.SortStableFunc(found, compareOutbound)
	return found
}

func compareOutbound(a, b Outbound) int {
	return cmp.Or(strings.Compare(a.calledHost(), b.calledHost()), cmp.Compare(a.calledPort(), b.calledPort()),
		strings.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), strings.Compare(a.Subset, b.Subset))
}

// calledHost and calledPort are what the application calls; a gateway's servers call nothing.
func (o Outbound) calledHost() string {
	if o.Route != nil && o.Route.Host != "" {
		return o.Route.Host
	}
	return o.Host
}

func (o Outbound) calledPort() int32 {
	if o.Route != nil && o.Route.Host != "" {
		return o.Route.Port
	}
	return o.Port
}

// calledAt returns where the pods' traffic to the host ends up, at one port or, with 0, at each.
func (v *view) calledAt(w *model.Workload, host string, port int32) []Outbound {
	var found []Outbound
	for _, called := range v.CallableAt(host, w.Namespace) {
		if port != 0 && called.Port.Number != port {
			continue
		}
		for _, call := range v.CallsOf(w, called.Destination, called.Port) {
			found = append(found, v.routedBySidecar(call, called))
		}
	}
	return found
}

// routedBySidecar returns the call that comes of what the application called.
func (v *view) routedBySidecar(c mesh.Call, called mesh.Callable) Outbound {
	o := v.sent(c)
	o.Protocol, o.Local = called.Port.Protocol, local(c.Client, called.Port.Protocol)
	if c.Via != nil {
		o.Route = routeOf(*c.Via)
		o.Route.Host, o.Route.Port = called.Name, called.Port.Number
	}
	return o
}

func (v *view) routedByGateway(c mesh.Call) Outbound {
	o := v.sent(c)
	o.Protocol = c.Port.Protocol
	if c.Carries == istio.CarriesTLS {
		o.Protocol = "TLS"
	}
	server := v.serverOrigin(*c.Via.Server)
	o.Route = routeOf(*c.Via)
	o.Route.Server = &server
	return o
}

func routeOf(h mesh.Hop) *Route {
	return &Route{Namespace: h.Route.Of.Namespace, Name: h.Route.Of.Name, Field: h.Route.Field()}
}

// sent returns what the proxy sends for the call, and how that ends.
func (v *view) sent(c mesh.Call) Outbound {
	o := Outbound{Host: c.Host, Port: c.Number, Subset: c.Subset, Endpoints: v.endpoints(c)}
	if !c.Known() {
		o.External = ExternalOutbound{Why: o.Endpoints[0].Why}
		return o
	}
	ref := c.Destination.Ref()
	o.DeclaredBy = &ref
	o.External = v.sends(c.Client, v.To(c))
	return o
}

// sends returns what the pods' proxy sends to the destination as a whole.
func (v *view) sends(w *model.Workload, to istio.Destination) ExternalOutbound {
	tls := v.Sends(istio.ClientOf(w), to)
	external := ExternalOutbound{Sends: string(tls.Mode), DecidedBy: v.decidedBy(tls), Why: tls.Why}
	if tls.Settings != nil {
		external.CredentialName, external.SNI = tls.Settings.CredentialName, tls.Settings.Sni
		external.SubjectAltNames = tls.Settings.SubjectAltNames
	}
	if w.Dataplane != model.DataplaneSidecar {
		return external
	}
	choice := v.Rule(istio.ClientOf(w), to.Host)
	for _, rule := range choice.Rules {
		ref := model.ObjectRef{Kind: model.KindDestinationRule, Namespace: rule.Namespace, Name: rule.Name}
		external.Rules = append(external.Rules, Rule{Namespace: rule.Namespace, Name: rule.Name, Policies: v.policies[ref]})
	}
	external.Note = droppedByPort(tls, choice)
	for _, shadow := range v.Shadowed(istio.ClientOf(w), to.Host) {
		if !pods.Matches(shadow.Rule.Spec.GetWorkloadSelector().GetMatchLabels(), w.Labels) {
			continue // it is for other pods, and ignored by none
		}
		ref := model.ObjectRef{Kind: model.KindDestinationRule, Namespace: shadow.Rule.Namespace, Name: shadow.Rule.Name}
		ignored := v.ignored(ref, shadow.Why)
		ignored.decides = shadow.Reason != istio.ShadowNotExported && setsTLS(&shadow.Rule.Spec)
		external.Ignored = append(external.Ignored, ignored)
	}
	return external
}

// decidedBy returns what decided. A rule that governs and sets no TLS decides nothing: that leaves it to Istio.
func (v *view) decidedBy(tls istio.TLS) Origin {
	if tls.Mode == "" {
		return Origin{Field: "there is no such subset"}
	}
	if tls.Settings == nil && tls.Origin.Object.Kind == model.KindDestinationRule {
		return Origin{Field: "Istio's default, since " + v.origin(istio.Origin{Object: tls.Origin.Object}).String() + " sets no TLS"}
	}
	return v.origin(tls.Origin)
}

// droppedByPort says that settings of the port keep those of the destination from it.
// Source: istio pilot/pkg/networking/util/util.go, GetPortLevelTrafficPolicy.
func droppedByPort(tls istio.TLS, choice istio.Choice) string {
	if tls.Settings != nil || choice.Policy == nil || !strings.Contains(tls.Origin.Field, "portLevelSettings[") {
		return ""
	}
	mode := choice.Policy.Spec.TrafficPolicy.GetTls()
	if mode == nil {
		return ""
	}
	return "The rule says " + mode.Mode.String() + ", but not for this port: " + tls.Origin.Field +
		" stands in place of all that is said for the destination, and has no tls."
}

// setsTLS reports whether the rule sets TLS at any level.
func setsTLS(rule *networkingapi.DestinationRule) bool {
	sets := func(policy *networkingapi.TrafficPolicy) bool {
		return policy.GetTls() != nil || slices.ContainsFunc(policy.GetPortLevelSettings(),
			func(p *networkingapi.TrafficPolicy_PortTrafficPolicy) bool { return p.GetTls() != nil })
	}
	return sets(rule.GetTrafficPolicy()) ||
		slices.ContainsFunc(rule.GetSubsets(), func(s *networkingapi.Subset) bool { return sets(s.GetTrafficPolicy()) })
}

// remarkable reports whether something else decides than what Istio does of itself, or the outcome is not mutual TLS. Pods without a
// proxy have no mutual TLS anyway: there it is only what fails.
func (o Outbound) remarkable(w *model.Workload) bool {
	for _, e := range o.Endpoints {
		switch {
		case e.Outcome == istio.MutualTLS, e.Outcome == mesh.NoEndpoints, e.Outcome == mesh.GatewayDecides:
		case w.Dataplane != model.DataplaneNone, e.Outcome == istio.Refused:
			return true
		}
	}
	return o.External.ruled() || o.External.Note != "" || slices.ContainsFunc(o.External.Ignored, func(i Ignored) bool { return i.decides })
}

// ruled reports whether a DestinationRule decides.
func (e ExternalOutbound) ruled() bool {
	return e.DecidedBy.Kind == model.KindDestinationRule && e.Sends != "Auto"
}

// local returns the connection between the application and its proxy; a gateway has no application.
func local(w *model.Workload, protocol string) *LocalConnection {
	if proxyOf(w) == ProxyGateway {
		return nil
	}
	return &LocalConnection{Carries: taken(w, protocol)}
}

// taken says what the application may send, and how its proxy takes it.
// Source: istio pilot/pkg/networking/core/listener.go, buildSidecarOutboundListener: the chains of a port by its protocol.
func taken(w *model.Workload, protocol string) string {
	switch {
	case w.Dataplane == model.DataplaneNone:
		return "There is no proxy: what the application sends leaves as it is."
	case w.Dataplane == model.DataplaneAmbient:
		return "Anything: ztunnel carries bytes, TLS of the application included."
	case istio.SpeaksHTTP(protocol):
		return "Plaintext HTTP: the port is declared so. TLS of the application fails here."
	case istio.SpeaksTLS(protocol):
		return "TLS of the application, routed by the name it asks for (SNI) and not ended."
	case protocol == "":
		return "Auto-detected: plaintext HTTP is read as HTTP, and anything else, TLS of the application included, is carried as bytes."
	default:
		return "Bytes: the port is declared " + protocol + ", so TLS of the application is carried as it is."
	}
}
