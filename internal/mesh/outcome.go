package mesh

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// Kind is how a connection ends: a kind of the model of Istio, or one of those below.
type Kind = istio.Kind

const (
	// GatewayDecides: the endpoint is a gateway, and what it does with the connection is for its servers' routes to say.
	GatewayDecides Kind = "GatewayDecides"
	// NoEndpoints: there is nothing behind the destination.
	NoEndpoints Kind = "NoEndpoints"
)

// Outcome is what becomes of a call at one endpoint.
type Outcome struct {
	istio.Verdict
	Call Call
	// Server is the endpoint; nil: it is no pod and no machine that is known.
	Server *destinations.Endpoint
	// AtGateway says that the endpoint is a gateway; GatewayServer is the server of it that takes the connection; nil: none does.
	AtGateway     bool
	GatewayServer *istio.Server
	// NoServer says that no Gateway of Istio's has a server at the gateway's port, whatever is sent to it.
	NoServer bool
	// Closed says that no route leads on from the gateway's servers at the port, so that Istio does not open it, whatever is sent to it.
	Closed bool
	// Uncaptured says that annotations keep the port from the server's proxy.
	Uncaptured bool
	// ApplicationTLS says, with the kind Plaintext, that the application is to speak TLS of its own: the proxies add nothing to it.
	ApplicationTLS bool
}

// Outcomes returns what becomes of the call at each endpoint that it may reach. There is always one.
func (v *View) Outcomes(c Call) []Outcome {
	if !c.Known() {
		return []Outcome{undeclared(c)}
	}
	if c.Bypass != (Bypass{}) {
		return v.passedBy(c)
	}
	connection := istio.Connection{Client: istio.ClientOf(c.Client), To: v.To(c)}
	sent := v.Sends(connection.Client, connection.To)
	if sent.Mode == "" {
		return []Outcome{{Verdict: istio.Verdict{Kind: istio.Refused, Sent: sent, Why: sent.Why}, Call: c}}
	}
	d := c.Destination
	if v.lacksCluster(c) {
		return []Outcome{withoutCluster(c)}
	}
	if !v.EndpointsKnown(d) {
		return []Outcome{v.outsideOutcome(c, connection)}
	}
	reached := v.Reached(c)
	all := make([]Outcome, 0, len(reached))
	for _, server := range reached {
		all = append(all, v.OutcomeAt(c, server))
	}
	if len(all) == 0 {
		return []Outcome{{Verdict: istio.Verdict{Kind: NoEndpoints, Sent: sent, Why: nobodyBehind(c)}, Call: c}}
	}
	return all
}

// lacksCluster reports whether the call is of a subset that Istio makes no cluster for: where DNS finds the servers, one that no endpoint
// of the ServiceEntry is of.
// Source: istio pilot/pkg/networking/core/cluster_builder.go, buildSubsetCluster.
func (v *View) lacksCluster(c Call) bool {
	if c.Subset == "" || c.Destination.Entry == nil {
		return false
	}
	switch c.Destination.Entry.Spec.GetResolution() {
	case networkingapi.ServiceEntry_DNS, networkingapi.ServiceEntry_DNS_ROUND_ROBIN:
		labels := v.subsetLabels(c)
		return !slices.ContainsFunc(c.Destination.Entry.Spec.GetEndpoints(), func(e *networkingapi.WorkloadEntry) bool {
			return pods.Matches(labels, e.GetLabels())
		})
	default:
		return false
	}
}

func withoutCluster(c Call) Outcome {
	why := fmt.Sprintf("No endpoint of %s is of subset %s, and for servers that DNS finds Istio makes no cluster of a subset without any: "+
		"calls fail.", c.Destination.Ref(), c.Subset)
	return Outcome{Verdict: istio.Verdict{Kind: istio.Refused, Why: why}, Call: c}
}

// Reached returns the endpoints that the call may reach, those of the subset that a route sends to, with the ports at which it arrives.
func (v *View) Reached(c Call) []destinations.Endpoint {
	endpoints, labels := v.Endpoints(c.Destination, c.Port), v.subsetLabels(c)
	if len(labels) > 0 {
		endpoints = slices.DeleteFunc(slices.Clone(endpoints), func(e destinations.Endpoint) bool { return !pods.Matches(labels, e.Labels) })
	}
	return c.arriving(endpoints)
}

