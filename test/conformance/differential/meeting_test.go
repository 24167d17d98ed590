package differential

import (
	"fmt"
	"testing"

	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"istio.io/istio/pilot/pkg/simulation"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// TestVerdictsAgreeWithSimulation sends plaintext, TLS and the mesh's mutual TLS to a server of each mode, at ports of each kind of
// protocol, through Istio's simulation of Envoy: what it does not let through, the verdict must call refused, and nothing else.
func TestVerdictsAgreeWithSimulation(t *testing.T) {
	for _, mode := range []securityapi.PeerAuthentication_MutualTLS_Mode{
		securityapi.PeerAuthentication_MutualTLS_DISABLE,
		securityapi.PeerAuthentication_MutualTLS_PERMISSIVE,
		securityapi.PeerAuthentication_MutualTLS_STRICT,
	} {
		w := meetingWorld(mode)
		number := startIstio(t, w)
		server := w.pods[0]
		envoy := oracle.ConfigurationOf(t, proxyOf(number, server.Workload, server.ip, false)).Envoy(t)
		for _, port := range w.services[0].ports {
			for sent, tls := range map[networkingapi.ClientTLSSettings_TLSmode]simulation.TLSMode{
				networkingapi.ClientTLSSettings_DISABLE:      simulation.Plaintext,
				networkingapi.ClientTLSSettings_SIMPLE:       simulation.TLS,
				networkingapi.ClientTLSSettings_ISTIO_MUTUAL: simulation.MTLS,
			} {
				t.Run(fmt.Sprintf("%s to %s at a port for %s", sent, mode, port.name), func(t *testing.T) {
					result := envoy.Run(simulation.Call{Address: server.ip, Port: int(port.target), Protocol: callProtocol(port.name), TLS: tls,
						HostHeader: "s0.a.svc.cluster.local", CallMode: simulation.CallModeInbound})
					verdict := meetingVerdict(w, sent, port)
					// Mutual TLS that a proxy hands on untouched is lost on the application.
					untouched := tls == simulation.MTLS && mode == securityapi.PeerAuthentication_MutualTLS_DISABLE
					want := result.Error != nil || untouched
					if got := verdict.Kind == istio.Refused; got != want {
						t.Errorf("refused: internal/istio says %t (%s), Istio's simulation says %t (%v)", got, verdict.Why, want, result.Error)
					}
				})
			}
		}
	}
}

func callProtocol(portName string) simulation.Protocol {
	if portName == "http" {
		return simulation.HTTP
	}
	return simulation.TCP
}

func meetingWorld(mode securityapi.PeerAuthentication_MutualTLS_Mode) world {
	peer := &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "all"}}
	peer.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: mode}
	w := world{
		objects: istio.World{Mesh: model.Mesh{RootNamespace: root, AutoMTLS: true},
			PeerAuthentications: []*istiosecurityv1.PeerAuthentication{peer}},
		services: []service{{namespace: "a", name: "s0", ports: []servicePort{
			{"http", 80, 8080}, {"tcp", 9000, 9000}, {"https", 443, 8443}, {"unknown", 7000, 7000},
		}}},
		gateway: pod{ip: "10.1.0.9", Workload: &model.Workload{Namespace: root, Example: "ingress"}},
	}
	w.pods = []pod{{ip: "10.1.0.1", service: "s0", Workload: &model.Workload{Namespace: "a", Example: "s0-0", Count: 1,
		Labels: map[string]string{"app": "s0", tlsModeLabel: "istio"}, Dataplane: model.DataplaneSidecar}}}
	return w
}

func meetingVerdict(w world, sent networkingapi.ClientTLSSettings_TLSmode, port servicePort) istio.Verdict {
	rule := &istionetworkingv1.DestinationRule{ObjectMeta: metav1.ObjectMeta{Namespace: "client", Name: "all"}}
	rule.Spec.Host = w.services[0].host().Name
	rule.Spec.TrafficPolicy = &networkingapi.TrafficPolicy{Tls: &networkingapi.ClientTLSSettings{Mode: sent}}
	w.objects.DestinationRules = []*istionetworkingv1.DestinationRule{rule}
	protocol := port.name
	if protocol == "unknown" {
		protocol = ""
	}
	return istio.New(w.objects).Verdict(istio.Connection{
		Client: istio.Client{Namespace: "client", Dataplane: model.DataplaneSidecar},
		To:     istio.Destination{Host: w.services[0].host(), Port: port.number, Protocol: protocol},
		Server: w.pods[0].Workload, Port: port.target,
	})
}
