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
			Finds: "a server for HTTPS whose certificate is also for a host of another TLS server at the same address of the same pods, one " +
				"that passes TLS through among them; one finding for each certificate. It is an info where the certificate cannot be read.",
			Why: "A browser uses a connection that it has for every host that the certificate is for. Routes are those of one " +
				"server: the other's hosts are answered by 404, now and then.",
			Fix: "Put the hosts into one server, or give each server a certificate for its own hosts.",
		},
		Find: certificateShared,
	})
}

// certificateShared tells of a server for HTTPS whose certificate is also for a host of another server at its address: a browser takes a
// connection that it has for any host that the certificate is for, and the server that it leads to has no routes of the other. A
// certificate that could not be read is taken to be for the hosts of all servers that have it.
// Source: istio pilot/pkg/model/gateway.go, gatewayRDSRouteName: routes are those of one server.
func certificateShared(v *mesh.View) []model.Finding {
	told := map[serverPair]bool{}
	var findings []model.Finding
	for _, pod := range mesh.PodsOfGateways(v) {
		for _, listener := range v.Listeners(pod).Listeners {
			for _, pair := range sharing(v, tlsServers(listener), pod.Namespace) {
				if !told[pair] {
					told[pair] = true
					findings = append(findings, shared(v, pair))
				}
			}
		}
	}
	return findings
}

// serverPair are two servers at one address: holder has a certificate that is for host, which is one of other's and none of its own.
type serverPair struct {
	holder, other mesh.GatewayServer
	// more is the number of further pairs with the certificate.
	more int
	host string
	// credential is the Secret of namespace that holds the certificate.
	namespace, credential string
}

// tlsServers are the listener's servers that TLS clients reach.
func tlsServers(listener istio.Listener) []mesh.GatewayServer {
	var servers []mesh.GatewayServer
	for _, s := range listener.Servers {
		if server := mesh.ServerOf(s); server.SpeaksTLS() {
			servers = append(servers, server)
		}
	}
	return servers
}

// sharing finds the first pair for each certificate: of two servers that both have it the later one is told.
func sharing(v *mesh.View, servers []mesh.GatewayServer, namespace string) []serverPair {
	var pairs []serverPair
	first := map[string]int{}
	for i, later := range servers {
		for _, earlier := range servers[:i] {
			pair, found := pairOf(v, serverPair{holder: later, other: earlier, namespace: namespace})
			if !found {
				pair, found = pairOf(v, serverPair{holder: earlier, other: later, namespace: namespace})
			}
			if !found {
				continue
			}
			if at, known := first[pair.credential]; known {
				pairs[at].more++
			} else {
				first[pair.credential] = len(pairs)
				pairs = append(pairs, pair)
			}
			break
		}
	}
	return pairs
}

// pairOf finds the certificate and the host of a pair, if it has them. No browser keeps a connection whose certificate is not for the host
// that it called.
func pairOf(v *mesh.View, pair serverPair) (serverPair, bool) {
	if !pair.holder.EndsTLS() || pair.holder.Routes() != routes.HTTP {
		return pair, false
	}
	for _, name := range credentials(pair.holder) {
		both := slices.Contains(credentials(pair.other), name)
		if !certifiesAny(v, pair.namespace, name, pair.holder.Names()) || !both && !v.CredentialNamespaces().Has(pair.namespace) {
			continue
		}
		for _, host := range unserved(pair.other, pair.holder) {
			if certifies(v, pair.namespace, name, host) {
				pair.credential, pair.host = name, host
				return pair, true
			}
		}
	}
	return pair, false
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
	f := about(pair.holder, lint.Warning, ".tls")
	certified := "is also for"
	if !v.CredentialNamespaces().Has(pair.namespace) {
		f.Severity, certified = lint.Info, "is presumably also for"
	}
	f.Message = fmt.Sprintf("Its certificate (Secret %s/%s) %s %s, a host of %s: a browser that is connected to this server uses the "+
		"connection for that host, too, and is answered by 404.",
		pair.namespace, pair.credential, certified, pair.host, placeOf(pair.other))
	if pair.more > 0 {
		f.Message += fmt.Sprintf(" So it is with %d more servers.", pair.more)
	}
	f.Remedy = "Put the hosts into one server, or give each server a certificate for its own hosts only."
	return f
}
