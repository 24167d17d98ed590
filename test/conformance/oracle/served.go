package oracle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"istio.io/istio/pilot/test/xdstest"
)

// TLSKind is what a gateway does with the TLS of a connection.
type TLSKind string

// What a gateway does with the TLS of a connection. The terminating ones are called as in a policy.
const (
	ServesPlaintext   TLSKind = "Plaintext"
	ServesPassthrough TLSKind = "Passthrough"
	ServesSimple      TLSKind = "Simple"
	ServesMutual      TLSKind = "Mutual"
	ServesOptional    TLSKind = "OptionalMutual"
	ServesIstioMutual TLSKind = "IstioMutual"
)

// Served is one filter chain of a gateway: what it does for some server names of one address.
type Served struct {
	Address string
	Port    int32
	// Names are the server names (SNI); empty: all.
	Names []string
	TLS   TLSKind
	Certificates
	// MinVersion and MaxVersion are as Envoy writes them; TLS_AUTO: the default. Ciphers are joined by a comma.
	MinVersion, MaxVersion, Ciphers string
	// HTTP says that requests are routed, by Domains: for each, whether it is redirected to https.
	HTTP    bool
	Domains map[string]bool
	// Cluster is where a connection goes that is not HTTP.
	Cluster string
}

// String returns what matters of it, for messages.
func (s Served) String() string {
	return fmt.Sprintf("%s:%d %v %s %+v versions %s-%s %s http=%t %v", s.Address, s.Port, s.Names, s.TLS, s.Certificates,
		s.MinVersion, s.MaxVersion, s.Ciphers, s.HTTP, s.Domains)
}

// Serves returns what the proxy, a gateway, serves.
func (p *Proxy) Serves() []Served {
	if p.served != nil {
		return p.served
	}
	all := []Served{}
	routes := p.routesByName()
	for _, listener := range p.given().Listeners {
		for _, chain := range listener.GetFilterChains() {
			all = append(all, p.servedBy(listener, chain, routes))
		}
	}
	p.served = all
	return all
}

func (p *Proxy) servedBy(
	listener *listenerv3.Listener, chain *listenerv3.FilterChain, routes map[string]*routev3.RouteConfiguration,
) Served {
	address := listener.GetAddress().GetSocketAddress()
	served := Served{
		Address: address.GetAddress(), Port: int32(address.GetPortValue()), Names: chain.GetFilterChainMatch().GetServerNames(),
	}
	if chain.GetTransportSocket() == nil {
		served.TLS = ServesPlaintext
		if len(served.Names) > 0 || inspectsTLS(listener) {
			served.TLS = ServesPassthrough
		}
	} else {
		served.terminate(downstream(chain.GetTransportSocket()))
	}
	if manager := xdstest.ExtractHTTPConnectionManager(p.mesh.t, chain); manager != nil {
		served.HTTP = true
		served.Domains = domainsOf(routes[manager.GetRds().GetRouteConfigName()])
	} else if proxy := xdstest.ExtractTCPProxy(p.mesh.t, chain); proxy != nil {
		served.Cluster = proxy.GetCluster()
	}
	return served
}

func inspectsTLS(listener *listenerv3.Listener) bool {
	return slices.ContainsFunc(listener.GetListenerFilters(), func(f *listenerv3.ListenerFilter) bool {
		return strings.HasSuffix(f.GetName(), "tls_inspector")
	})
}

func (s *Served) terminate(context *tlsv3.DownstreamTlsContext) {
	s.Certificates = certificatesOf(context.GetCommonTlsContext())
	params := context.GetCommonTlsContext().GetTlsParams()
	s.MinVersion, s.MaxVersion = params.GetTlsMinimumProtocolVersion().String(), params.GetTlsMaximumProtocolVersion().String()
	s.Ciphers = strings.Join(params.GetCipherSuites(), ",")
	switch {
	case s.Shown == istioCertificate:
		s.TLS = ServesIstioMutual
	case context.GetRequireClientCertificate().GetValue(), len(s.Certificates.Names)+len(s.Pinned) > 0:
		s.TLS = ServesMutual // where names or pins are verified, Envoy refuses clients without a certificate, asked to or not
	case s.Roots != "":
		s.TLS = ServesOptional
	default:
		s.TLS = ServesSimple
	}
}

func domainsOf(routes *routev3.RouteConfiguration) map[string]bool {
	domains := map[string]bool{}
	for _, virtual := range routes.GetVirtualHosts() {
		for _, domain := range virtual.GetDomains() {
			domains[domain] = virtual.GetRequireTls() == routev3.VirtualHost_ALL
		}
	}
	return domains
}

// For returns what is served for a server name on a port, or for an HTTP host where the port has no TLS: as Envoy does, the chain that
// names it, else the one with the closest wildcard, else the one for all.
func For(all []Served, port int32, name string) (Served, bool) {
	var best Served
	rank := -1
	for _, served := range all {
		if r := served.rank(name); served.Port == port && r > rank {
			best, rank = served, r
		}
	}
	return best, rank >= 0
}

// rank says how closely the chain names the server name: -1 not at all, 0 because it takes all.
func (s Served) rank(name string) int {
	names := s.Names
	if s.TLS == ServesPlaintext && s.HTTP {
		names = slices.Collect(maps.Keys(s.Domains))
	} else if len(names) == 0 {
		return 0
	}
	best := -1
	for _, served := range names {
		suffix, wildcard := strings.CutPrefix(served, "*")
		switch {
		case served == name:
			return len(name) + 1
		case wildcard && strings.HasSuffix(name, suffix):
			best = max(best, len(suffix))
		}
	}
	return best
}
