package istio

import (
	"sync"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/istio/scopes"
	"github.com/meshtls/meshtls/internal/model"
)

// World is what one control plane of Istio sees: objects of another revision do not belong in it. Those of every namespace that takes
// part do, in any order: of the clients, of the servers, of the gateways and of the root namespace.
type World struct {
	Mesh                model.Mesh
	PeerAuthentications []*istiosecurityv1.PeerAuthentication
	DestinationRules    []*istionetworkingv1.DestinationRule
	Gateways            []*istionetworkingv1.Gateway
	// Listeners are those of the Kubernetes Gateway API's Gateways.
	Listeners []gatewayapi.Listener
	Sidecars  []*istionetworkingv1.Sidecar
	// Services are those that select gateway pods: a Gateway may name their ports in place of the pods'.
	Services []model.Service
}

// WorldOf returns what of an inventory is a World.
func WorldOf(i model.Inventory) World {
	return World{
		Mesh:                i.Mesh,
		PeerAuthentications: i.PeerAuthentications,
		DestinationRules:    i.DestinationRules,
		Gateways:            append(IngressGateways(i), i.Gateways...),
		Listeners:           gatewayapi.Listeners(i),
		Sidecars:            i.Sidecars,
		Services:            i.Services,
	}
}

// Model answers questions about a World. It never changes, and may be asked from many goroutines.
type Model struct {
	mesh     model.Mesh
	peers    func() peerIndex
	rules    func() ruleIndex
	gateways func() selectorIndex[*istionetworkingv1.Gateway]
	// listeners are those of the Kubernetes Gateway API's Gateways, by namespace.
	listeners func() map[string][]listenerPods
	sidecars  func() scopes.Sidecars
	services  func() serviceIndex
}

// New keeps the objects of the world and changes none. It indexes each kind when it is first asked for.
func New(w World) *Model {
	return &Model{
		mesh:      w.Mesh,
		peers:     sync.OnceValue(func() peerIndex { return indexPeers(w.Mesh.RootNamespace, w.PeerAuthentications) }),
		rules:     sync.OnceValue(func() ruleIndex { return indexRules(w.Mesh, w.DestinationRules) }),
		gateways:  sync.OnceValue(func() selectorIndex[*istionetworkingv1.Gateway] { return indexGateways(w.Gateways) }),
		listeners: sync.OnceValue(func() map[string][]listenerPods { return indexListeners(w) }),
		sidecars:  sync.OnceValue(func() scopes.Sidecars { return scopes.NewSidecars(w.Mesh, w.Sidecars) }),
		services:  sync.OnceValue(func() serviceIndex { return indexServices(w.Services) }),
	}
}

// With returns the model of a world that differs from this one's in PeerAuthentications, DestinationRules and Gateways only.
func (m *Model) With(w World) *Model {
	other := New(w)
	other.sidecars, other.services = m.sidecars, m.services
	return other
}

// Client is whose traffic is asked about.
type Client struct {
	Namespace string
	Labels    map[string]string
	Dataplane model.Dataplane
	// Gateway says that the client is the proxy of a gateway, not the sidecar of an application.
	Gateway bool
}

// ClientOf returns the workload as one that calls.
func ClientOf(w *model.Workload) Client {
	return Client{Namespace: w.Namespace, Labels: w.Labels, Dataplane: w.Dataplane, Gateway: w.Gateway}
}

// Destination is what a client calls.
type Destination struct {
	Host model.Host
	// Port is the host's port, as a Service or ServiceEntry declares it.
	Port int32
	// Protocol is what the port is declared to speak, in Istio's words (HTTP, TLS, …). Empty: Istio finds out by looking.
	Protocol string
	// Carries is what the client's proxy is given to send. Empty: what the protocol says.
	Carries Carries
	// Subset is the one that a route sends to. Empty: the host itself.
	Subset string
	// Headless says that clients connect to the address that they looked up, not to one that their proxy chooses.
	Headless bool
	// Identified says that the servers are named by identities of the mesh, wherever they are.
	Identified bool
	// Names are those that a client of the mesh's mutual TLS takes the servers to have, where its rule names none: the identities that
	// the endpoints are declared with, and the subjectAltNames of a ServiceEntry. Empty: any that the mesh has certified will do.
	Names []string
	// Endpoints are the pods behind the port. They matter only where proxies do not choose: Istio then decides for all of them
	// together.
	Endpoints []*model.Workload
}

// carries returns what the client's proxy is given to send.
func (d Destination) carries() Carries {
	if d.Carries != "" {
		return d.Carries
	}
	return CarriesOf(d.Protocol)
}

// Origin is where a setting comes from.
type Origin struct {
	// Object is zero where no object says anything, and Istio's default holds.
	Object model.ObjectRef
	// Field is the path within the object.
	Field string
}

// String reads like "DestinationRule shop/payments (spec.trafficPolicy.tls)".
func (o Origin) String() string {
	object := "Istio's default"
	if o.Object != (model.ObjectRef{}) {
		object = o.Object.String()
	}
	if o.Field == "" {
		return object
	}
	return object + " (" + o.Field + ")"
}

func peerRef(pa *istiosecurityv1.PeerAuthentication) model.ObjectRef {
	return model.RefOf(model.KindPeerAuthentication, pa)
}

func ruleRef(rule *istionetworkingv1.DestinationRule) model.ObjectRef {
	return model.RefOf(model.KindDestinationRule, rule)
}

// GatewayRef names the Gateway, or the Ingress or the Kubernetes Gateway that it was made of.
func GatewayRef(gateway *istionetworkingv1.Gateway) model.ObjectRef {
	if of, made := gatewayapi.ListenerOf(gateway); made {
		return of
	}
	if ingress, made := ingressOf(gateway); made {
		return ingress
	}
	return model.RefOf(model.KindGateway, gateway)
}
