package mesh

import (
	"fmt"
	"math"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// atGateway returns the outcome of a call whose endpoint is a gateway: its servers decide. Without the label that sidecars are given, Istio
// of itself sends a gateway plaintext.
// Source: istio manifests/charts/istio-control/istio-discovery/files: the injection template sets the label, that of gateways does not.
func (v *View) atGateway(o Outcome, c istio.Connection) Outcome {
	o.AtGateway = true
	o.Verdict = v.Verdict(c)
	o.Accepted = istio.Accepted{}
	if tls := v.Sends(c.Client, c.To); tls.Mode == meshtlsv1alpha1.SendAuto && c.Server.Labels[model.LabelTLSMode] != "istio" {
		o.Sent.Mode = meshtlsv1alpha1.SendDisable
		o.Sent.Why = "Istio gives the pods of a gateway no mark that they can do mutual TLS, so it uses none of itself."
	}
	for _, l := range v.Listeners(c.Server).Listeners {
		if l.Port == c.Port {
			return o.atListener(v.opened(c.Server, l), c.Port)
		}
	}
	return v.noServer(o, c)
}

func (o Outcome) atListener(servers []OpenedServer, port int32) Outcome {
	arrives := arrivalOf(o)
	o.Kind = istio.Refused
	o.Why = fmt.Sprintf("%s The endpoint is a gateway, and none of its servers at port %d takes that%s.", o.Sent.Why, port, arrives)
	if len(servers) == 0 {
		o.Closed = true
		o.Why = fmt.Sprintf("%s The endpoint is a gateway, and no route leads on from its server at port %d, so that Istio does not open it.",
			o.Sent.Why, port)
	}
	for _, s := range arrives.serversFor(servers) {
		kind := arrives.at(s.Server)
		if kind == istio.Refused {
			continue
		}
		o.Kind, o.GatewayServer = kind, &s.Server
		o.ApplicationTLS = kind == istio.Plaintext && s.EndsTLS()
		o.Why = fmt.Sprintf("%s The endpoint is a gateway: %s %s %s, for its hosts.", o.Sent.Why, s.Ref(), s.Field(""), o.taken())
		break
	}
	return o
}

// noServer returns the outcome where no Gateway of Istio's has a server at the port.
func (v *View) noServer(o Outcome, c istio.Connection) Outcome {
	o.Kind, o.NoServer = istio.Refused, true
	o.Why = fmt.Sprintf("%s The endpoint is a gateway, and no Gateway of Istio's has a server at its port %d.", o.Sent.Why, c.Port)
	if _, other := c.Server.Labels[model.LabelGatewayName]; other || v.Partial() || ownPorts[c.Port] {
		o.Kind = GatewayDecides
	}
	return o
}

// ownPorts are those that a proxy itself listens at: metrics, health and readiness.
// Source: istio pkg/config/constants and the injection template of gateways.
var ownPorts = map[int32]bool{15020: true, 15021: true, 15090: true}

// taken words what the gateway's server does with the connection.
func (o Outcome) taken() string {
	switch {
	case o.Kind == GatewayDecides:
		return "passes it through to where that server's routes lead"
	case o.ApplicationTLS:
		return "ends TLS, which has to be the application's own"
	default:
		return "takes that"
	}
}

// arrival is a connection that reaches a gateway.
type arrival struct {
	sent    meshtlsv1alpha1.SendMode
	carries istio.Carries
	// name is the server name in the TLS (SNI); unnamed says that it is not known.
	name    string
	unnamed bool
}

// String says which name is asked for, where that is known.
func (a arrival) String() string {
	switch {
	case a.unnamed:
		return ""
	case a.name == "":
		return " without a server name (SNI)"
	default:
		return " for the server name (SNI) " + a.name
	}
}

// arrivalOf returns the connection that arrives. A client's proxy asks for the sni of the DestinationRule. Without one it asks for
// Istio's own name of the destination with the mesh's mutual TLS, and with other TLS for the host of an HTTP request. What an
// application asks for in TLS of its own is not known.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings and setAutoSniAndAutoSanValidation.
func arrivalOf(o Outcome) arrival {
	c := o.Call
	a := arrival{sent: o.Sent.Mode, carries: c.Carries, name: c.Called, unnamed: c.Called == "" || hosts.IsWildcard(c.Called)}
	switch {
	case a.sent == meshtlsv1alpha1.SendDisable:
		a.unnamed = true
	case o.Sent.Settings.GetSni() != "":
		a.name, a.unnamed = o.Sent.Settings.GetSni(), false
	case a.sent == meshtlsv1alpha1.SendIstioMutual:
		a.name, a.unnamed = fmt.Sprintf("outbound_.%d_.%s_.%s", c.Number, c.Subset, c.Host), false
	case c.Carries != istio.CarriesHTTP:
		a.name, a.unnamed = "", false
	}
	return a
}

// serversFor returns the servers that Envoy may choose for the connection: of those that take TLS the one with the closest name, behind
// those that take none. Where the name is not known it may be any.
func (a arrival) serversFor(servers []OpenedServer) []OpenedServer {
	var plain, closest []OpenedServer
	best := 0
	for _, s := range servers {
		switch {
		case !s.SpeaksTLS():
			plain = append(plain, s)
		case a.unnamed:
			closest = append(closest, s)
		default:
			rank := closeness(s.Names, a.name)
			if rank > best {
				best, closest = rank, nil
			}
			if rank == best && rank > 0 {
				closest = append(closest, s)
			}
		}
	}
	return append(plain, closest...)
}

// closeness ranks how closely one of the names stands for the asked one; zero: none does.
func closeness(names []string, asked string) int {
	best := 0
	for _, name := range names {
		switch {
		case name == asked:
			return math.MaxInt
		case name == "*":
			best = max(best, 1)
		case hosts.Covers(name, asked):
			best = max(best, len(name))
		}
	}
	return best
}

// at returns how the connection ends at a gateway's server. Where the proxy adds no TLS, the application may have.
func (a arrival) at(server istio.Server) Kind {
	plain := a.sent == meshtlsv1alpha1.SendDisable
	switch {
	case server.PlainHTTP():
		return either(plain && a.carries != istio.CarriesTLS, istio.Plaintext)
	case !server.SpeaksTLS():
		if plain && a.carries != istio.CarriesTLS {
			return istio.Plaintext
		}
		return GatewayDecides
	case server.PassesThrough():
		return either(!plain || a.carries != istio.CarriesHTTP, GatewayDecides)
	}
	if istio.NeedsCertificate(server.Spec().GetTls()) {
		return a.ended(networkingapi.ServerTLSSettings_MUTUAL)
	}
	return a.ended(server.Spec().GetTls().GetMode())
}

// ended returns how the connection ends at a server that ends TLS in that mode.
func (a arrival) ended(mode networkingapi.ServerTLSSettings_TLSmode) Kind {
	if mode == networkingapi.ServerTLSSettings_ISTIO_MUTUAL {
		return either(a.sent == meshtlsv1alpha1.SendIstioMutual, istio.MutualTLS)
	}
	switch a.sent {
	case meshtlsv1alpha1.SendDisable:
		return either(a.carries != istio.CarriesHTTP, istio.Plaintext)
	case meshtlsv1alpha1.SendSimple:
		return either(mode != networkingapi.ServerTLSSettings_MUTUAL, istio.ServerTLS)
	case meshtlsv1alpha1.SendMutual:
		if mode == networkingapi.ServerTLSSettings_SIMPLE {
			return istio.ServerTLS
		}
		return istio.MutualTLS
	default:
		return istio.Refused
	}
}

// either returns the kind if the connection fits, and Refused if not.
func either(fits bool, kind Kind) Kind {
	if fits {
		return kind
	}
	return istio.Refused
}
