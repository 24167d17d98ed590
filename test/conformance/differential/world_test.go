package differential

import (
	"fmt"
	"math/rand/v2"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

const (
	root         = "istio-system"
	externalHost = "api.partner.example"
	wildcardHost = "*.wild.example"
	tlsModeLabel = "security.istio.io/tlsMode"
)

var namespaces = []string{"a", "b", "c"}

// world is what both sides are shown.
type world struct {
	objects  istio.World
	services []service
	pods     []pod
	clients  []caller
	gateway  pod
}

// service is a Kubernetes Service, or with external set the ServiceEntry of that host.
type service struct {
	namespace, name string
	headless        bool
	external        string
	ports           []servicePort
}

type servicePort struct {
	name           string
	number, target int32
}

type pod struct {
	*model.Workload
	ip string
	// service is the name of the Service behind which the pod stands.
	service string
}

// caller is a proxy whose clusters are compared.
type caller struct {
	name string
	ip   string
	istio.Client
}

func (s service) host() model.Host {
	host := model.Host{Name: s.name + "." + s.namespace + ".svc.cluster.local", Namespace: s.namespace}
	if s.external != "" {
		host = model.Host{Name: s.external, Namespace: s.namespace, External: true}
	}
	for _, p := range s.ports {
		host.Ports = append(host.Ports, p.number)
	}
	return host
}

// generator makes a world of a seed.
type generator struct {
	*rand.Rand
	world
	ips int
	// crowded is the one namespace and host of most DestinationRules; empty in worlds where they are spread.
	crowded struct{ namespace, host string }
}

func newWorld(seed uint64) world {
	g := generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	g.mesh()
	g.makeServices()
	g.makeClients()
	g.peerAuthentications()
	g.destinationRules()
	g.gateways()
	return g.world
}

func (g *generator) mesh() {
	g.objects.Mesh = model.Mesh{RootNamespace: root, AutoMTLS: !g.chance(8), TrustDomain: "cluster.local",
		Version: oracle.Version()}
	if g.chance(5) {
		g.objects.Mesh.DefaultDestinationRuleExportTo = []string{pick(g, ".", "*")}
	}
}

func (g *generator) makeServices() {
	ports := []servicePort{{"http", 80, 8080}, {"https", 443, 8443}, {"tcp", 9000, 9000}}
	for _, namespace := range append([]string{root}, namespaces...) {
		for i := range 1 + g.IntN(2) {
			s := service{namespace: namespace, name: fmt.Sprintf("s%d", i), headless: g.chance(6), ports: ports[:1+g.IntN(3)]}
			g.services = append(g.services, s)
			g.podsOf(s)
		}
	}
	g.services = append(g.services, service{namespace: pick(g, namespaces...), name: "partner", external: externalHost, ports: ports[:2]},
		service{namespace: pick(g, namespaces...), name: "wild", external: wildcardHost, ports: ports[:1]})
}

func (g *generator) podsOf(s service) {
	for i := range g.IntN(4) {
		w := &model.Workload{Namespace: s.namespace, Example: fmt.Sprintf("%s-%d", s.name, i), Count: 1, Dataplane: model.DataplaneSidecar,
			Labels: map[string]string{"app": s.name, "version": pick(g, "v1", "v2"), "tier": pick(g, "x", "y")}}
		if g.chance(4) {
			w.Dataplane = model.DataplaneNone
		} else {
			w.Labels[tlsModeLabel] = "istio"
		}
		g.pods = append(g.pods, pod{Workload: w, ip: g.ip(), service: s.name})
	}
}

func (g *generator) makeClients() {
	for _, namespace := range append([]string{root}, namespaces...) {
		for _, tier := range []string{"x", "y"} {
			labels := map[string]string{"app": "client", "tier": tier}
			g.clients = append(g.clients, caller{name: "client-" + tier, ip: g.ip(), Client: istio.Client{Namespace: namespace,
				Labels: labels, Dataplane: model.DataplaneSidecar}})
		}
	}
	labels := map[string]string{"istio": "ingressgateway", "tier": "x"}
	namespace := pick(g, root, "a")
	g.clients = append(g.clients, caller{name: "gateway", ip: g.ip(), Client: istio.Client{Namespace: namespace, Labels: labels,
		Dataplane: model.DataplaneSidecar, Gateway: true}})
	g.gateway = pod{ip: g.ip(), Workload: &model.Workload{Namespace: namespace, Example: "ingress", Count: 1, Labels: labels,
		Dataplane: model.DataplaneSidecar, Ports: []model.ContainerPort{{Name: "tls", Number: 8443}}}}
	if g.chance(2) {
		g.objects.Services = []model.Service{{Namespace: namespace, Name: "ingress", Selector: map[string]string{"istio": "ingressgateway"},
			Ports: []model.ServicePort{
				{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)},
				{Name: "https", Port: 443, TargetPort: intstr.FromString("tls")},
			}}}
	}
}

