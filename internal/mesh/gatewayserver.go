package mesh

import (
	"iter"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// GatewayServer is a server of a Gateway, as it is written.
type GatewayServer struct {
	*networkingapi.Server
	Gateway *istionetworkingv1.Gateway
	// Index is its place in the spec.
	Index int
}

// ServersOf returns the Gateway's servers that have a port: Istio skips others.
func ServersOf(g *istionetworkingv1.Gateway) iter.Seq[GatewayServer] {
	return func(yield func(GatewayServer) bool) {
		for i, s := range g.Spec.Servers {
			if s.GetPort() != nil && !yield(GatewayServer{Server: s, Gateway: g, Index: i}) {
				return
			}
		}
	}
}

// Servers returns the servers of all Gateways.
func (v *contents) Servers() iter.Seq[GatewayServer] {
	return func(yield func(GatewayServer) bool) {
		for _, g := range v.Gateways() {
			for s := range ServersOf(g) {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Field returns the path of the server, or of a field in it.
func (s GatewayServer) Field(path string) string {
	return istio.ServerField(s.Gateway, s.Index, path)
}

// Ref names the server's Gateway, or what it was made of.
func (s GatewayServer) Ref() model.ObjectRef { return istio.GatewayRef(s.Gateway) }

// Key returns the namespace and name by which VirtualServices bind to the server's Gateway.
func (s GatewayServer) Key() types.NamespacedName {
	return model.RefOf(model.KindGateway, s.Gateway).Key()
}

// PassesThrough reports whether the server leaves the TLS to what it routes to.
func (s GatewayServer) PassesThrough() bool {
	mode := s.GetTls().GetMode()
	return s.SpeaksTLS() &&
		(mode == networkingapi.ServerTLSSettings_PASSTHROUGH || mode == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH)
}

// EndsTLS reports whether the server ends TLS.
func (s GatewayServer) EndsTLS() bool { return s.SpeaksTLS() && !s.PassesThrough() }

// SpeaksTLS reports whether clients use TLS, as they do not with a server that redirects.
func (s GatewayServer) SpeaksTLS() bool {
	return istio.KindOf(s.Server.GetPort().GetProtocol(), s.Tls != nil).Family == istio.FamilyTLS
}

// Redirects reports whether the server sends clients from http to https.
func (s GatewayServer) Redirects() bool { return s.GetTls().GetHttpsRedirect() }

// Names returns the server's hosts, without the namespaces they are for.
func (s GatewayServer) Names() []string {
	names := make([]string, 0, len(s.Hosts))
	for _, host := range s.Hosts {
		names = append(names, istio.HostName(host))
	}
	return names
}

// Number returns the Gateway's number of the server's port.
func (s GatewayServer) Number() int32 {
	return int32(s.Server.GetPort().GetNumber()) // #nosec G115 -- the CRD admits no number above 65535
}

// Routes returns the kind of routes that Istio uses for the server.
func (s GatewayServer) Routes() routes.Kind { return routes.KindFor(s.Server) }

// CommonHosts returns the hosts of the VirtualService that the server serves, in whole or in part.
func (v *contents) CommonHosts(s GatewayServer, vs *istionetworkingv1.VirtualService) []string {
	return v.served(s).CommonHosts(vs)
}

// served returns the server with what its hosts and those of VirtualServices are read by.
func (v *contents) served(s GatewayServer) routes.Served {
	return routes.Served{Server: s.Server, Namespace: s.Gateway.Namespace, Domain: v.Domain()}
}

// BoundTo returns the VirtualServices that name the Gateway and that its pods are told of. Where no pods are known, all that name it.
// Source: istio pilot/pkg/model/push_context.go, initVirtualServices and VirtualServicesForGateway.
func (v *contents) BoundTo(g *istionetworkingv1.Gateway) []*istionetworkingv1.VirtualService {
	proxies := v.ProxiesOf(g)
	var bound []*istionetworkingv1.VirtualService
	for _, vs := range v.Naming(model.RefOf(model.KindGateway, g).Key()) {
		if v.ReachesAny(vs, proxies) {
			bound = append(bound, vs)
		}
	}
	return bound
}

// Naming returns the VirtualServices that name the Gateway.
func (v *contents) Naming(gateway types.NamespacedName) []*istionetworkingv1.VirtualService {
	v.note(model.KindVirtualService)
	return v.index.routed()[gateway]
}

// ReachesAny reports whether the VirtualService is exported to a namespace of the gateway's pods. Where none are known it is taken to be.
func (v *contents) ReachesAny(vs *istionetworkingv1.VirtualService, proxies []*model.Workload) bool {
	return len(proxies) == 0 || slices.ContainsFunc(proxies, func(w *model.Workload) bool {
		return routes.ExportedTo(vs, w.Namespace, v.Mesh().DefaultVirtualServiceExportTo)
	})
}
