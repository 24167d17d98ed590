package lint

import (
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayCertificateShared tells of two servers for HTTPS at one address, with one certificate and different hosts: a browser takes a
// connection that it has for any host that the certificate is for, and the server that it leads to has no routes of the other. A
// certificate that could not be read is taken to be for the hosts that it is used for.
// Source: istio pilot/pkg/model/gateway.go, gatewayRDSRouteName: routes are those of one server.
func gatewayCertificateShared(v *view) []model.Finding {
	told := map[serverPair]bool{}
	var findings []model.Finding
	for _, pod := range v.selectedByGateways() {
		for _, listener := range v.istio.Listeners(pod).Listeners {
			for _, pair := range v.sharing(httpsServers(listener), pod.Namespace) {
				if !told[pair] {
					told[pair] = true
					findings = append(findings, v.certificateShared(pair))
				}
			}
		}
	}
	return findings
}

// serverPair are two servers with one certificate, the first of those at their address that have it.
type serverPair struct {
	later, earlier gatewayServer
	// more is the number of servers that have it besides.
	more int
	// host is one of the later's that the earlier does not serve, or the other way round, and credential the Secret of namespace.
	host, namespace, credential string
}

// httpsServers are the listener's servers that end TLS and find HTTP in it.
func httpsServers(listener istio.Listener) []gatewayServer {
	var servers []gatewayServer
	for _, s := range listener.Servers {
		server := gatewayServer{Server: s.Spec(), gateway: s.Gateway, index: s.Index}
		if server.endsTLS() && server.routes() == routes.HTTP {
			servers = append(servers, server)
		}
	}
	return servers
}

// sharing finds the first pair for each certificate.
func (v *view) sharing(servers []gatewayServer, namespace string) []serverPair {
	var pairs []serverPair
	first := map[string]int{}
	for i, later := range servers {
		pair, shared := v.pairOf(later, servers[:i], namespace)
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
func (v *view) pairOf(later gatewayServer, servers []gatewayServer, namespace string) (serverPair, bool) {
	for _, earlier := range servers {
		pair := serverPair{later: later, earlier: earlier, namespace: namespace}
		if v.complete(&pair) {
			return pair, true
		}
	}
	return serverPair{}, false
}

// complete finds the certificate and the host of a pair, if it has them.
func (v *view) complete(pair *serverPair) bool {
	apart := append(unserved(pair.later, pair.earlier), unserved(pair.earlier, pair.later)...)
	for _, name := range pair.later.credentials() {
		if !slices.Contains(pair.earlier.credentials(), name) ||
			!v.certifiesAny(pair.namespace, name, pair.later.names()) || !v.certifiesAny(pair.namespace, name, pair.earlier.names()) {
			continue // no browser keeps a connection whose certificate is for another host
		}
		for _, host := range apart {
			if v.certifies(pair.namespace, name, host) {
				pair.credential, pair.host = name, host
				return true
			}
		}
	}
	return false
}

// unserved are the names of the one server that the other does not serve. Everything is no name that a certificate has.
func unserved(one, other gatewayServer) []string {
	return slices.DeleteFunc(one.names(), func(name string) bool {
		return name == "*" || slices.ContainsFunc(other.names(), func(o string) bool { return o == name || hosts.Covers(o, name) })
	})
}

// certifiesAny says whether it is for one of the hosts. One host that is everything has every name.
func (v *view) certifiesAny(namespace, name string, names []string) bool {
	return slices.ContainsFunc(names, func(host string) bool { return host == "*" || v.certifies(namespace, name, host) })
}

// certifies says whether the Secret's certificate is for the host, as far as it can be read.
func (v *view) certifies(namespace, name, host string) bool {
	if !v.CredentialNamespaces.Has(namespace) {
		return true
	}
	secret := v.credentials().known[model.ObjectRef{Kind: model.KindSecret, Namespace: namespace, Name: name}]
	if secret == nil || secret.Pair == nil || secret.Pair.Problem != "" || len(secret.Pair.Chain) == 0 {
		return false
	}
	_, parent, _ := strings.Cut(host, ".")
	certified := secret.Pair.Chain[0].Names
	return slices.Contains(certified, host) || slices.Contains(certified, "*."+parent)
}

func (v *view) certificateShared(pair serverPair) model.Finding {
	f := pair.later.about(meshtlsv1alpha1.SeverityWarning, ".tls")
	certified := "is for"
	if !v.CredentialNamespaces.Has(pair.namespace) {
		f.Severity, certified = meshtlsv1alpha1.SeverityInfo, "is presumably for"
	}
	f.Message = fmt.Sprintf("It has the certificate of %s (Secret %s/%s), which %s %s: a browser that is connected to one of the two servers "+
		"uses the connection for the other's hosts, too, and is answered by 404.",
		pair.earlier.place(), pair.namespace, pair.credential, certified, pair.host)
	if pair.more > 0 {
		f.Message += fmt.Sprintf(" So it is with %d more servers.", pair.more)
	}
	f.Remedy = "Put the hosts into one server, or give each server a certificate for its own hosts only."
	return f
}
