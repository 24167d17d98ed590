package differential

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	istiomodel "istio.io/istio/pilot/pkg/model"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// istioFacts returns what Istio's configuration says.
func istioFacts(t *testing.T, number int, w world) facts {
	t.Helper()
	found := facts{}
	for _, p := range w.pods {
		if p.Dataplane == model.DataplaneSidecar {
			istioAccepts(oracle.ConfigurationOf(t, proxyOf(number, p.Workload, p.ip, false)), p, found)
		}
	}
	for _, c := range w.clients {
		istioSends(t, number, w, c, found)
	}
	istioGateway(oracle.ConfigurationOf(t, proxyOf(number, w.gateway.Workload, w.gateway.ip, true)), found)
	return found
}

// istioAccepts reads the inbound listener: which filter chains a connection to the port could take.
func istioAccepts(given *oracle.Configuration, p pod, found facts) {
	for _, listener := range given.Listeners {
		if listener.Name != istiomodel.VirtualInboundListenerName {
			continue
		}
		for _, port := range acceptPorts {
			found.put(string(acceptedBy(listener, port)), "accept %s/%s:%d", p.Namespace, p.Example, port)
		}
	}
}

func acceptedBy(listener *listenerv3.Listener, port int32) meshtlsv1alpha1.AcceptMode {
	chains := map[bool][]*listenerv3.FilterChain{}
	for _, chain := range listener.FilterChains {
		switch want := chain.GetFilterChainMatch().GetDestinationPort(); {
		case want == nil:
			chains[false] = append(chains[false], chain)
		case want.GetValue() == uint32(port):
			chains[true] = append(chains[true], chain)
		}
	}
	candidates := chains[true]
	if len(candidates) == 0 {
		candidates = chains[false]
	}
	mutual := slices.ContainsFunc(candidates, func(c *listenerv3.FilterChain) bool { return c.TransportSocket != nil })
	plain := slices.ContainsFunc(candidates, func(c *listenerv3.FilterChain) bool { return c.TransportSocket == nil })
	switch {
	case mutual && plain:
		return meshtlsv1alpha1.AcceptPermissive
	case mutual:
		return meshtlsv1alpha1.AcceptStrict
	default:
		return meshtlsv1alpha1.AcceptDisable
	}
}

func istioSends(t *testing.T, number int, w world, c caller, found facts) {
	t.Helper()
	proxy := proxyOf(number, &model.Workload{Namespace: c.Namespace, Example: c.name, Labels: c.Labels}, c.ip, c.Gateway)
	known := map[string]bool{}
	for _, service := range w.services {
		known[service.host().Name] = true
	}
	auto := map[string]string{}
	for _, cluster := range oracle.ConfigurationOf(t, proxy).Clusters {
		_, subset, host, port := istiomodel.ParseSubsetKey(cluster.Name)
		if !known[string(host)] || !strings.HasPrefix(cluster.Name, "outbound|") {
			continue
		}
		question := fmt.Sprintf("%s/%s to %s:%d %s", c.Namespace, c.name, host, port, subset)
		found.put(ruleOf(cluster), "rule %s", question)
		found.put(clusterWords(cluster), "sends %s", question)
		if clusterWords(cluster) == string(meshtlsv1alpha1.SendAuto) && cluster.GetType() == clusterv3.Cluster_EDS {
			auto[cluster.Name] = question
		}
	}
	names := map[string]string{}
	for _, p := range w.pods {
		names[p.ip] = p.Example
	}
	for cluster, question := range auto {
		endpointFacts(oracle.AssignmentOf(t, proxy, cluster), question, names, found)
	}
}

func endpointFacts(assignment *endpointv3.ClusterLoadAssignment, question string, names map[string]string, found facts) {
	for _, locality := range assignment.Endpoints {
		for _, endpoint := range locality.LbEndpoints {
			mode := meshtlsv1alpha1.SendDisable
			metadata := endpoint.GetMetadata().GetFilterMetadata()["envoy.transport_socket_match"]
			if metadata.GetFields()["tlsMode"].GetStringValue() == "istio" {
				mode = meshtlsv1alpha1.SendIstioMutual
			}
			name := names[endpoint.GetEndpoint().GetAddress().GetSocketAddress().GetAddress()]
			found.put(string(mode), "endpoint %s of %s", question, name)
		}
	}
}

