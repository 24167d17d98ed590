package lint

import (
	"fmt"
	"iter"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayServer is a server of a Gateway, as it is written.
type gatewayServer struct {
	*networkingapi.Server
	gateway *istionetworkingv1.Gateway
	// index is its place in the spec.
	index int
}

// serversOf are the Gateway's servers that have a port: Istio skips others.
func serversOf(g *istionetworkingv1.Gateway) iter.Seq[gatewayServer] {
	return func(yield func(gatewayServer) bool) {
		for i, s := range g.Spec.Servers {
			if s.GetPort() != nil && !yield(gatewayServer{Server: s, gateway: g, index: i}) {
				return
			}
		}
	}
}

// servers are those of all Gateways.
func (v *view) servers() iter.Seq[gatewayServer] {
	return func(yield func(gatewayServer) bool) {
		for _, g := range v.Gateways {
			for s := range serversOf(g) {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// field is the path of the server, or of a field in it.
func (s gatewayServer) field(path string) string {
	return fmt.Sprintf("spec.servers[%d]%s", s.index, path)
}

// about is a finding about the server, or a field in it.
func (s gatewayServer) about(severity meshtlsv1alpha1.Severity, path string) model.Finding {
	return about(severity, model.KindGateway, s.gateway, s.field(path))
}

// place names the server beside another object.
func (s gatewayServer) place() string {
	return fmt.Sprintf("%s of %s", s.field(""), ref(model.KindGateway, s.gateway))
}

// passesThrough says whether the server leaves the TLS to those behind it.
func (s gatewayServer) passesThrough() bool {
	mode := s.GetTls().GetMode()
	return s.speaksTLS() &&
		(mode == networkingapi.ServerTLSSettings_PASSTHROUGH || mode == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH)
}

// endsTLS says whether the server ends TLS.
func (s gatewayServer) endsTLS() bool { return s.speaksTLS() && !s.passesThrough() }

// speaksTLS says whether clients use TLS, as they do not with a server that redirects.
func (s gatewayServer) speaksTLS() bool {
	return istio.KindOf(s.Port.Protocol, s.Tls != nil).Family == istio.FamilyTLS
}

// names are the server's hosts, without the namespaces they are for.
func (s gatewayServer) names() []string {
	names := make([]string, 0, len(s.Hosts))
	for _, host := range s.Hosts {
		names = append(names, istio.HostName(host))
	}
	return names
}

func keyOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}
