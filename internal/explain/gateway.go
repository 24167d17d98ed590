package explain

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// listeners are where the pods of a gateway listen, and the servers that Istio leaves out.
func (v *view) listeners(w *model.Workload) ([]Listener, []Dropped) {
	merged := v.Listeners(w)
	services := v.leadingTo(w)
	var listeners []Listener
	for _, l := range merged.Listeners {
		listener := Listener{Bind: l.Bind, Port: l.Port}
		for _, s := range services[l.Port] {
			listener.Services = append(listener.Services, s.ServicePort)
		}
		for _, s := range l.Servers {
			listener.Servers = append(listener.Servers, v.server(s))
		}
		listeners = append(listeners, listener)
	}
	slices.SortStableFunc(listeners, func(a, b Listener) int { return int(a.Port) - int(b.Port) })
	var dropped []Dropped
	for _, d := range merged.Dropped {
		spec := d.Server.Spec()
		dropped = append(dropped, Dropped{
			DecidedBy: v.serverOrigin(d.Server), Port: serverPort(spec), Protocol: spec.GetPort().GetProtocol(), Hosts: d.Server.Hosts,
			Why: d.Why, podPort: podPortOf(merged, d),
		})
	}
	return listeners, dropped
}

// podPortOf returns the pods' port of a server that is left out: that of the server which is in its way.
func podPortOf(merged istio.Listeners, d istio.Dropped) int32 {
	for _, l := range merged.Listeners {
		for _, s := range l.Servers {
			if s.Gateway == d.By.Gateway && s.Index == d.By.Index {
				return l.Port
			}
		}
	}
	return serverPort(d.Server.Spec())
}

func (v *view) server(s istio.Server) Server {
	spec := s.Spec()
	mode := serverMode(spec.GetTls())
	server := Server{
		DecidedBy: v.serverOrigin(s), Port: serverPort(spec), Protocol: spec.GetPort().GetProtocol(), Hosts: s.Hosts,
		Mode: mode, Why: serverWords[mode],
	}
	if istio.NeedsCertificate(spec.GetTls()) {
		server.Mode, server.Why = ServerMutual, needsCertificate
	}
	if ends(mode) {
		server.Certificates = certificates(spec.Tls)
		if minimum := spec.Tls.GetMinProtocolVersion(); minimum != networkingapi.ServerTLSSettings_TLS_AUTO {
			server.MinProtocolVersion = minimum.String()
		}
	}
	return server
}

func serverPort(spec *networkingapi.Server) int32 {
	return int32(spec.GetPort().GetNumber()) // #nosec G115 -- the CRD admits no number above 65535
}

func (v *view) serverOrigin(s istio.Server) Origin {
	return v.origin(istio.Origin{Object: s.Ref(), Field: s.Field("")})
}

func serverMode(tls *networkingapi.ServerTLSSettings) ServerMode {
	switch {
	case tls == nil:
		return ServerPlaintext
	case tls.HttpsRedirect:
		return ServerRedirect
	default:
		return serverModes[tls.Mode]
	}
}

var serverModes = map[networkingapi.ServerTLSSettings_TLSmode]ServerMode{
	networkingapi.ServerTLSSettings_PASSTHROUGH:      ServerPassthrough,
	networkingapi.ServerTLSSettings_SIMPLE:           ServerSimple,
	networkingapi.ServerTLSSettings_MUTUAL:           ServerMutual,
	networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH: ServerAutoPassthrough,
	networkingapi.ServerTLSSettings_ISTIO_MUTUAL:     ServerIstioMutual,
	networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL:  ServerOptionalMutual,
}

var serverWords = map[ServerMode]string{
	ServerPlaintext:       "Clients send plaintext: the server has no TLS settings.",
	ServerRedirect:        "Clients send plaintext, and are sent to https.",
	ServerSimple:          "TLS ends here; clients show no certificate.",
	ServerMutual:          "TLS ends here, and clients must show a certificate.",
	ServerOptionalMutual:  "TLS ends here; a certificate that a client shows is verified, and none is needed.",
	ServerIstioMutual:     "The mesh's mutual TLS ends here; only clients of the mesh have a certificate for it.",
	ServerPassthrough:     "TLS is routed by the name that the client asks for (SNI), and not ended.",
	ServerAutoPassthrough: "TLS is sent to the destination that its name (SNI) spells out, and not ended.",
}

// needsCertificate is why a server of mode OPTIONAL_MUTUAL is one of MUTUAL.
const needsCertificate = "TLS ends here. The mode is OPTIONAL_MUTUAL, but where names or pins of certificates are verified, " +
	"Envoy refuses clients that show none."

func ends(mode ServerMode) bool {
	switch mode {
	case ServerSimple, ServerMutual, ServerOptionalMutual, ServerIstioMutual:
		return true
	default:
		return false
	}
}

// certificates are where the server's own come from. With the mesh's mutual TLS it is the proxy's.
func certificates(tls *networkingapi.ServerTLSSettings) []string {
	var all []string
	add := func(name string) {
		if name != "" {
			all = append(all, name)
		}
	}
	add(tls.GetCredentialName())
	for _, name := range tls.GetCredentialNames() {
		add(name)
	}
	add(tls.GetServerCertificate())
	for _, pair := range tls.GetTlsCertificates() {
		add(pair.GetServerCertificate())
	}
	return all
}

// misfits returns a note for each VirtualService that is bound to servers of the gateway and has no route of the kind that any of these
// servers uses.
func (v *view) misfits(w *model.Workload) []string {
	notes := map[*istionetworkingv1.VirtualService]string{}
	fits := map[*istionetworkingv1.VirtualService]bool{}
	for _, l := range v.Listeners(w).Listeners {
		for _, s := range l.Servers {
			for _, bound := range v.RoutesOf(w, s) {
				fits[bound.VirtualService] = fits[bound.VirtualService] || len(bound.Hops) > 0 || answersItself(bound.VirtualService)
				notes[bound.VirtualService] = misfit(bound.VirtualService, s)
			}
		}
	}
	return slices.Sorted(func(yield func(string) bool) {
		for vs, note := range notes {
			if !fits[vs] && !yield(note) {
				return
			}
		}
	})
}

// answersItself reports whether a VirtualService redirects or answers requests, or delegates them.
func answersItself(vs *istionetworkingv1.VirtualService) bool {
	return slices.ContainsFunc(vs.Spec.GetHttp(), func(r *networkingapi.HTTPRoute) bool {
		return r.GetRedirect() != nil || r.GetDirectResponse() != nil || r.GetDelegate() != nil
	})
}

func misfit(vs *istionetworkingv1.VirtualService, s istio.Server) string {
	return fmt.Sprintf("VirtualService %s/%s is bound to %s %s and has no route for it: a server of this kind is routed by "+
		"spec.%s.", vs.Namespace, vs.Name, s.Ref(), s.Field(""), routes.KindFor(s.Spec()))
}
