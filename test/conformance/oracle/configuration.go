package oracle

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/simulation"
	"istio.io/istio/pilot/test/xdstest"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

// Configuration is what Istio gives a proxy.
type Configuration struct {
	Listeners []*listenerv3.Listener
	Clusters  []*clusterv3.Cluster
	Routes    []*routev3.RouteConfiguration
	// Servers are those of Gateways that a gateway has.
	Servers []wire.Server
}

// ConfigurationOf returns what Istio gives a proxy of a loaded world.
func ConfigurationOf(t *testing.T, p wire.Proxy) *Configuration {
	t.Helper()
	var given wire.Configuration
	if err := ask("Configuration", p, &given); err != nil {
		t.Fatal(err)
	}
	return &Configuration{
		Listeners: decoded[listenerv3.Listener](t, given.Listeners),
		Clusters:  decoded[clusterv3.Cluster](t, given.Clusters),
		Routes:    decoded[routev3.RouteConfiguration](t, given.Routes),
		Servers:   given.Servers,
	}
}

// AssignmentOf returns the endpoints that Istio gives a proxy of a loaded world for its cluster of that name.
func AssignmentOf(t *testing.T, p wire.Proxy, cluster string) *endpointv3.ClusterLoadAssignment {
	t.Helper()
	var given []byte
	if err := ask("Endpoints", wire.Asked{Proxy: p, Name: cluster}, &given); err != nil {
		t.Fatal(err)
	}
	return decoded[endpointv3.ClusterLoadAssignment](t, [][]byte{given})[0]
}

// Envoy returns Istio's simulation of an Envoy that has the configuration. It is the newest Istio's, whoever made the configuration.
func (c *Configuration) Envoy(t *testing.T) *simulation.Simulation {
	t.Helper()
	envoy := *bareEnvoy(t)
	envoy.Listeners, envoy.Clusters, envoy.Routes = c.Listeners, c.Clusters, withHosts(slices.Clone(c.Routes))
	return &envoy
}

func (p *Proxy) given() *Configuration {
	p.mesh.t.Helper()
	if p.configuration == nil {
		p.configuration = ConfigurationOf(p.mesh.t, p.wire())
	}
	return p.configuration
}

// routesByName returns the proxy's routes by their names.
func (p *Proxy) routesByName() map[string]*routev3.RouteConfiguration {
	return xdstest.ExtractRouteConfigurations(p.given().Routes)
}

var (
	bare     *simulation.Simulation
	bareOnce sync.Once
)

// bareEnvoy returns a simulation, from which others are copied: Istio makes one from its own generator only, whose configuration of
// nothing is not looked at. What fails in it fails the first test that asked.
func bareEnvoy(t *testing.T) *simulation.Simulation {
	bareOnce.Do(func() {
		generator := core.NewConfigGenTest(t, core.TestOptions{})
		bare = simulation.NewSimulationFromConfigGen(t, generator, generator.SetupProxy(&istiomodel.Proxy{}))
	})
	return bare
}

// decoded reads messages.
func decoded[M any, P interface {
	*M
	proto.Message
}](t *testing.T, contents [][]byte) []P {
	t.Helper()
	messages := make([]P, 0, len(contents))
	for _, content := range contents {
		message := P(new(M))
		if err := proto.Unmarshal(content, message); err != nil {
			t.Fatal(fmt.Errorf("reading an answer of Istio: %w", err))
		}
		messages = append(messages, message)
	}
	return messages
}
