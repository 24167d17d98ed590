package calls

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/simulation"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

const (
	// outside is the server of a call that leaves the mesh, and nobody that of one that reaches none.
	outside = "outside the mesh"
	nobody  = "none"
	// itsServers is what calls a gateway.
	itsServers = "its servers"
)

// judge asks Istio about the calls of one world.
type judge struct {
	mesh *oracle.Mesh
	// view tells which hosts and ports there are, and which of them are outside the mesh. What becomes of a call is not asked of it.
	view  *mesh.View
	found facts
	// asked are the ports that sidecars called, by client and port: not those without an address.
	asked map[string]bool
}

// istioFacts returns what Istio does with all calls of sidecars and gateways.
func istioFacts(m *oracle.Mesh, v *mesh.View) (found facts, asked map[string]bool) {
	j := judge{mesh: m, view: v, found: facts{}, asked: map[string]bool{}}
	pods := m.Pods()
	for i := range pods {
		switch name := oracle.NameOf(&pods[i]); {
		case !oracle.HasProxy(&pods[i]):
		case pods[i].Namespace == edge:
			j.gateway(name.String(), m.Gateway(name))
		default:
			j.sidecar(name.String(), pods[i].Namespace, m.Sidecar(name))
		}
	}
	return j.found, j.asked
}

// sidecar calls every port of every host, with all that its protocol allows the application to send.
func (j judge) sidecar(client, namespace string, proxy *oracle.Proxy) {
	for _, called := range j.view.Callable(namespace) {
		c := call{client: client, called: fmt.Sprintf("%s:%d", called.Name, called.Port.Number)}
		if called.Service != nil && called.Service.Headless && proxy.Address(called.Name) == "" {
			continue // an application finds no address of a headless Service without other pods
		}
		j.asked[client+" "+c.called] = true
		for _, content := range contents(called.Port.Protocol) {
			chain, err := proxy.Takes(outbound(proxy, called, content))
			if err != nil {
				c.sent, c.server = "nowhere", nobody
				j.found.put(c, string(istio.Refused))
				continue
			}
			j.clusters(c, proxy, chain.Clusters, content)
		}
	}
}

// content is what an application sends.
type content struct {
	protocol simulation.Protocol
	tls      simulation.TLSMode
}

var (
	plainHTTP  = content{simulation.HTTP, simulation.Plaintext}
	plainBytes = content{simulation.TCP, simulation.Plaintext}
	ownTLS     = content{simulation.TCP, simulation.TLS}
)

func contents(protocol string) []content {
	switch istio.CarriesOf(protocol) {
	case istio.CarriesHTTP:
		return []content{plainHTTP}
	case istio.CarriesTLS:
		return []content{ownTLS}
	}
	if protocol == "" {
		return []content{plainHTTP, plainBytes}
	}
	return []content{plainBytes}
}

func outbound(proxy *oracle.Proxy, called mesh.Callable, what content) simulation.Call {
	return simulation.Call{
		Address: proxy.Address(called.Name), Port: int(called.Port.Number), Protocol: what.protocol, TLS: what.tls,
		HostHeader: hostHeader(called), Sni: sniOf(called.Name, what), CallMode: simulation.CallModeOutbound,
	}
}

// hostHeader returns how clients of HTTP name the host: with the port, unless it is HTTP's own.
func hostHeader(called mesh.Callable) string {
	if called.Port.Number == 80 {
		return called.Name
	}
	return fmt.Sprintf("%s:%d", called.Name, called.Port.Number)
}

func sniOf(host string, what content) string {
	if what.tls == simulation.Plaintext {
		return ""
	}
	return host
}

// gateway follows all that the gateway's servers take.
func (j judge) gateway(client string, proxy *oracle.Proxy) {
	for _, chain := range proxy.Chains() {
		what := plainBytes
		switch {
		case chain.HTTP:
			what = plainHTTP
		case chain.TLS == oracle.ServesPassthrough:
			what = ownTLS
		}
		j.clusters(call{client: client, called: itsServers}, proxy, chain.Clusters, what)
	}
}

