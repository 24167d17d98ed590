package istio

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meshtls/meshtls/internal/model"
)

func sprint(value any) string { return fmt.Sprint(value) }

// gateway of namespace edge for every gateway pod.
func gateway(name string, age int64, servers ...*networkingapi.Server) *istionetworkingv1.Gateway {
	g := &istionetworkingv1.Gateway{ObjectMeta: meta("edge", name, age)}
	for i, s := range servers {
		s.Port.Name = fmt.Sprintf("port-%d", i)
	}
	g.Spec.Servers = servers
	return g
}

func server(port uint32, protocol string, hosts ...string) *networkingapi.Server {
	s := &networkingapi.Server{Port: &networkingapi.Port{Number: port, Protocol: protocol}, Hosts: hosts}
	if protocol == "HTTPS" || protocol == "TLS" {
		s.Tls = &networkingapi.ServerTLSSettings{Mode: networkingapi.ServerTLSSettings_SIMPLE, CredentialName: "cert"}
	}
	return s
}

func at(bind string, s *networkingapi.Server) *networkingapi.Server {
	s.Bind = bind
	return s
}

func redirecting(s *networkingapi.Server) *networkingapi.Server {
	s.Tls = &networkingapi.ServerTLSSettings{HttpsRedirect: true}
	return s
}

// leadingTo returns a Service before the gateway that leads port 443 to another, made at that hour.
func leadingTo(target int32, name string, hour int) model.Service {
	return model.Service{
		Namespace: "edge", Name: name, Created: metav1.NewTime(time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)), Selector: labels{"istio": "ingress"},
		Ports: []model.ServicePort{{Port: 443, TargetPort: intstr.FromInt32(target)}},
	}
}

