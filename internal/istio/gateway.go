package istio

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/model"
)

// Listeners are what the pods of a gateway end up with.
type Listeners struct {
	// Listeners are in the order in which Istio opens them.
	Listeners []Listener
	// Dropped are the servers that Istio leaves out, oldest first.
	Dropped []Dropped
}

// Listener is a port, at an address, on which gateway pods listen.
type Listener struct {
	Bind string
	// Port is the pods' own, which a Service may call by another number.
	Port    int32
	Servers []Server
}

// Server is a server of a Gateway, as Istio reads it.
type Server struct {
	Gateway *istionetworkingv1.Gateway
	// Index is its place in the Gateway's spec.
	Index int
	// Hosts are the spec's, with the namespaces spelled out.
	Hosts []string
}

// Spec returns the server as it is written.
func (s Server) Spec() *networkingapi.Server { return s.Gateway.Spec.Servers[s.Index] }

// Ref names the server's Gateway, or what it was made of.
func (s Server) Ref() model.ObjectRef { return GatewayRef(s.Gateway) }

// Key is the namespace and name by which VirtualServices bind to the server's Gateway. One that was made of something else has another than
// that.
func (s Server) Key() types.NamespacedName { return model.RefOf(model.KindGateway, s.Gateway).Key() }

// OfListener reports whether the server is a listener of a Kubernetes Gateway.
func (s Server) OfListener() bool {
	_, made := gatewayapi.ListenerOf(s.Gateway)
	return made
}

// Field returns the path of the server in the object that Ref names, or of a field in it. A listener of a Kubernetes Gateway stands at the
// place of its server.
func (s Server) Field(path string) string { return ServerField(s.Gateway, s.Index, path) }

// ServerField returns the path of a server of the Gateway, or of a field in it, in the object that GatewayRef names.
func ServerField(gateway *istionetworkingv1.Gateway, index int, path string) string {
	switch _, made := gatewayapi.ListenerOf(gateway); {
	case !made:
		return fmt.Sprintf("spec.servers[%d]%s", index, path)
	case path == ".tls.caCertCredentialName":
		return "spec.tls.frontend"
	default:
		return gatewayapi.FieldOf(index, listenerPath(path))
	}
}

// listenerPath returns where a listener says what a server does at the path.
func listenerPath(path string) string {
	if path == ".tls.credentialName" {
		return ".tls.certificateRefs[0]"
	}
	return strings.Replace(path, ".tls.credentialNames", ".tls.certificateRefs", 1)
}

// PlainHTTP reports whether the server speaks HTTP without TLS, redirects included.
func (s Server) PlainHTTP() bool { return s.kind().Family == FamilyHTTP }

// PassesThrough reports whether the server leaves the TLS to those behind it.
func (s Server) PassesThrough() bool {
	mode := s.Spec().GetTls().GetMode()
	return s.Spec().Tls != nil &&
		(mode == networkingapi.ServerTLSSettings_PASSTHROUGH || mode == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH)
}

// SpeaksTLS reports whether clients use TLS, as they do not with a server that redirects.
func (s Server) SpeaksTLS() bool { return s.kind().Family == FamilyTLS }

// EndsTLS reports whether the server ends TLS.
func (s Server) EndsTLS() bool { return s.SpeaksTLS() && !s.PassesThrough() }

// endsHTTPS reports whether the server ends TLS and finds HTTP in it.
func (s Server) endsHTTPS() bool {
	return strings.EqualFold(s.Spec().Port.Protocol, "HTTPS") && !s.PassesThrough()
}

func indexGateways(all []*istionetworkingv1.Gateway) selectorIndex[*istionetworkingv1.Gateway] {
	return indexSelectors(OldestFirst(all), func(g *istionetworkingv1.Gateway) map[string]string { return g.Spec.Selector })
}

// serviceIndex finds the Services of a namespace that select pods, the oldest first, then by host.
type serviceIndex map[string]selectorIndex[*model.Service]

func indexServices(all []model.Service) serviceIndex {
	byNamespace := map[string][]*model.Service{}
	for i := range all {
		if s := &all[i]; !s.Untranslated && len(s.Selector) > 0 {
			byNamespace[s.Namespace] = append(byNamespace[s.Namespace], s)
		}
	}
	index := make(serviceIndex, len(byNamespace))
	for namespace, services := range byNamespace {
		slices.SortFunc(services, compareServices)
		index[namespace] = indexSelectors(services, func(s *model.Service) map[string]string { return s.Selector })
	}
	return index
}

// compareServices orders the Services of a namespace as a proxy has them: by age, then by host.
// Source: istio pilot/pkg/model/context.go, SetServiceTargets.
func compareServices(a, b *model.Service) int {
	return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.Name+".", b.Name+"."))
}

// Listeners merges the Gateways of all namespaces that select the pods, oldest first, and the listeners of Kubernetes Gateways that are for
// them. A Gateway without a selector is for every gateway.
// Source: istio pilot/pkg/model/push_context.go, mergeGateways.
func (m *Model) Listeners(pod *model.Workload) Listeners {
	merge, listeners := newGatewayMerge(), m.listenersOf(pod)
	managed := managing(listeners)
	for _, gateway := range withListeners(m.gateways().matching(pod.Labels), listeners) {
		for i, spec := range gateway.Spec.Servers {
			if spec.GetPort() == nil {
				continue
			}
			server := Server{Gateway: gateway, Index: i, Hosts: allSpelledOut(spec.Hosts, gateway.Namespace)}
			if managed != nil && gateway.Namespace != pod.Namespace {
				merge.drop(server, DropManaged, Server{Gateway: managed, Index: len(managed.Spec.Servers) - 1}, "")
				continue
			}
			for _, port := range m.portsFor(pod, server, listeners) {
				merge.admit(server, port)
			}
		}
	}
	return merge.listeners().openable(pod)
}

// lastPrivilegedPort is the last of the ports at which not every process may listen.
const lastPrivilegedPort = 1023

// openable leaves out the listeners that the pods may not open.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayListeners.
func (l Listeners) openable(pod *model.Workload) Listeners {
	if !pod.Unprivileged {
		return l
	}
	open := Listeners{Dropped: l.Dropped}
	for _, listener := range l.Listeners {
		if listener.Port > lastPrivilegedPort {
			open.Listeners = append(open.Listeners, listener)
			continue
		}
		for _, s := range listener.Servers {
			open.Dropped = append(open.Dropped, Dropped{Server: s, Reason: DropPrivileged, By: s, Why: fmt.Sprintf(
				"The pods may not listen on ports below %d, and no Service leads port %d to another.", lastPrivilegedPort+1, s.Spec().Port.Number)})
		}
	}
	return open
}

// PodPort returns the port on which the pods listen for a Gateway's port: the target of the first Service port with that number among
// the Services that select the pods, the oldest of these, else the number itself.
// Source: istio pilot/pkg/model/gateway.go, resolvePorts.
func (m *Model) PodPort(pod *model.Workload, number int32) int32 {
	for _, service := range m.services()[pod.Namespace].matching(pod.Labels) {
		for _, port := range service.Ports {
			if target, known := port.TargetOn(pod); known && port.Port == number {
				return target
			}
		}
	}
	return number
}