func (j judge) clusters(c call, proxy *oracle.Proxy, clusters []string, what content) {
	for _, name := range clusters {
		_, subset, host, port := istiomodel.ParseSubsetKey(name)
		c.sent = fmt.Sprintf("%s:%d %s", host, port, subset)
		if !strings.HasPrefix(name, "outbound|") {
			c.sent = name
		}
		j.cluster(c, proxy, name, what)
	}
}

func (j judge) cluster(c call, proxy *oracle.Proxy, name string, what content) {
	_, _, host, _ := istiomodel.ParseSubsetKey(name)
	external := j.isExternal(string(host))
	cluster := proxy.Cluster(name)
	endpoints := j.arriving(proxy.Endpoints(name), cluster, c)
	switch {
	case cluster == nil:
		c.server = nobody
		j.found.put(c, string(istio.Refused))
	case len(endpoints) == 0 && external || cluster.GetLoadAssignment() == nil && len(endpoints) == 0 && j.anywhere(string(host)):
		c.server = outside
		outcome := toStranger(oracle.TLSOf(cluster).Mode, what, false)
		if external {
			outcome = toExternal(oracle.TLSOf(cluster).Mode, what)
		}
		j.found.put(c, outcome)
	case len(endpoints) == 0:
		c.server = nobody
		j.found.put(c, string(mesh.NoEndpoints))
	}
	for _, e := range endpoints {
		c.server = fmt.Sprintf("%s:%d", e.Address, e.Port)
		switch {
		case e.Pod != nil:
			c.server = fmt.Sprintf("%s:%d", oracle.NameOf(e.Pod), e.Port)
			for _, outcome := range j.atPod(e, c, what) {
				j.found.put(c, outcome)
			}
		case external:
			c.server = outside
			j.found.put(c, toExternal(e.Wire.Mode, what))
		default:
			j.atMachine(c, string(host), e, what)
		}
	}
}

// arriving returns the endpoints with the ports at which the call arrives: a sidecar's client connects to an address of a headless Service
// that it looked up, at the number of the Service's port, and Envoy lets it. What a route leads to was not looked up.
func (j judge) arriving(endpoints []oracle.Endpoint, cluster *clusterv3.Cluster, c call) []oracle.Endpoint {
	_, _, host, port := istiomodel.ParseSubsetKey(cluster.GetName())
	own := c.called == fmt.Sprintf("%s:%d", host, port)
	if cluster.GetType() != clusterv3.Cluster_ORIGINAL_DST || !own || !j.isHeadless(string(host)) {
		return endpoints
	}
	for i := range endpoints {
		endpoints[i].Port = int32(port) // #nosec G115 -- a port
	}
	return endpoints
}

func (j judge) isHeadless(host string) bool {
	return slices.ContainsFunc(j.view.Destinations().Of(host), func(d *destinations.Destination) bool {
		return d.Service != nil && d.Service.Headless
	})
}

// atMachine notes the outcome at a machine. What its proxy, if it has one, refuses is not known to Istio.
func (j judge) atMachine(c call, host string, e oracle.Endpoint, what content) {
	speaks := j.speaksMutualTLS(host, e.Address)
	j.found.put(c, toStranger(e.Wire.Mode, what, !speaks))
	if speaks {
		j.found.put(c, string(istio.Refused))
	}
}

// toStranger returns the outcome at a server without a proxy that Istio knows. A stranger cannot end the mesh's mutual TLS.
func toStranger(wire meshtlsv1alpha1.SendMode, what content, stranger bool) string {
	switch {
	case wire == meshtlsv1alpha1.SendIstioMutual && stranger:
		return string(istio.Refused)
	case wire == meshtlsv1alpha1.SendIstioMutual:
		return string(istio.MutualTLS)
	default:
		return passed(wire, what)
	}
}

