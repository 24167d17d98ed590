package istio

import (
	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// Connection is a client that calls a destination and reaches one of its endpoints.
type Connection struct {
	Client Client
	To     Destination
	// Server is the endpoint; nil where it is no pod of the mesh's cluster. What the pods of a gateway accept is not for
	// PeerAuthentications to say, but for its own servers: see Listeners.
	Server *model.Workload
	// Port is the server's, where its container listens.
	Port int32
	// Bytes says that the server's proxy reads nothing as HTTP at the port, whatever the called port is declared to speak.
	Bytes bool
}

// Kind is how a connection ends.
type Kind string

const (
	// MutualTLS: both sides show a certificate and the connection stands.
	MutualTLS Kind = "MutualTLS"
	// ServerTLS: only the server shows one. Its application ends the TLS, or a server outside the mesh.
	ServerTLS Kind = "TLS"
	// Plaintext: the proxies add nothing. The application may still speak TLS of its own.
	Plaintext Kind = "Plaintext"
	// DoubleTLS: the proxy wraps TLS around the TLS of the application, and the server undoes one of the two.
	DoubleTLS Kind = "DoubleTLS"
	// Refused: the connection fails.
	Refused Kind = "Refused"
)

// Verdict is how a connection ends, and why.
type Verdict struct {
	Kind Kind
	// Sent has the mode for this endpoint: never Auto.
	Sent TLS
	// Accepted is the mode at the server's port; its Mode is empty without a Server.
	Accepted Accepted
	// Expected are, with the kind Refused, the names of which the client takes the server to have one, if its certificate has none. Empty:
	// that is not why the connection fails.
	Expected []string
	// Certified is the name that its certificate has instead.
	Certified string
	// Why is a full sentence.
	Why string
}

// WrongName reports whether the connection fails because the server's certificate has none of the names that the client expects.
func (v Verdict) WrongName() bool { return len(v.Expected) > 0 }

// Objects returns the Istio objects that decided, each once: the client's first.
func (v Verdict) Objects() []model.ObjectRef {
	var objects []model.ObjectRef
	for _, ref := range []model.ObjectRef{v.Sent.Origin.Object, v.Accepted.Origin.Object} {
		if ref != (model.ObjectRef{}) && (len(objects) == 0 || objects[0] != ref) {
			objects = append(objects, ref)
		}
	}
	return objects
}

// Verdict says how the connection ends.
func (m *Model) Verdict(c Connection) Verdict {
	choice := Choice{}
	var sent TLS
	if c.Client.Dataplane == model.DataplaneSidecar {
		choice = m.Rule(c.Client, c.To.Host)
		sent = m.sends(c.Client, c.To, choice)
	} else {
		sent = m.Sends(c.Client, c.To)
	}
	verdict := Verdict{Sent: sent}
	if sent.Mode == "" {
		verdict.Kind, verdict.Why = Refused, sent.Why
		return verdict
	}
	if c.Server == nil {
		return outside(verdict, c.To)
	}
	verdict.Accepted = m.AcceptedAt(c.Server, c.Port)
	if tunnels(c, choice) {
		return m.tunnelled(verdict)
	}
	if sent.Mode == meshtlsv1alpha1.SendAuto {
		verdict.Sent = m.endpointTLS(c, choice, verdict.Sent)
	}
	return m.meet(verdict, c)
}

// endpointTLS settles what was left to the endpoint.
// Source: istio pilot/pkg/xds/endpoints/mtls_checker.go, checkMtlsEnabled.
func (m *Model) endpointTLS(c Connection, choice Choice, sent TLS) TLS {
	sent.Mode = meshtlsv1alpha1.SendDisable
	subset, _ := choice.subset(c.To.Subset)
	said, marked := m.saidAt(c.Server, c.Port), m.endpointMode(choice, subset, c.To.Port)
	switch {
	case c.Client.Dataplane == model.DataplaneAmbient:
		sent.Why = "ztunnel speaks mutual TLS only to pods that take it through the tunnel (HBONE), and these do not."
	case !speaksMutualTLS(c.Server):
		sent.Why = "The server has no proxy, so Istio uses no TLS."
	case marked != nil && sendModes[marked.Mode] != meshtlsv1alpha1.SendIstioMutual:
		sent.Why = "The settings of the port have no tls, so its TLS is left to Istio; but Istio marks the endpoints by the mode of the " +
			"destination, " + marked.Mode.String() + ", and sends them plaintext."
	case marked == nil && said.Mode == disable:
		sent.Origin = said.Origin
		sent.Why = "The server's port does not take mutual TLS, so Istio uses none."
	default:
		sent.Mode = meshtlsv1alpha1.SendIstioMutual
		sent.Why = "The server has a proxy, so Istio uses mutual TLS of itself."
	}
	return sent
}

// tunnels reports whether the connection goes through the tunnel between proxies of ambient mode (HBONE), which is mutual TLS in
// itself. A sidecar takes it to pods that have no sidecar.
// Source: istio pilot/pkg/xds/endpoints/endpoint_builder.go, buildEnvoyLbEndpoint and supportTunnel;
// pilot/pkg/networking/core/cluster_tls.go, applyHBONETransportSocketMatches.
func tunnels(c Connection, choice Choice) bool {
	takes := c.Server.Dataplane == model.DataplaneAmbient || c.Server.Labels["networking.istio.io/tunnel"] == "http"
	switch c.Client.Dataplane {
	case model.DataplaneAmbient:
		return takes
	case model.DataplaneSidecar:
		return takes && !speaksMutualTLS(c.Server) && !opaque(c.Client, c.To, choice)
	default:
		return false
	}
}
