package istio

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// meet puts together what the client sends and what the server accepts.
func (m *Model) meet(v Verdict, c Connection) Verdict {
	switch v.Sent.Mode {
	case meshtlsv1alpha1.SendDisable:
		return meetPlaintext(v, c)
	case meshtlsv1alpha1.SendIstioMutual:
		return m.meetIstioMutual(v, c)
	default:
		return meetCustomTLS(v, c)
	}
}

func meetPlaintext(v Verdict, c Connection) Verdict {
	if v.Accepted.Mode == strict {
		v.Kind = Refused
		v.Why = fmt.Sprintf("%s But the server accepts only mutual TLS (%s), so it refuses the connection.", v.Sent.Why, v.Accepted.Origin)
		return v
	}
	if c.readsHTTP() && c.To.carries() == CarriesTLS {
		v.Kind = Refused
		v.Why = fmt.Sprintf("%s But the connection carries TLS, and the port is declared %s: the server's proxy takes only HTTP there.",
			v.Sent.Why,
			c.To.Protocol)
		return v
	}
	v.Kind = Plaintext
	v.Why = v.Sent.Why
	return v
}

// readsHTTP reports whether the server's proxy reads what arrives as HTTP.
func (c Connection) readsHTTP() bool {
	return c.Server.Dataplane == model.DataplaneSidecar && SpeaksHTTP(c.To.Protocol) && !c.Bytes
}

// meetIstioMutual: only a proxy that expects it can end the mesh's mutual TLS.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions.
func (m *Model) meetIstioMutual(v Verdict, c Connection) Verdict {
	switch {
	case c.Server.Dataplane != model.DataplaneSidecar && c.Server.Dataplane != model.DataplaneProxyless:
		v.Kind = Refused
		v.Why = fmt.Sprintf("%s But the server has no proxy that could end the mutual TLS of the mesh, so the connection fails.", v.Sent.Why)
	case v.Accepted.Mode == disable:
		v.Kind = Refused
		v.Why = fmt.Sprintf("%s But the server's proxy takes no mutual TLS (%s) and hands it to the application, which cannot end it.",
			v.Sent.Why, v.Accepted.Origin)
	case c.readsHTTP() && c.To.carries() == CarriesTLS:
		v.Kind = Refused
		v.Why = fmt.Sprintf("%s But the connection carries TLS inside it, and the port is declared %s: the server's proxy takes only HTTP there.",
			v.Sent.Why, c.To.Protocol)
	default:
		return m.meetIdentity(v, c)
	}
	return v
}

// meetCustomTLS: TLS with certificates that are not the mesh's goes through a proxy that does not insist on mutual TLS, unless it
// expects HTTP. The application has to end it.
func meetCustomTLS(v Verdict, c Connection) Verdict {
	switch {
	case v.Accepted.Mode == strict:
		v.Kind = Refused
		v.Why = fmt.Sprintf("%s But the server accepts only the mutual TLS of the mesh (%s), so the handshake fails.", v.Sent.Why,
			v.Accepted.Origin)
	case c.readsHTTP():
		v.Kind = Refused
		v.Why = fmt.Sprintf("%s But the port is declared %s, and the server's proxy takes no TLS there other than the mesh's.", v.Sent.Why,
			c.To.Protocol)
	case c.To.carries() == CarriesTLS:
		return double(v, c.To)
	default:
		return custom(v)
	}
	return v
}

// outside returns the verdict for a server that Istio knows nothing about.
func outside(v Verdict, to Destination) Verdict {
	switch v.Sent.Mode {
	case meshtlsv1alpha1.SendDisable:
		v.Kind, v.Why = Plaintext, v.Sent.Why
		return v
	case meshtlsv1alpha1.SendIstioMutual:
		if !to.Host.External {
			v.Kind = MutualTLS
			v.Why = fmt.Sprintf("%s The host is declared part of the mesh, so its servers are taken to end it.", v.Sent.Why)
			return v
		}
		if to.Identified || slices.ContainsFunc(v.Sent.Settings.GetSubjectAltNames(), IsIdentity) {
			v.Kind = MutualTLS
			v.Why = fmt.Sprintf("%s The servers are named by identities of the mesh (SPIFFE), so they are taken to end it.", v.Sent.Why)
			return v
		}
		v.Kind = Refused
		v.Why = fmt.Sprintf("%s But the server is none of the mesh, and does not know the mesh's certificates.", v.Sent.Why)
		return v
	case meshtlsv1alpha1.SendAuto:
		v.Sent.Mode = meshtlsv1alpha1.SendDisable
		v.Kind, v.Why = Plaintext, "The server is none of the mesh, so Istio uses no TLS."
		return v
	}
	if to.carries() == CarriesTLS {
		return double(v, to)
	}
	return custom(v)
}

func double(v Verdict, to Destination) Verdict {
	v.Kind = DoubleTLS
	if !SpeaksTLS(to.Protocol) {
		v.Why = v.Sent.Why + " But the connection carries TLS already, and gets wrapped once more."
		return v
	}
	v.Why = fmt.Sprintf("%s But the port is declared %s: what the application sends is TLS already, and gets wrapped once more.",
		v.Sent.Why, to.Protocol)
	return v
}

func custom(v Verdict) Verdict {
	v.Kind = ServerTLS
	if v.Sent.Mode == meshtlsv1alpha1.SendMutual {
		v.Kind = MutualTLS
	}
	v.Why = v.Sent.Why
	return v
}

// tunnelled: TLS that a DestinationRule asks for is kept inside the tunnel, unless it is the mesh's, which the tunnel replaces.
func (m *Model) tunnelled(v Verdict) Verdict {
	v.Kind = MutualTLS
	switch {
	case v.Sent.Mode == meshtlsv1alpha1.SendIstioMutual && v.Sent.Settings != nil && !versions.TunnelReplacesMutual.HoldsIn(m.mesh.Version):
		v.Kind = Refused
		v.Why = fmt.Sprintf("%s Istio %s keeps it inside the tunnel of ambient mode, where the application would have to end it, which cannot.",
			v.Sent.Why, m.mesh.Version)
	case v.Sent.Mode == meshtlsv1alpha1.SendSimple || v.Sent.Mode == meshtlsv1alpha1.SendMutual:
		v.Why = v.Sent.Why + " It goes through the tunnel of ambient mode, which is mutual TLS, and the application has to end the TLS inside."
	default:
		v.Sent.Mode = meshtlsv1alpha1.SendIstioMutual
		v.Why = "The server takes the tunnel of ambient mode (HBONE), which is mutual TLS, whatever a DestinationRule says."
	}
	return v
}