// toExternal returns the outcome at a server outside the mesh, which has no certificate of the mesh.
func toExternal(wire meshtlsv1alpha1.SendMode, what content) string {
	if wire == meshtlsv1alpha1.SendIstioMutual {
		return string(istio.Refused)
	}
	return passed(wire, what)
}

// passed returns the outcome of a connection that no proxy ends at the server.
func passed(wire meshtlsv1alpha1.SendMode, what content) string {
	switch {
	case wire == meshtlsv1alpha1.SendDisable || wire == meshtlsv1alpha1.SendAuto:
		return string(istio.Plaintext)
	case what == ownTLS:
		return string(istio.DoubleTLS)
	case wire == meshtlsv1alpha1.SendMutual:
		return string(istio.MutualTLS)
	default:
		return string(istio.ServerTLS)
	}
}

// atPod returns the outcomes at a pod.
func (j judge) atPod(e oracle.Endpoint, c call, what content) []string {
	called, _, _ := strings.Cut(c.called, ":")
	switch {
	case !oracle.HasProxy(e.Pod):
		return []string{toStranger(e.Wire.Mode, what, true)}
	case e.Pod.Namespace == edge:
		return j.atGateway(e, called, what)
	}
	outcome := j.atSidecar(e, called, what)
	if what == ownTLS && c.called == itsServers && e.Wire.Mode == meshtlsv1alpha1.SendDisable {
		return []string{outcome, j.mutualTLSOfClient(e)}
	}
	if what == plainBytes && outcome == string(istio.Refused) {
		outcome = j.atSidecar(e, called, plainHTTP) // bytes may be HTTP
	}
	return []string{outcome}
}

func (j judge) atSidecar(e oracle.Endpoint, called string, what content) string {
	arrives := simulation.Call{
		Address: e.Address, Port: int(e.Port), Protocol: what.protocol, TLS: what.tls, HostHeader: called, CallMode: simulation.CallModeInbound,
	}
	switch e.Wire.Mode {
	case meshtlsv1alpha1.SendDisable:
	case meshtlsv1alpha1.SendIstioMutual:
		arrives.TLS = simulation.MTLS
	default:
		arrives.TLS, arrives.Protocol = simulation.TLS, simulation.TCP
	}
	chain, err := j.mesh.Sidecar(oracle.NameOf(e.Pod)).Takes(arrives)
	switch ended := chain.TLS == oracle.ServesMutual || chain.TLS == oracle.ServesIstioMutual; {
	case err != nil:
		return string(istio.Refused)
	case e.Wire.Mode == meshtlsv1alpha1.SendIstioMutual && ended:
		return string(istio.MutualTLS)
	case e.Wire.Mode == meshtlsv1alpha1.SendIstioMutual:
		return string(istio.Refused)
	default:
		return passed(e.Wire.Mode, what)
	}
}

// mutualTLSOfClient returns the outcome at a sidecar of TLS that a gateway passes on as it is, if it is the mutual TLS of a client in the
// mesh.
func (j judge) mutualTLSOfClient(e oracle.Endpoint) string {
	chain, err := j.mesh.Sidecar(oracle.NameOf(e.Pod)).Takes(simulation.Call{
		Address: e.Address, Port: int(e.Port), Protocol: simulation.HTTP, TLS: simulation.MTLS, CallMode: simulation.CallModeInbound,
	})
	if err != nil || chain.TLS != oracle.ServesIstioMutual && chain.TLS != oracle.ServesMutual {
		return string(istio.Refused)
	}
	return string(istio.MutualTLS)
}

// names are the server names that an application may ask a gateway for.
var names = []string{"a.example", "b.example", "c.example", "other.test"}