func (g *generator) ip() string {
	g.ips++
	return fmt.Sprintf("10.1.%d.%d", g.ips/250, 1+g.ips%250)
}

// chance is true once in so many times.
func (g *generator) chance(once int) bool { return g.IntN(once) == 0 }

func pick[T any](g *generator, choices ...T) T { return choices[g.IntN(len(choices))] }

// meta is of one of few ages, so that equal ones are common.
func (g *generator) meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: metav1.Unix(int64(1_700_000_000+g.IntN(4)), 0)}
}

// name makes the alphabetical order one of chance, too.
func (g *generator) name(kind string, i int) string {
	return fmt.Sprintf("%c-%s-%d", 'a'+rune(g.IntN(26)), kind, i)
}

func (g *generator) anyNamespace() string {
	if g.chance(4) {
		return root
	}
	return pick(g, namespaces...)
}

func (g *generator) peerAuthentications() {
	for i := range g.IntN(8) {
		pa := &istiosecurityv1.PeerAuthentication{ObjectMeta: g.meta(g.anyNamespace(), g.name("pa", i))}
		g.fillPeer(pa)
		g.objects.PeerAuthentications = append(g.objects.PeerAuthentications, pa)
	}
}

func (g *generator) destinationRules() {
	if g.chance(2) {
		g.crowded.namespace, g.crowded.host = g.anyNamespace(), g.ruleHost()
	}
	for i := range g.IntN(9) {
		rule := &istionetworkingv1.DestinationRule{ObjectMeta: g.meta(g.anyNamespace(), g.name("dr", i))}
		g.fillRule(rule)
		if g.crowded.host != "" && !g.chance(4) {
			rule.Namespace, rule.Spec.Host = g.crowded.namespace, g.crowded.host
		}
		g.objects.DestinationRules = append(g.objects.DestinationRules, rule)
	}
}

func (g *generator) gateways() {
	for i := range g.IntN(6) {
		gateway := &istionetworkingv1.Gateway{ObjectMeta: g.meta(g.anyNamespace(), g.name("gw", i))}
		switch g.IntN(6) {
		case 0: // for every gateway
		case 1:
			gateway.Spec.Selector = map[string]string{"istio": "egressgateway"}
		case 2:
			gateway.Spec.Selector = map[string]string{"istio": "ingressgateway", "tier": "x"}
		default:
			gateway.Spec.Selector = map[string]string{"istio": "ingressgateway"}
		}
		for j := range 1 + g.IntN(3) {
			gateway.Spec.Servers = append(gateway.Spec.Servers, g.server(fmt.Sprintf("port-%d", j)))
		}
		g.objects.Gateways = append(g.objects.Gateways, gateway)
	}
}

func (g *generator) server(portName string) *networkingapi.Server {
	protocol := pick(g, "HTTP", "HTTP2", "HTTPS", "HTTPS", "HTTPS", "TLS", "TLS", "TCP", "MONGO", "GRPC")
	server := &networkingapi.Server{
		Port: &networkingapi.Port{Number: pick(g, uint32(80), 443, 443, 8443, 8080), Name: portName, Protocol: protocol},
		Bind: pick(g, "", "", "", "0.0.0.0", "10.0.0.1"),
	}
	for range 1 + g.IntN(2) {
		server.Hosts = append(server.Hosts, pick(g, "a.example", "b.example", "*.example", "*", "./a.example", "b/a.example", "*/b.example"))
	}
	switch protocol {
	case "HTTPS", "TLS":
		server.Tls = g.serverTLS()
	case "HTTP":
		if g.chance(3) {
			server.Tls = &networkingapi.ServerTLSSettings{HttpsRedirect: true}
		}
	}
	return server
}

func (g *generator) serverTLS() *networkingapi.ServerTLSSettings {
	mode := pick(g, networkingapi.ServerTLSSettings_PASSTHROUGH, networkingapi.ServerTLSSettings_SIMPLE, networkingapi.ServerTLSSettings_SIMPLE,
		networkingapi.ServerTLSSettings_MUTUAL, networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL, networkingapi.ServerTLSSettings_ISTIO_MUTUAL,
		networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH)
	tls := &networkingapi.ServerTLSSettings{Mode: mode}
	switch mode {
	case networkingapi.ServerTLSSettings_SIMPLE, networkingapi.ServerTLSSettings_MUTUAL, networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL:
		tls.CredentialName = "cert"
	}
	return tls
}