// ruleOf returns the DestinationRule that Istio notes on the cluster.
func ruleOf(cluster *clusterv3.Cluster) string {
	path := cluster.GetMetadata().GetFilterMetadata()["istio"].GetFields()["config"].GetStringValue()
	parts := strings.Split(path, "/")
	if len(parts) < 3 {
		return ""
	}
	return parts[len(parts)-3] + "/" + parts[len(parts)-1]
}

func clusterWords(cluster *clusterv3.Cluster) string {
	if len(cluster.TransportSocketMatches) > 0 {
		return string(meshtlsv1alpha1.SendAuto)
	}
	if cluster.TransportSocket == nil {
		return string(meshtlsv1alpha1.SendDisable)
	}
	var tls tlsv3.UpstreamTlsContext
	if err := cluster.TransportSocket.GetTypedConfig().UnmarshalTo(&tls); err != nil {
		return err.Error()
	}
	sni := tls.Sni
	if strings.HasPrefix(sni, "outbound") {
		sni = "" // Istio's own
	}
	certificates := tls.CommonTlsContext.TlsCertificateSdsSecretConfigs
	switch {
	case len(certificates) == 0:
		return strings.TrimSpace("Simple " + sni)
	case certificates[0].Name == "default":
		return strings.TrimSpace("IstioMutual " + sni)
	default:
		return strings.TrimSpace("Mutual " + sni)
	}
}

func istioGateway(given *oracle.Configuration, found facts) {
	servers := map[string][]string{}
	for _, server := range given.Servers {
		at := net.JoinHostPort(cmp.Or(server.Bind, "0.0.0.0"), strconv.Itoa(int(server.Port)))
		servers[at] = append(servers[at], server.Gateway+"/"+server.Name)
	}
	if len(servers) == 0 {
		return
	}
	for at, names := range servers {
		slices.Sort(names)
		found.put(strings.Join(names, " "), "servers %s", at)
	}
	for _, listener := range given.Listeners {
		address := listener.GetAddress().GetSocketAddress()
		if chains := chainsOf(listener); len(chains) > 0 {
			found.put(strings.Join(chains, "; "), "chains %s:%d", address.GetAddress(), address.GetPortValue())
		}
	}
}

// chainsOf leaves out those of AUTO_PASSTHROUGH, which depend on the services.
func chainsOf(listener *listenerv3.Listener) []string {
	chains := map[string]bool{}
	for _, chain := range listener.FilterChains {
		names := chain.GetFilterChainMatch().GetServerNames()
		switch {
		case len(names) > 0 && strings.HasPrefix(names[0], "outbound_"):
		case chain.TransportSocket != nil:
			chains[downstreamWords(chain)] = true
		case slices.ContainsFunc(chain.Filters, func(f *listenerv3.Filter) bool {
			return strings.HasSuffix(f.Name, "http_connection_manager")
		}):
			chains["HTTP"] = true
		default:
			chains["TCP"] = true
		}
	}
	return slices.Sorted(maps.Keys(chains))
}

func downstreamWords(chain *listenerv3.FilterChain) string {
	var tls tlsv3.DownstreamTlsContext
	if err := chain.TransportSocket.GetTypedConfig().UnmarshalTo(&tls); err != nil {
		return err.Error()
	}
	names := "any"
	if want := chain.GetFilterChainMatch().GetServerNames(); len(want) > 0 {
		names = serverNames(want)
	}
	certificates := tls.CommonTlsContext.TlsCertificateSdsSecretConfigs
	switch {
	case len(certificates) > 0 && certificates[0].Name == "default":
		return "ISTIO_MUTUAL " + names
	case tls.RequireClientCertificate.GetValue():
		return "MUTUAL " + names
	case tls.CommonTlsContext.GetCombinedValidationContext() != nil:
		return "OPTIONAL_MUTUAL " + names
	default:
		return "SIMPLE " + names
	}
}