// atGateway returns the outcomes at a gateway's servers. A client's proxy asks for one name; an application may ask for any, and bytes
// may be TLS.
func (j judge) atGateway(e oracle.Endpoint, called string, what content) []string {
	arrives := simulation.Call{Address: e.Address, Port: int(e.Port), Protocol: what.protocol, TLS: what.tls, HostHeader: called,
		CallMode: simulation.CallModeGateway}
	switch e.Wire.Mode {
	case meshtlsv1alpha1.SendDisable:
		return j.asSent(e, arrives, what)
	case meshtlsv1alpha1.SendIstioMutual:
		arrives.TLS, arrives.Sni = simulation.MTLS, e.Wire.SNI
	default:
		// Envoy takes the name from the request, where it sends one.
		arrives.TLS, arrives.Protocol, arrives.Sni = simulation.TLS, simulation.HTTP, e.Wire.SNI
		if e.Wire.SNI == "" && what == plainHTTP {
			arrives.Sni = called
		} else if e.Wire.SNI == "" {
			arrives.HostHeader = ""
		}
	}
	return j.atServer(e, arrives)
}

// asSent returns the outcomes of what no proxy changes.
func (j judge) asSent(e oracle.Endpoint, arrives simulation.Call, what content) []string {
	outcomes := j.atServer(e, arrives)
	if what == plainBytes {
		arrives.Protocol = simulation.HTTP
		outcomes = append(outcomes, j.atServer(e, arrives)...)
	}
	if what != plainHTTP {
		arrives.TLS, arrives.Protocol = simulation.TLS, simulation.HTTP
		for _, name := range names {
			arrives.Sni = name
			outcomes = append(outcomes, j.atServer(e, arrives)...)
		}
	}
	refused := func(outcome string) bool { return outcome == string(istio.Refused) }
	if taken := slices.DeleteFunc(slices.Clone(outcomes), refused); len(taken) > 0 {
		return taken
	}
	return outcomes
}

// atServer returns the outcomes of one connection to a gateway. Where two filter chains match, Envoy refuses the listener, and what it
// had before is not known.
func (j judge) atServer(e oracle.Endpoint, arrives simulation.Call) []string {
	chain, err := j.mesh.Gateway(oracle.NameOf(e.Pod)).Takes(arrives)
	if errors.Is(err, simulation.ErrMultipleFilterChain) {
		return []string{string(mesh.GatewayDecides), string(istio.Plaintext), string(istio.MutualTLS), string(istio.ServerTLS)}
	}
	return []string{ofChain(chain, err, arrives, e.Wire.Mode)}
}

func ofChain(chain oracle.Chain, err error, arrives simulation.Call, wire meshtlsv1alpha1.SendMode) string {
	switch {
	case answered(err) && arrives.TLS == simulation.Plaintext:
		return string(istio.Plaintext)
	case err != nil && !answered(err), chain.TLS == oracle.ServesMutual && wire == meshtlsv1alpha1.SendSimple:
		return string(istio.Refused)
	case chain.TLS == oracle.ServesPassthrough || chain.TLS == oracle.ServesPlaintext && arrives.TLS != simulation.Plaintext:
		return string(mesh.GatewayDecides)
	case wire == meshtlsv1alpha1.SendIstioMutual:
		return string(istio.MutualTLS)
	case chain.TLS == oracle.ServesSimple && wire == meshtlsv1alpha1.SendMutual:
		return string(istio.ServerTLS)
	default:
		return passed(wire, plainBytes)
	}
}

// answered reports whether the error is a gateway's answer to a request: the connection stands.
func answered(err error) bool {
	return errors.Is(err, simulation.ErrNoVirtualHost) || errors.Is(err, simulation.ErrNoRoute) || errors.Is(err, simulation.ErrTLSRedirect)
}

func (j judge) isExternal(host string) bool { return host == external }

// anywhere reports whether the host is of servers that Istio is not told of.
func (j judge) anywhere(host string) bool { return host == internal }

// speaksMutualTLS reports whether the machine counts as one of the mesh: it has a service account.
func (j judge) speaksMutualTLS(host, address string) bool {
	for _, d := range j.view.Destinations().Of(host) {
		for _, machine := range d.Entry.Spec.GetEndpoints() {
			if machine.GetAddress() == address && machine.GetServiceAccount() != "" {
				return true
			}
		}
	}
	return false
}
