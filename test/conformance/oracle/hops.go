package oracle

import (
	"cmp"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/simulation"
	"istio.io/istio/pilot/test/xdstest"
	istiohost "istio.io/istio/pkg/config/host"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

// Chain is the filter chain that takes a connection, and where it sends it.
type Chain struct {
	// TLS is what the chain does with TLS; Plaintext: the chain neither ends nor inspects any.
	TLS TLSKind
	// HTTP says that the chain reads requests.
	HTTP bool
	// Clusters are the names of the clusters that it sends to, in order. A chain that answers requests itself has none.
	Clusters []string
}

// Takes returns the filter chain that takes the call. With conditions on requests, a chain sends to the clusters of all routes: some
// request meets each. An error is Istio's simulation's: nothing takes the call.
func (p *Proxy) Takes(call simulation.Call) (Chain, error) {
	var taken *listenerv3.FilterChain
	call.CustomListenerValidations = append(call.CustomListenerValidations, func(chain *listenerv3.FilterChain) error {
		taken = chain
		return nil
	})
	result := p.Call(call)
	if result.Error != nil {
		return Chain{}, result.Error
	}
	chain := Chain{TLS: p.servedBy(&listenerv3.Listener{}, taken, nil).TLS}
	if xdstest.ExtractHTTPConnectionManager(p.mesh.t, taken) != nil {
		chain.HTTP, chain.Clusters = true, p.routed(taken, result)
	} else {
		chain.Clusters = p.proxied(taken)
	}
	chain.Clusters = named(chain.Clusters)
	return chain, nil
}

// routed returns the clusters of all routes of the virtual host that the call met.
func (p *Proxy) routed(chain *listenerv3.FilterChain, met simulation.Result) []string {
	config := xdstest.ExtractHTTPConnectionManager(p.mesh.t, chain).GetRouteConfig()
	if config == nil {
		config = xdstest.ExtractRouteConfigurations(p.simulated.Routes)[met.RouteConfigMatched]
	}
	var clusters []string
	for _, virtual := range config.GetVirtualHosts() {
		if virtual.GetName() == met.VirtualHostMatched {
			clusters = append(clusters, clustersOf(virtual)...)
		}
	}
	return clusters
}

// withHosts leaves out the empty copies of route configurations: the simulation generates one for each listener of a headless Service,
// and only the first has the virtual hosts.
func withHosts(all []*routev3.RouteConfiguration) []*routev3.RouteConfiguration {
	return slices.DeleteFunc(all, func(config *routev3.RouteConfiguration) bool { return len(config.GetVirtualHosts()) == 0 })
}

func clustersOf(virtual *routev3.VirtualHost) []string {
	var clusters []string
	for _, route := range virtual.GetRoutes() {
		clusters = append(clusters, route.GetRoute().GetCluster())
		for _, weighted := range route.GetRoute().GetWeightedClusters().GetClusters() {
			clusters = append(clusters, weighted.GetName())
		}
	}
	return clusters
}

// Endpoint is one of the servers of a cluster, with the TLS that it is sent.
type Endpoint struct {
	// Address is an IP address or, of a host that DNS finds, a name.
	Address string
	Port    int32
	// Pod has the address; nil: none has.
	Pod  *corev1.Pod
	Wire Sent
}

// Endpoints returns the servers of the proxy's cluster of that name; none too if the proxy has no such cluster.
func (p *Proxy) Endpoints(name string) []Endpoint {
	cluster := p.Cluster(name)
	if cluster == nil {
		return nil
	}
	assignment := cluster.GetLoadAssignment()
	if assignment == nil {
		assignment = AssignmentOf(p.mesh.t, p.wire(), name)
	}
	var all []Endpoint
	for _, locality := range assignment.GetEndpoints() {
		for _, endpoint := range locality.GetLbEndpoints() {
			all = append(all, p.endpoint(cluster, endpoint))
		}
	}
	slices.SortFunc(all, func(a, b Endpoint) int { return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Port, b.Port)) })
	return all
}

