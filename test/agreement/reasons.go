package agreement

import (
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// reason is why nothing needs to tell of a broken call.
type reason struct {
	name   string
	excuse func(w World, c *call) bool
}

// reasons are all there are; each is met in some world of the tests.
var reasons = []reason{
	{"a client without a proxy is what Strict is there to refuse", func(_ World, c *call) bool {
		return c.from.Proxy == explain.ProxyNone || c.from.Proxy == explain.ProxyAmbient
	}},
	{"a client whose interception mode is NONE calls as one without a proxy does", func(_ World, c *call) bool {
		return c.from.Pods.Interception == model.InterceptionNone
	}},
	{"the mesh or a Sidecar wants calls of hosts refused that the sidecar does not know (REGISTRY_ONLY)", func(w World, c *call) bool {
		bypass, bypasses := w.bypass(c)
		return bypasses && bypass.Refused
	}},
	{"no route of the gateway leads there, so it never makes the call", func(_ World, c *call) bool {
		return c.from.Proxy == explain.ProxyGateway && c.to.Route == nil
	}},
	{"a route leads to a host or port that nobody declares, which is no matter of TLS; istioctl analyze tells of it",
		func(_ World, c *call) bool { return c.to.DeclaredBy == nil }},
	{"a route leads to a subset that no DestinationRule has, and no policy's took its place; istioctl analyze tells of it",
		func(_ World, c *call) bool { return c.to.Subset != "" && c.end.Sends == "" && !c.decidedByPolicy() }},
	{"the gateway's port has no server, so it refuses whatever is sent", func(w World, c *call) bool { return w.atGateway(c).NoServer }},
	{"nothing has proxies send TLS to a gateway's server, since applications reach it by its own name and TLS",
		func(w World, c *call) bool {
			own := []string{string(meshtlsv1alpha1.SendAuto), string(meshtlsv1alpha1.SendDisable)}
			return (slices.Contains(own, c.to.External.Sends) || len(c.to.External.Rules) == 0) && w.atGateway(c).AtGateway
		}},
	{"the port is kept from the proxy for callers outside the mesh: of webhooks, of the proxy's own ports, or muted",
		func(w World, c *call) bool { return w.isUncaptured(c) }},
	{"the DestinationRule is meant for HTTP that a route brings to the port, and applications are not expected to call it",
		func(w World, c *call) bool { return c.end.Outcome == istio.DoubleTLS && w.isRouted(c) }},
}

// excuse finds the reason why nothing needs to tell of the call.
func (w World) excuse(c *call) (string, bool) {
	for _, r := range reasons {
		if r.excuse(w, c) {
			return r.name, true
		}
	}
	return "", false
}

// bypass returns why the client's sidecar does not treat the call as one of the host, if it does not.
func (w World) bypass(c *call) (mesh.Bypass, bool) {
	v := w.view(c.from.Revision)
	destination, port := v.Declares(c.from.Namespace, c.to.Host, c.to.Port)
	if destination == nil {
		return mesh.Bypass{}, false
	}
	return v.Bypasses(c.from.Pods, destination, port.Number)
}

// atGateway returns the call's outcome at a gateway; zero: the endpoint is none.
func (w World) atGateway(c *call) mesh.Outcome {
	return w.outcome(c, func(o mesh.Outcome) bool { return o.AtGateway })
}

// isUncaptured reports whether annotations keep the called port from the server's proxy.
func (w World) isUncaptured(c *call) bool {
	return w.outcome(c, func(o mesh.Outcome) bool { return o.Uncaptured }).Uncaptured
}

// outcome finds what becomes of the call in the view, for what explain does not show.
func (w World) outcome(c *call, wanted func(mesh.Outcome) bool) mesh.Outcome {
	v := w.view(c.from.Revision)
	destination, port := v.Declares(c.from.Namespace, c.to.Host, c.to.Port)
	if destination == nil {
		return mesh.Outcome{}
	}
	for _, o := range v.Outcomes(mesh.Call{
		Client: c.from.Pods, Host: c.to.Host, Number: c.to.Port, Called: c.to.Host, Destination: destination, Port: port, Subset: c.to.Subset,
		Carries: istio.CarriesOf(port.Protocol),
	}) {
		same := o.Server != nil && o.Server.Namespace == c.end.Namespace && o.Server.Example == c.end.Example
		if same && wanted(o) {
			return o
		}
	}
	return mesh.Outcome{}
}

// isRouted reports whether somewhere a route brings HTTP to the port that the call wraps twice.
func (w World) isRouted(c *call) bool {
	return c.to.Route == nil && slices.ContainsFunc(w.calls, func(other call) bool {
		return other.to.Route != nil && other.to.Host == c.to.Host && other.to.Port == c.to.Port && other.end.Outcome == istio.ServerTLS
	})
}

// Reasons returns the names of all reasons.
func Reasons() []string {
	var names []string
	for _, r := range reasons {
		names = append(names, r.name)
	}
	return names
}
