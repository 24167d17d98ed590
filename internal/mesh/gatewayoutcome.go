package mesh

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
)

// atGateway is what becomes of a call whose endpoint is a gateway: that is for its servers to say. Without the label that sidecars are
// given, Istio of itself sends it plaintext.
// Source: istio manifests/charts/istio-control/istio-discovery/files: the injection template sets the label, that of gateways does not.
func (v *View) atGateway(o Outcome, c istio.Connection) Outcome {
	o.AtGateway = true
	o.Verdict = v.Verdict(c)
	o.Accepted = istio.Accepted{}
	if tls := v.Sends(c.Client, c.To); tls.Mode == meshtlsv1alpha1.SendAuto && c.Server.Labels[LabelTLSMode] != "istio" {
		o.Sent.Mode = meshtlsv1alpha1.SendDisable
		o.Sent.Why = "Istio gives the pods of a gateway no mark that they can do mutual TLS, so it uses none of itself."
	}
	servers := v.serversAt(c)
	if len(servers) == 0 {
		o.Kind = GatewayDecides
		o.Why = fmt.Sprintf("%s The endpoint is a gateway, and no Gateway of Istio's has a server at its port %d.", o.Sent.Why, c.Port)
		return o
	}
	o.Kind = istio.Refused
	o.Why = o.Sent.Why + " The endpoint is a gateway, and none of its servers at the port takes that."
	for _, s := range servers {
		kind := atServer(o.Sent.Mode, c.To.Carries, s)
		if kind == istio.Refused {
			continue
		}
		o.Kind, o.GatewayServer = kind, &s
		o.ApplicationTLS = kind == istio.Plaintext && s.EndsTLS()
		o.Why = fmt.Sprintf("%s The endpoint is a gateway: %s spec.servers[%d] %s, for its hosts.", o.Sent.Why, s.Ref(), s.Index, o.taken())
		break
	}
	return o
}

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

// serversAt returns the servers in force at the port.
func (v *View) serversAt(c istio.Connection) []istio.Server {
	for _, l := range v.Listeners(*c.Server).Listeners {
		if l.Port == c.Port {
			return l.Servers
		}
	}
	return nil
}

// atServer is how a connection ends at a gateway's server, if that is the one for its host. Where the proxy adds no TLS, the
// application may have.
func atServer(sent meshtlsv1alpha1.SendMode, carries istio.Carries, server istio.Server) Kind {
	switch {
	case !server.SpeaksTLS():
		return either(sent == meshtlsv1alpha1.SendDisable && carries != istio.CarriesTLS, istio.Plaintext)
	case server.PassesThrough():
		return either(sent != meshtlsv1alpha1.SendDisable || carries != istio.CarriesHTTP, GatewayDecides)
	}
	mode := server.Spec().GetTls().GetMode()
	if mode == networkingapi.ServerTLSSettings_ISTIO_MUTUAL {
		return either(sent == meshtlsv1alpha1.SendIstioMutual, istio.MutualTLS)
	}
	switch sent {
	case meshtlsv1alpha1.SendDisable:
		return either(carries != istio.CarriesHTTP, istio.Plaintext)
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

// either is the kind if the connection fits, and Refused if not.
func either(fits bool, kind Kind) Kind {
	if fits {
		return kind
	}
	return istio.Refused
}