// endpoint reads an endpoint. Where Envoy connects to the address that the client asked for, it knows nothing of its endpoints.
func (p *Proxy) endpoint(cluster *clusterv3.Cluster, endpoint *endpointv3.LbEndpoint) Endpoint {
	if cluster.GetType() == clusterv3.Cluster_ORIGINAL_DST {
		endpoint = &endpointv3.LbEndpoint{HostIdentifier: endpoint.GetHostIdentifier()}
	}
	address := endpoint.GetEndpoint().GetAddress().GetSocketAddress()
	return Endpoint{
		Address: address.GetAddress(), Port: int32(address.GetPortValue()), Pod: p.mesh.at(address.GetAddress()),
		Wire: TLSOf(&clusterv3.Cluster{TransportSocket: socketFor(cluster, endpoint)}),
	}
}

// Cluster returns the proxy's cluster of that name; nil: it has none.
func (p *Proxy) Cluster(name string) *clusterv3.Cluster {
	if p.clusters == nil {
		p.clusters = xdstest.ExtractClusters(p.given().Clusters)
	}
	return p.clusters[name]
}

// Address returns where the proxy's client finds the host: the address of its Service or ServiceEntry, the first of a range, or of a
// Service without one that of another pod; empty: there is none.
func (p *Proxy) Address(host string) string {
	var found wire.Address
	if err := ask("Address", wire.Asked{Proxy: p.wire(), Name: host}, &found); err != nil {
		p.mesh.t.Fatal(err)
	}
	address, _, _ := strings.Cut(found.Address, "/")
	if address != "0.0.0.0" {
		return address
	}
	for _, port := range found.Ports {
		name := istiomodel.BuildSubsetKey(istiomodel.TrafficDirectionOutbound, "", istiohost.Name(host), port)
		for _, e := range p.Endpoints(name) {
			if e.Address != p.pod.Status.PodIP {
				return e.Address
			}
		}
	}
	return ""
}

// Chains returns the filter chains of a gateway that send anything on. Hosts whose requests are all redirected send nothing.
func (p *Proxy) Chains() []Chain {
	routes := p.routesByName()
	var all []Chain
	for _, listener := range p.given().Listeners {
		for _, filters := range listener.GetFilterChains() {
			chain := Chain{TLS: p.servedBy(listener, filters, routes).TLS}
			if manager := xdstest.ExtractHTTPConnectionManager(p.mesh.t, filters); manager != nil {
				chain.HTTP = true
				for _, virtual := range routes[manager.GetRds().GetRouteConfigName()].GetVirtualHosts() {
					if virtual.GetRequireTls() != routev3.VirtualHost_ALL {
						chain.Clusters = append(chain.Clusters, clustersOf(virtual)...)
					}
				}
			} else {
				chain.Clusters = p.proxied(filters)
			}
			if chain.Clusters = named(chain.Clusters); len(chain.Clusters) > 0 {
				all = append(all, chain)
			}
		}
	}
	return all
}

// proxied returns the clusters that a chain for connections sends to.
func (p *Proxy) proxied(chain *listenerv3.FilterChain) []string {
	proxy := xdstest.ExtractTCPProxy(p.mesh.t, chain)
	clusters := []string{proxy.GetCluster()}
	for _, weighted := range proxy.GetWeightedClusters().GetClusters() {
		clusters = append(clusters, weighted.GetName())
	}
	return clusters
}

// named returns the names that are not empty, each once, in order.
func named(clusters []string) []string {
	clusters = slices.DeleteFunc(clusters, func(name string) bool { return name == "" })
	slices.Sort(clusters)
	return slices.Compact(clusters)
}

// HasProxy reports whether the pod has a proxy, or is one.
func HasProxy(pod *corev1.Pod) bool { return hasProxy(pod) }

// NameOf returns the namespace and name of a pod.
func NameOf(pod *corev1.Pod) types.NamespacedName { return nameOf(pod) }