func TestListeners(t *testing.T) {
	selected := gateway("selected", 1, server(443, "HTTPS", "a.example"))
	selected.Spec.Selector = labels{"istio": "ingress"}
	others := gateway("others", 1, server(443, "HTTPS", "a.example"))
	others.Spec.Selector = labels{"istio": "egress"}
	edgeService := model.Service{Namespace: "edge", Name: "ingress", Selector: labels{"istio": "ingress"}, Ports: []model.ServicePort{
		{Port: 80, TargetPort: intstr.FromInt32(8080)}, {Port: 443, TargetPort: intstr.FromString("tls")},
	}}
	cases := map[string]struct {
		gateways []*istionetworkingv1.Gateway
		services []model.Service
		// want are the servers of each listener, wantDropped those left out, with the reason and what is in the way.
		want        map[string][]string
		wantDropped []string
	}{
		"a selector must hold for the pods, none holds for all": {
			gateways: []*istionetworkingv1.Gateway{selected, others, gateway("all", 1, server(80, "HTTP", "*"))},
			want:     map[string][]string{"0.0.0.0:443": {"selected/0"}, "0.0.0.0:80": {"all/0"}},
		},
		"a Service's port stands for the pods'": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(80, "HTTP", "*"), server(443, "HTTPS", "*"), server(9000, "TCP", "*"))},
			services: []model.Service{edgeService},
			want:     map[string][]string{"0.0.0.0:8080": {"g/0"}, "0.0.0.0:8443": {"g/1"}, "0.0.0.0:9000": {"g/2"}},
		},
		"of several Services the oldest leads to the pods' port, whatever its name": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(443, "HTTPS", "*"))},
			services: []model.Service{leadingTo(8443, "a", 2), leadingTo(10443, "b", 1)},
			want:     map[string][]string{"0.0.0.0:10443": {"g/0"}},
		},
		"of Services of the same age the first by host": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(443, "HTTPS", "*"))},
			services: []model.Service{leadingTo(8443, "a", 1), leadingTo(10443, "a-b", 1)},
			want:     map[string][]string{"0.0.0.0:10443": {"g/0"}},
		},
		"servers that end TLS share a port, by host": {
			gateways: []*istionetworkingv1.Gateway{gateway("young", 1, server(443, "TLS", "b.example")), gateway("old", 2, server(443, "HTTPS", "a.example"))},
			want:     map[string][]string{"0.0.0.0:443": {"old/0", "young/0"}},
		},
		"the second server of a host goes as a whole, the younger one's": {
			gateways: []*istionetworkingv1.Gateway{gateway("young", 1, server(443, "HTTPS", "a.example", "b.example")),
				gateway("old", 2, server(443, "HTTPS", "a.example"))},
			want:        map[string][]string{"0.0.0.0:443": {"old/0"}},
			wantDropped: []string{"young/0 Host a.example by old/0"},
		},
		"a wildcard and a name under it are two hosts, and so is a name for one namespace": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(443, "HTTPS", "*.example"), server(443, "HTTPS", "a.example"),
				server(443, "HTTPS", "./a.example"))},
			want: map[string][]string{"0.0.0.0:443": {"g/0", "g/1", "g/2"}},
		},
		"a name for all namespaces is the name": {
			gateways:    []*istionetworkingv1.Gateway{gateway("g", 1, server(443, "HTTPS", "a.example"), server(443, "HTTPS", "*/a.example"))},
			want:        map[string][]string{"0.0.0.0:443": {"g/0"}},
			wantDropped: []string{"g/1 Host a.example by g/0"},
		},
		"another bind is another listener": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(443, "HTTPS", "a.example"), at("10.0.0.1", server(443, "HTTPS", "a.example")))},
			want:     map[string][]string{"0.0.0.0:443": {"g/0"}, "10.0.0.1:443": {"g/1"}},
		},
		"gap in Istio: no bind and all addresses count as two, and are one to Envoy": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(443, "HTTPS", "a.example"), at("0.0.0.0", server(443, "HTTPS", "a.example")))},
			want:     map[string][]string{"0.0.0.0:443": {"g/0", "g/1"}},
		},
		"gap in Istio: only the last bind of a host is remembered": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(443, "HTTPS", "a.example"), at("10.0.0.1", server(443, "HTTPS", "a.example")),
				server(443, "HTTPS", "a.example"))},
			want: map[string][]string{"0.0.0.0:443": {"g/0", "g/2"}, "10.0.0.1:443": {"g/1"}},
		},
		"plain HTTP shares a port, whatever its version": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(80, "HTTP", "a.example"), server(80, "GRPC", "a.example"))},
			want:     map[string][]string{"0.0.0.0:80": {"g/0", "g/1"}},
		},
		"a redirect is a TLS setting when hosts are compared": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, redirecting(server(80, "HTTP", "a.example")), redirecting(server(80, "HTTP", "a.example")),
				server(80, "HTTP", "a.example"))},
			want:        map[string][]string{"0.0.0.0:80": {"g/0", "g/2"}},
			wantDropped: []string{"g/1 Host a.example by g/0"},
		},
		"TLS does not join plain HTTP, nor raw TCP anything": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(80, "HTTP", "*"), server(80, "HTTPS", "a.example"), server(81, "TCP", "*"),
				server(81, "TCP", "*"))},
			want:        map[string][]string{"0.0.0.0:80": {"g/0"}, "0.0.0.0:81": {"g/2"}},
			wantDropped: []string{"g/1 Protocol  by g/0", "g/3 Protocol  by g/2"},
		},
		"gap in Istio: plain HTTP joins TLS if it comes second": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(80, "HTTPS", "a.example"), server(80, "HTTP", "*"), server(80, "HTTPS", "b.example"))},
			want:     map[string][]string{"0.0.0.0:80": {"g/0", "g/1"}}, wantDropped: []string{"g/2 Protocol  by g/1"},
		},
		"the hosts of a dropped server are taken all the same": {
			gateways: []*istionetworkingv1.Gateway{gateway("g", 1, server(80, "HTTP", "*"), server(80, "HTTPS", "a.example"),
				redirecting(server(80, "HTTP", "a.example")))},
			want:        map[string][]string{"0.0.0.0:80": {"g/0"}},
			wantDropped: []string{"g/1 Protocol  by g/0", "g/2 Host a.example by g/1"},
		},
	}
	pod := workload("edge", model.DataplaneSidecar, labels{"istio": "ingress"})
	pod.Ports = []model.ContainerPort{{Name: "tls", Number: 8443}}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := New(World{Mesh: mesh, Gateways: tc.gateways, Services: tc.services}).Listeners(pod)
			listeners, dropped := map[string][]string{}, []string(nil)
			for _, l := range got.Listeners {
				for _, s := range l.Servers {
					place := fmt.Sprintf("%s:%d", l.Bind, l.Port)
					listeners[place] = append(listeners[place], fmt.Sprintf("%s/%d", s.Gateway.Name, s.Index))
				}
			}
			for _, d := range got.Dropped {
				dropped = append(dropped, fmt.Sprintf("%s/%d %s %s by %s/%d", d.Server.Gateway.Name, d.Server.Index, d.Reason, d.Host,
					d.By.Gateway.Name, d.By.Index))
			}
			if diff := cmp.Diff(tc.want, listeners); diff != "" {
				t.Errorf("listeners (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantDropped, dropped); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
		})
	}
}
