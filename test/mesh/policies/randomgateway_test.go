package policies

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/test/agreement"
	"github.com/meshtls/meshtls/test/mesh"
)

// outConnections is why a server of a gateway is not judged.
const outConnections = "servers of gateways that route connections: whether one is taken shows only where a route leads"

// askedHosts are those that clients of the gateway ask for: two that the generator draws for servers, and one that only wildcards cover.
var askedHosts = []string{"shop.example.com", "bank.example.com", "other.example.com"}

// gatewayCalls returns the calls of a gateway by a client outside the mesh: of each of its ports, for each host, in plaintext, in TLS and
// with a client certificate.
func (r *randomWorlds) gatewayCalls(seen agreement.World) []*randomCall {
	var all []*randomCall
	for _, gateway := range seen.Answers {
		to := r.running[gateway.Namespace+"/"+gateway.Example]
		if to == nil || gateway.Proxy != explain.ProxyGateway {
			continue
		}
		for _, l := range gateway.Listeners {
			for _, host := range askedHosts {
				all = append(all, r.callsOfListener(gateway, to, l, host)...)
			}
		}
	}
	return all
}

// callsOfListener returns the calls for a host at a port of a gateway.
func (r *randomWorlds) callsOfListener(gateway agreement.Answer, to *mesh.Running, l explain.Listener, host string) []*randomCall {
	var all []*randomCall
	for _, own := range []clientTLS{noTLS, oneWay, withCertificate} {
		server := serverFor(l.Servers, host, own)
		if why := notJudged(server); why != "" {
			r.leftOut[why]++
			continue
		}
		c := &randomCall{
			host: fmt.Sprintf("%s at gateway %s (TLS: %q)", host, to, own),
			Call: mesh.Call{From: r.running["outside/partner"], Host: host, Address: to.IP.String(), Port: uint16(l.Port)},
			ends: []end{{pod: to.String(), outcome: servedAs(server, own), why: fmt.Sprintf("%+v", server)}},
			next: nextOf(gateway), viaGateway: true,
		}
		if own != noTLS {
			c.TLS = r.configOf(own, host)
		}
		all = append(all, c)
	}
	return all
}

// serverFor returns the server that takes a connection: where there is TLS, that with the closest host; nil: none does.
func serverFor(servers []explain.Server, host string, own clientTLS) *explain.Server {
	var found *explain.Server
	closest := -1
	for i := range servers {
		plain := servers[i].Mode == explain.ServerPlaintext || servers[i].Mode == explain.ServerRedirect
		if plain != (own == noTLS) {
			continue
		}
		for _, served := range servers[i].Hosts {
			served = served[strings.Index(served, "/")+1:]
			if (serves([]string{served}, host) || plain) && len(served) > closest {
				found, closest = &servers[i], len(served)
			}
		}
	}
	return found
}

// notJudged says why a server is not judged; empty: it is.
func notJudged(server *explain.Server) string {
	switch {
	case server == nil:
		return ""
	case server.Mode == explain.ServerPassthrough, server.Mode == explain.ServerAutoPassthrough,
		!slices.Contains([]string{"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTPS"}, server.Protocol):
		return outConnections
	}
	return ""
}

// servedAs returns how a connection to a server ends.
func servedAs(server *explain.Server, own clientTLS) mesh.Outcome {
	if server == nil {
		return mesh.Refused
	}
	return call{tls: own}.endsAt(strings.Replace(string(server.Mode), string(explain.ServerRedirect), "Plaintext", 1))
}

// nextOf returns how explain says that the connections end which a gateway opens.
func nextOf(gateway agreement.Answer) []end {
	var all []end
	for _, to := range gateway.Outbound {
		if to.Route == nil {
			continue
		}
		for _, e := range to.Endpoints {
			all = append(all, end{pod: podOf(e), outcome: (&randomCall{}).foreseen(e.Outcome), why: e.Why})
		}
	}
	return all
}

// differsAtGateway says how a call of a gateway differs from what explain says: whether the gateway takes it and, where a route leads on,
// how the next connection ends.
func (c *randomCall) differsAtGateway(got mesh.Result) error {
	taken := mesh.Refused
	if answered := got.Answer.Status != 0; answered && len(got.Hops) > 0 {
		taken = got.Hops[0].Outcome()
	}
	if taken != c.ends[0].outcome {
		return fmt.Errorf("explain says %v, packets: %s", c.ends, got)
	}
	if len(got.Hops) < 2 || !got.Reached() {
		return nil
	}
	next := got.Hops[1]
	if !slices.ContainsFunc(c.next, func(e end) bool { return e.pod == next.To && e.outcome == next.Outcome() }) {
		return fmt.Errorf("explain says that the gateway goes on to %v, packets: %s", c.next, got)
	}
	return nil
}

// configOf returns the TLS of a client outside the mesh.
func (r *randomWorlds) configOf(own clientTLS, host string) *tls.Config {
	config := &tls.Config{ServerName: host, InsecureSkipVerify: true} // #nosec G402 -- the gateway has one certificate for all hosts
	if own == withCertificate {
		config.Certificates = []tls.Certificate{r.client}
	}
	return config
}
