package explain

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
)

// toGateway is how a connection ends whose endpoint is a gateway: that is for its servers to say. Without the label that sidecars are
// given, Istio of itself sends it plaintext.
// Source: istio manifests/charts/istio-control/istio-discovery/files: the injection template sets the label, that of gateways does not.
func (v *view) toGateway(e Endpoint, c istio.Connection, sent istio.TLS) Endpoint {
	if tls := v.istio.Sends(c.Client, c.To); tls.Mode == meshtlsv1alpha1.SendAuto && c.Server.Labels[labelTLSMode] != "istio" {
		sent.Mode = meshtlsv1alpha1.SendDisable
		sent.Why = "Istio gives the pods of a gateway no mark that they can do mutual TLS, so it uses none of itself."
	}
	e.Sends, e.DecidedBy, e.Accepts, e.ApplicationTLS = string(sent.Mode), v.decidedBy(sent), AcceptsServers, false
	servers := v.serversAt(c)
	if len(servers) == 0 {
		e.Outcome = GatewayDecides
		e.Why = fmt.Sprintf("%s The endpoint is a gateway, and no Gateway of Istio's has a server at its port %d.", sent.Why, c.Port)
		return e
	}
	e.Outcome = Refused
	e.Why = sent.Why + " The endpoint is a gateway, and none of its servers at the port takes that."
	for _, s := range servers {
		mode := serverMode(s.Spec().GetTls())
		outcome := atServer(sent.Mode, c.To.Protocol, mode)
		if outcome == Refused {
			continue
		}
		origin := v.serverOrigin(s)
		e.Outcome, e.AcceptsDecidedBy = outcome, &origin
		e.ApplicationTLS = outcome == Plaintext && ends(mode)
		e.Why = fmt.Sprintf("%s The endpoint is a gateway: %s %s, for its hosts.", sent.Why, serverName(s), takes(e))
		break
	}
	return e
}

func takes(e Endpoint) string {
	switch {
	case e.Outcome == GatewayDecides:
		return "passes it through to where that server's routes lead"
	case e.ApplicationTLS:
		return "ends TLS, which has to be the application's own"
	default:
		return "takes that"
	}
}

// serversAt are the servers in force at the port.
func (v *view) serversAt(c istio.Connection) []istio.Server {
	for _, l := range v.istio.Listeners(*c.Server).Listeners {
		if l.Port == c.Port {
			return l.Servers
		}
	}
	return nil
}

// atServer is how a connection ends at a gateway's server, if that is the one for its host. Where the proxy adds no TLS, the
// application may have: at a port that is declared so, and at one that is not declared HTTP.
func atServer(sent meshtlsv1alpha1.SendMode, protocol string, server ServerMode) Outcome {
	switch server {
	case ServerPlaintext, ServerRedirect:
		return either(sent == meshtlsv1alpha1.SendDisable && !istio.SpeaksTLS(protocol), Plaintext)
	case ServerPassthrough, ServerAutoPassthrough:
		return either(sent != meshtlsv1alpha1.SendDisable || !istio.SpeaksHTTP(protocol), GatewayDecides)
	case ServerIstioMutual:
		return either(sent == meshtlsv1alpha1.SendIstioMutual, MutualTLS)
	}
	switch sent {
	case meshtlsv1alpha1.SendDisable:
		return either(!istio.SpeaksHTTP(protocol), Plaintext)
	case meshtlsv1alpha1.SendSimple:
		return either(server != ServerMutual, ServerTLS)
	case meshtlsv1alpha1.SendMutual:
		if server == ServerSimple {
			return ServerTLS
		}
		return MutualTLS
	default:
		return Refused
	}
}

// either is the outcome if it fits, and Refused if not.
func either(fits bool, outcome Outcome) Outcome {
	if fits {
		return outcome
	}
	return Refused
}
