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
			Finds: "two servers for HTTPS at one address of the same pods, with one certificate and different hosts; one finding for " +
				"each certificate. It is an info where the certificate cannot be read.",
			Why: "A browser uses a connection that it has for every host that the certificate is for. Routes are those of one " +
				"server: the other's hosts are answered by 404, now and then.",
			Fix: "Put the hosts into one server, or give each server a certificate for its own hosts.",
		},
		Find: certificateShared,
	})
}

// certificateShared tells of two servers for HTTPS at one address, with one certificate and different hosts: a browser takes a
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

// serverPair are two servers with one certificate, the first of those at their address that have it.
type serverPair struct {
	later, earlier mesh.GatewayServer
	// more is the number of servers that have it besides.
	more int
	// host is one of the later's that the earlier does not serve, or the other way round, and credential the Secret of namespace.
	host, namespace, credential string
}

// httpsServers are the listener's servers that end TLS and find HTTP in it.
func httpsServers(listener istio.Listener) []mesh.GatewayServer {
	var servers []mesh.GatewayServer
	for _, s := range listener.Servers {
		server := mesh.ServerOf(s)
		if server.EndsTLS() && server.Routes() == routes.HTTP {
			servers = append(servers, server)
		}
	}
	return servers
}

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
	apart := append(unserved(pair.later, pair.earlier), unserved(pair.earlier, pair.later)...)
	for _, name := range credentials(pair.later) {
		if !slices.Contains(credentials(pair.earlier), name) ||
			!certifiesAny(v, pair.namespace, name, pair.later.Names()) || !certifiesAny(v, pair.namespace, name, pair.earlier.Names()) {
			continue // no browser keeps a connection whose certificate is for another host
		}
		for _, host := range apart {
			if certifies(v, pair.namespace, name, host) {
				pair.credential, pair.host = name, host
				return true
			}
		}
	}
	return false
}

// unserved are the names of the one server that the other does not serve. Everything is no name that a certificate has.
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
	certified := "is for"
	if !v.CredentialNamespaces().Has(pair.namespace) {
		f.Severity, certified = lint.Info, "is presumably for"
	}
	f.Message = fmt.Sprintf("It has the certificate of %s (Secret %s/%s), which %s %s: a browser that is connected to one of the two servers "+
		"uses the connection for the other's hosts, too, and is answered by 404.",
		placeOf(pair.earlier), pair.namespace, pair.credential, certified, pair.host)
	if pair.more > 0 {
		f.Message += fmt.Sprintf(" So it is with %d more servers.", pair.more)
	}
	f.Remedy = "Put the hosts into one server, or give each server a certificate for its own hosts only."
	return f
}
