package proxy

import (
	"slices"

	"github.com/meshtls/meshtls/internal/explain"
)

// The listener that takes all inbound connections, and its port.
// Source: istio pilot/pkg/model/listener.go, VirtualInboundListenerName; pkg/config/mesh/mesh.go, DefaultMeshConfig.
const (
	virtualInbound     = "virtualInbound"
	portVirtualInbound = 15006
)

// What chains can come to besides the modes of a PeerAuthentication.
const (
	// AcceptsOneWayTLS: TLS ends in the proxy, and clients show no certificate.
	AcceptsOneWayTLS explain.Accepts = "OneWayTLS"
	// AcceptsNothing: the proxy has no filter chain for the port.
	AcceptsNothing explain.Accepts = "Nothing"
)

// acceptedBy returns what filter chains of one port accept together: those with mutual TLS, those without any TLS, or both.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions.
func acceptedBy(chains []filterChain) explain.Accepts {
	mutual := slices.ContainsFunc(chains, func(c filterChain) bool { return c.Socket != nil && c.Socket.Config.RequireClientCertificate })
	oneWay := slices.ContainsFunc(chains, func(c filterChain) bool { return c.Socket != nil && !c.Socket.Config.RequireClientCertificate })
	plaintext := slices.ContainsFunc(chains, func(c filterChain) bool { return c.Socket == nil })
	switch {
	case oneWay:
		return AcceptsOneWayTLS
	case mutual && plaintext:
		return explain.AcceptsPermissive
	case mutual:
		return explain.AcceptsStrict
	case plaintext:
		return explain.AcceptsDisable
	default:
		return AcceptsNothing
	}
}

// Served is what a filter chain of a gateway serves.
type Served struct {
	// Names are the server names (SNI) that it is for; none: all.
	Names []string
	Mode  explain.ServerMode
	// Certificates are the secrets that it shows.
	Certificates []string
}

// servedBy returns what the filter chains of a gateway's listener serve.
func servedBy(l listener) []Served {
	var all []Served
	for _, chain := range l.allChains() {
		served := Served{Names: chain.Match.ServerNames, Mode: chain.serverMode()}
		if chain.Socket != nil {
			for _, secret := range chain.Socket.Config.Common.Certificates {
				served.Certificates = append(served.Certificates, secret.Name)
			}
		}
		all = append(all, served)
	}
	return all
}

// serverMode returns the mode of a Gateway's server that makes such a chain. One that redirects to https differs in its routes only.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayListenerTLSContext.
func (c filterChain) serverMode() explain.ServerMode {
	switch {
	case c.Socket == nil && len(c.Match.ServerNames) > 0:
		return explain.ServerPassthrough
	case c.Socket == nil:
		return explain.ServerPlaintext
	case c.Socket.Config.RequireClientCertificate && c.Socket.Config.certified(workloadSecret):
		return explain.ServerIstioMutual
	case c.Socket.Config.RequireClientCertificate, c.Socket.Config.verifiesMore():
		return explain.ServerMutual
	case c.Socket.Config.validates():
		return explain.ServerOptionalMutual
	default:
		return explain.ServerSimple
	}
}

// certified reports whether the TLS shows the certificate of that name.
func (t tlsContext) certified(name string) bool {
	return slices.Contains(t.Common.Certificates, named{Name: name})
}

// verifiesMore reports whether names or pins of the peer's certificate are verified. Envoy then refuses clients that show none, whether it
// is told to require one or not (istio.NeedsCertificate).
func (t tlsContext) verifiesMore() bool {
	return t.Common.Combined != nil && len(t.Common.Combined.Default.SANs)+len(t.Common.Combined.Default.SPKI)+
		len(t.Common.Combined.Default.Hashes) > 0
}

// validates reports whether a certificate of the peer is verified.
func (t tlsContext) validates() bool {
	return t.Common.Combined != nil || t.Common.ValidationByRef != nil || len(t.Common.Validation) > 0
}