// subsetLabels returns the labels of the subset that is called. Of one that does not exist the verdict has more to say.
func (v *View) subsetLabels(c Call) map[string]string {
	if c.Subset == "" {
		return nil
	}
	for _, s := range v.Rule(istio.ClientOf(c.Client), c.Destination.Host).Subsets {
		if s.Name == c.Subset {
			return s.Rule.Spec.Subsets[s.Index].GetLabels()
		}
	}
	return nil
}

// OutcomeAt returns what becomes of the call at the endpoint.
func (v *View) OutcomeAt(c Call, server destinations.Endpoint) Outcome {
	connection := istio.Connection{
		Client: istio.ClientOf(c.Client), To: v.To(c), Server: server.Workload, Port: server.Port, Bytes: v.readsBytes(c, server),
	}
	o := Outcome{Call: c, Server: &server, Uncaptured: !server.Captures(server.Port)}
	switch {
	case server.Gateway:
		return v.atGateway(o, connection)
	case o.Uncaptured:
		o.Verdict = v.uncapturedVerdict(connection)
	default:
		o.Verdict = v.Verdict(connection)
		if o.endsMutualTLSOfClients() {
			o.Kind = istio.MutualTLS
			o.Why = o.Sent.Why + " The gateway passes the clients' TLS through, and the server's proxy takes it if it is the mesh's mutual TLS; " +
				"it refuses any other."
		}
	}
	return o.settled()
}

// endsMutualTLSOfClients reports whether a gateway passes TLS on as it is to a proxy that takes no TLS but the mesh's: a client that has a
// certificate of the mesh is served, such as the sidecar of another cluster.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions.
func (o Outcome) endsMutualTLSOfClients() bool {
	via := o.Call.Via
	passedThrough := via != nil && via.Server != nil && via.Server.PassesThrough()
	return passedThrough && o.Kind == istio.Refused && o.Sent.Mode == meshtlsv1alpha1.SendDisable &&
		o.Server.Dataplane == model.DataplaneSidecar && o.Accepted.Mode != meshtlsv1alpha1.AcceptDisable
}

// settled words the outcome for what the call carries.
func (o Outcome) settled() Outcome {
	o.ApplicationTLS = o.Kind == istio.Plaintext && o.Call.Carries == istio.CarriesTLS
	if o.Kind == istio.DoubleTLS && o.Call.Via != nil && o.Call.Via.Server != nil {
		o.Why = o.Sent.Why + " But the gateway passes TLS through: what it sends is TLS already, and gets wrapped once more."
	}
	return o
}

func (v *View) outsideOutcome(c Call, connection istio.Connection) Outcome {
	return Outcome{Verdict: v.Verdict(connection), Call: c}.settled()
}

// uncapturedVerdict returns the verdict at a port that annotations keep from the proxy. Clients know nothing of those: they send what they
// would send to the proxy.
func (v *View) uncapturedVerdict(c istio.Connection) istio.Verdict {
	sent := v.Verdict(c).Sent
	c.Server = c.Server.As(model.DataplaneNone)
	verdict := v.Verdict(c)
	if sent.Mode == meshtlsv1alpha1.SendIstioMutual {
		verdict.Kind, verdict.Sent = istio.Refused, sent
		verdict.Why = sent.Why + " But annotations of the server's pods keep the port from the sidecar, and the application cannot end the " +
			"mesh's mutual TLS."
	}
	return verdict
}

func undeclared(c Call) Outcome {
	const why = "No Service or ServiceEntry declares this host and port, so there is nothing that it could be sent to: calls fail."
	return Outcome{Verdict: istio.Verdict{Kind: istio.Refused, Why: why}, Call: c}
}

func nobodyBehind(c Call) string {
	if c.Subset != "" {
		return fmt.Sprintf("No pod of subset %s is behind port %d.", c.Subset, c.Number)
	}
	return fmt.Sprintf("No pod is behind port %d.", c.Number)
}
