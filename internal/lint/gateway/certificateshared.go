package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-certificate-shared",
			Severity: []lint.Severity{lint.Warning, lint.Info},
			Classes:  []string{"M38"},
			Finds: "two servers for HTTPS at one address of the same pods, of which one has a certificate that is also for a host of the other, " +
				"whether the other has the same certificate, one of its own, or passes TLS through; one finding for each certificate. It is an " +
				"info where the certificate cannot be read and both name it.",
			Why: "A browser uses a connection that it has for every host that the certificate is for. Routes are those of one " +
				"server: the other's hosts are answered by 404, now and then.",
			Fix: "Put the hosts into one server, or give each server a certificate for its own hosts.",
		},
		Find: certificateShared,
	})
}

// certificateShared finds servers for HTTPS at one address where the certificate of one is for a host of another, too: a browser uses a
// connection that it has for any host that the certificate is for, and the server that it leads to has no routes of the other. A
// certificate that could not be read is taken to be for the hosts that it is used for.
// Source: istio pilot/pkg/model/gateway.go, gatewayRDSRouteName: routes are those of one server.
func certificateShared(v *mesh.View) []model.Finding {
	told := map[serverPair]bool{}
	var findings []model.Finding
	for _, pod := range mesh.PodsOfGateways(v) {
		for _, listener := range v.Listeners(pod).Listeners {
			for _, pair := range sharing(v, httpsServers(listener), pod.Namespace) {
				if !told[pair] {
					told[pair] = true
					findings = append(findings, shared(v, pair))
				}
			}
		}
	}
	return findings
}

// serverPair are two servers; the certificate of one is also for a host of the other.
type serverPair struct {
	later, earlier mesh.GatewayServer
	// ofLater says that the certificate is the later server's, and both that both have it.
	ofLater, both bool
	// more is the number of further servers whose hosts the certificate is for.
	more int
	// host is a host that the server with the certificate does not serve, and credential the Secret of namespace that holds this.
	host, namespace, credential string
}

// httpsServers returns the listener's servers that browsers connect to with TLS.
func httpsServers(listener istio.Listener) []mesh.GatewayServer {
	var servers []mesh.GatewayServer
	for _, s := range listener.Servers {
		if server := mesh.ServerOf(s); server.PassesThrough() || endsHTTPS(server) {
			servers = append(servers, server)
		}
	}
	return servers
}

// endsHTTPS reports whether the server ends TLS and finds HTTP in it.
func endsHTTPS(s mesh.GatewayServer) bool { return s.EndsTLS() && s.Routes() == routes.HTTP }

// sharing finds the first pair for each certificate.
func sharing(v *mesh.View, servers []mesh.GatewayServer, namespace string) []serverPair {
	var pairs []serverPair
	first := map[string]int{}
	for i, later := range servers {
		pair, shared := pairOf(v, later, servers[:i], namespace)
		if !shared {
			continue
		}
		if at, known := first[pair.credential]; known {
			pairs[at].more++
			continue
		}
		first[pair.credential] = len(pairs)
		pairs = append(pairs, pair)
	}
	return pairs
}

// pairOf pairs the server with the first earlier one that has its certificate.
func pairOf(v *mesh.View, later mesh.GatewayServer, servers []mesh.GatewayServer, namespace string) (serverPair, bool) {
	for _, earlier := range servers {
		pair := serverPair{later: later, earlier: earlier, namespace: namespace}
		if complete(v, &pair) {
			return pair, true
		}
	}
	return serverPair{}, false
}

// complete finds the certificate and the host of a pair, if it has them.
func complete(v *mesh.View, pair *serverPair) bool {
	if pair.of(v, pair.earlier, pair.later) {
		return true
	}
	pair.ofLater = true
	return pair.of(v, pair.later, pair.earlier)
}

// of finds a certificate of the one server that is for a host of the other.
func (p *serverPair) of(v *mesh.View, one, other mesh.GatewayServer) bool {
	if !endsHTTPS(one) {
		return false
	}
	for _, name := range credentials(one) {
		p.both = slices.Contains(credentials(other), name)
		known := v.CredentialNamespaces().Has(p.namespace)
		if !known && !p.both || !certifiesAny(v, p.namespace, name, one.Names()) {
			continue // no browser keeps a connection whose certificate is for another host
		}
		for _, host := range unserved(other, one) {
			if certifies(v, p.namespace, name, host) {
				p.credential, p.host = name, host
				return true
			}
		}
	}
	return false
}

// unserved returns the names of the one server that the other does not serve. No certificate has the name that stands for everything.
func unserved(one, other mesh.GatewayServer) []string {
	return slices.DeleteFunc(one.Names(), func(name string) bool {
		return name == "*" || slices.ContainsFunc(other.Names(), func(o string) bool { return o == name || hosts.Covers(o, name) })
	})
}

// certifiesAny reports whether it is for one of the hosts. One host that is everything has every name.
func certifiesAny(v *mesh.View, namespace, name string, names []string) bool {
	return slices.ContainsFunc(names, func(host string) bool { return host == "*" || certifies(v, namespace, name, host) })
}

// certifies reports whether the Secret's certificate is for the host, as far as it can be read.
func certifies(v *mesh.View, namespace, name, host string) bool {
	if !v.CredentialNamespaces().Has(namespace) {
		return true
	}
	secret := v.Credential(model.ObjectRef{Kind: model.KindSecret, Namespace: namespace, Name: name})
	if secret == nil || secret.Pair == nil || secret.Pair.Problem != "" || len(secret.Pair.Chain) == 0 {
		return false
	}
	_, parent, _ := strings.Cut(host, ".")
	certified := secret.Pair.Chain[0].Names
	return slices.Contains(certified, host) || slices.Contains(certified, "*."+parent)
}

func shared(v *mesh.View, pair serverPair) model.Finding {
	f := about(pair.later, lint.Warning, ".tls")
	f.Message = pair.words()
	if !v.CredentialNamespaces().Has(pair.namespace) {
		f.Severity = lint.Info
		f.Message = fmt.Sprintf("It has the certificate of %s (Secret %s/%s), which is presumably for %s: a browser that is connected to one of "+
			"the two servers uses the connection for the other's hosts, too, and is answered by 404.",
			placeOf(pair.earlier), pair.namespace, pair.credential, pair.host)
	}
	if pair.more > 0 {
		f.Message += fmt.Sprintf(" The same is true of %d more servers.", pair.more)
	}
	f.Remedy = "Put the hosts into one server, or give each server a certificate for its own hosts only."
	return f
}

// words say whose certificate is for whose host.
func (p *serverPair) words() string {
	switch {
	case p.both:
		return fmt.Sprintf("It has the certificate of %s (Secret %s/%s), which is for %s: a browser that is connected to one of the two servers "+
			"uses the connection for the other's hosts, too, and is answered by 404.", placeOf(p.earlier), p.namespace, p.credential, p.host)
	case p.ofLater:
		return fmt.Sprintf("Its certificate (Secret %s/%s) is for %s, too, a host of %s: a browser that is connected here uses the connection "+
			"for that host, and is answered by 404.", p.namespace, p.credential, p.host, placeOf(p.earlier))
	default:
		return fmt.Sprintf("The certificate of %s (Secret %s/%s) is for %s, too: a browser that is connected there uses the connection for this "+
			"host, and is answered by 404.", placeOf(p.earlier), p.namespace, p.credential, p.host)
	}
}
