package routes_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

func requests(matches ...*networkingapi.HTTPMatchRequest) *networkingapi.VirtualService {
	return &networkingapi.VirtualService{Http: []*networkingapi.HTTPRoute{{Match: matches}, {}, {}}}
}

func names(matches ...*networkingapi.TLSMatchAttributes) *networkingapi.VirtualService {
	return &networkingapi.VirtualService{Tls: []*networkingapi.TLSRoute{{Match: matches}, {Match: []*networkingapi.TLSMatchAttributes{{SniHosts: []string{"a.example"}}}}}}
}

func connections(matches ...*networkingapi.L4MatchAttributes) *networkingapi.VirtualService {
	return &networkingapi.VirtualService{Tcp: []*networkingapi.TCPRoute{{Match: matches}, {}}}
}

func TestTaking(t *testing.T) {
	t.Parallel()
	edge := types.NamespacedName{Namespace: "edge", Name: "gw"}
	web := &model.Workload{Namespace: "shop", Labels: map[string]string{"app": "web"}}
	other := map[string]string{"app": "other"}
	sidecar, gateway := routes.Call{Client: web, Host: "a.example", Port: 443}, routes.Call{Gateway: edge, Client: web, Port: 443}
	tests := map[string]struct {
		spec *networkingapi.VirtualService
		kind routes.Kind
		call routes.Call
		want []string
	}{
		"a route without a condition leaves nothing to others": {requests(), routes.HTTP, sidecar, []string{"spec.http[0]"}},
		"one with a condition does":                            {requests(&networkingapi.HTTPMatchRequest{}), routes.HTTP, sidecar, []string{"spec.http[0]", "spec.http[1]"}},
		"routes of another kind":                               {requests(), routes.TCP, sidecar, nil},
		"one of several conditions is enough": {
			requests(&networkingapi.HTTPMatchRequest{Port: 80}, &networkingapi.HTTPMatchRequest{Port: 443}), routes.HTTP, sidecar, []string{"spec.http[0]", "spec.http[1]"},
		},
		"another port":                    {requests(&networkingapi.HTTPMatchRequest{Port: 80}), routes.HTTP, sidecar, []string{"spec.http[1]"}},
		"any port, where none is asked":   {requests(&networkingapi.HTTPMatchRequest{Port: 80}), routes.HTTP, routes.Call{}, []string{"spec.http[0]", "spec.http[1]"}},
		"for gateways, and not a sidecar": {requests(&networkingapi.HTTPMatchRequest{Gateways: []string{"edge/gw"}}), routes.HTTP, sidecar, []string{"spec.http[1]"}},
		"for sidecars, and not a gateway": {requests(&networkingapi.HTTPMatchRequest{Gateways: []string{"mesh"}}), routes.HTTP, gateway, []string{"spec.http[1]"}},
		"for the gateway by its old name": {requests(&networkingapi.HTTPMatchRequest{Gateways: []string{"gw.edge"}}), routes.HTTP, gateway, []string{"spec.http[0]", "spec.http[1]"}},
		"requests of other clients":       {requests(&networkingapi.HTTPMatchRequest{SourceLabels: other}), routes.HTTP, sidecar, []string{"spec.http[1]"}},
		"requests of another namespace":   {requests(&networkingapi.HTTPMatchRequest{SourceNamespace: "bank"}), routes.HTTP, gateway, []string{"spec.http[1]"}},
		"of requests no source is asked where gateways are named": {
			requests(&networkingapi.HTTPMatchRequest{SourceLabels: other, Gateways: []string{"mesh"}}), routes.HTTP, sidecar, []string{"spec.http[0]", "spec.http[1]"},
		},
		"connections of other clients": {connections(&networkingapi.L4MatchAttributes{SourceLabels: other}), routes.TCP, sidecar, []string{"spec.tcp[1]"}},
		"also where gateways are named": {
			connections(&networkingapi.L4MatchAttributes{SourceLabels: other, Gateways: []string{"mesh"}}), routes.TCP, sidecar, []string{"spec.tcp[1]"},
		},
		"of connections through a gateway no source is asked": {
			connections(&networkingapi.L4MatchAttributes{SourceLabels: other, SourceNamespace: "bank"}), routes.TCP, gateway, []string{"spec.tcp[0]"},
		},
		"connections to some addresses leave others to the next route": {
			connections(&networkingapi.L4MatchAttributes{DestinationSubnets: []string{"10.0.0.0/8"}}), routes.TCP, sidecar, []string{"spec.tcp[0]", "spec.tcp[1]"},
		},
		"TLS without a condition goes nowhere": {names(), routes.TLS, sidecar, []string{"spec.tls[1]"}},
		"TLS for another name":                 {names(&networkingapi.TLSMatchAttributes{SniHosts: []string{"b.example"}}), routes.TLS, sidecar, []string{"spec.tls[1]"}},
		"TLS for a wildcard":                   {names(&networkingapi.TLSMatchAttributes{SniHosts: []string{"*.example"}}), routes.TLS, sidecar, []string{"spec.tls[0]", "spec.tls[1]"}},
		"a gateway takes TLS for any name":     {names(&networkingapi.TLSMatchAttributes{SniHosts: []string{"b.example"}}), routes.TLS, gateway, []string{"spec.tls[0]", "spec.tls[1]"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, route := range routes.Taking(virtualService("a", tc.spec), tc.kind, tc.call) {
				got = append(got, route.Field())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("routes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	to := func(host string) *networkingapi.Destination { return &networkingapi.Destination{Host: host} }
	all := routes.All(virtualService("a", &networkingapi.VirtualService{
		Tcp: []*networkingapi.TCPRoute{{Route: []*networkingapi.RouteDestination{{Destination: to("only")}}}},
		Tls: []*networkingapi.TLSRoute{{Route: []*networkingapi.RouteDestination{{Destination: to("db.bank"), Weight: 100}, {Destination: to("none")}}}},
		Http: []*networkingapi.HTTPRoute{{
			Route:  []*networkingapi.HTTPRouteDestination{{Destination: to("a"), Weight: 1}, {Destination: to("b"), Weight: 99}},
			Mirror: to("copy"), Mirrors: []*networkingapi.HTTPMirrorPolicy{{Destination: to("more")}},
		}},
	}))
	var got []string
	for _, route := range all {
		for _, target := range route.To {
			line := route.Field() + " " + route.Host(hosts.Default, target.GetDestination())
			if !route.Weighs(target) {
				line += " weighs nothing"
			}
			got = append(got, line)
		}
		for _, mirror := range route.Mirrors {
			got = append(got, route.Field()+" mirrors to "+route.Host(hosts.Default, mirror))
		}
	}
	want := []string{
		"spec.http[0] a.shop.svc.cluster.local", "spec.http[0] b.shop.svc.cluster.local",
		"spec.http[0] mirrors to copy.shop.svc.cluster.local", "spec.http[0] mirrors to more.shop.svc.cluster.local",
		"spec.tls[0] db.bank", "spec.tls[0] none.shop.svc.cluster.local weighs nothing",
		"spec.tcp[0] only.shop.svc.cluster.local",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("where the routes lead (-want +got):\n%s", diff)
	}
}

func TestRouting(t *testing.T) {
	t.Parallel()
	aged := func(name string, age int, spec *networkingapi.VirtualService) *istionetworkingv1.VirtualService {
		vs := virtualService(name, spec)
		vs.CreationTimestamp = metav1.NewTime(time.Unix(int64(1000-age), 0))
		return vs
	}
	of := func(hosts ...string) *networkingapi.VirtualService {
		return &networkingapi.VirtualService{Hosts: hosts}
	}
	all := []*istionetworkingv1.VirtualService{
		aged("all", 9, of("*")), aged("wild", 8, of("*.example")), aged("young", 1, of("a.example")), aged("old", 5, of("a.example")),
		aged("twin", 5, of("a.example", "cart")), aged("narrow", 0, of("*.b.example")),
		aged("gateways", 9, &networkingapi.VirtualService{Hosts: []string{"a.example"}, Gateways: []string{"gw"}}),
		aged("own", 9, &networkingapi.VirtualService{Hosts: []string{"a.example"}, ExportTo: []string{"."}}),
	}
	tests := map[string]struct{ called, client, want string }{
		"the host itself goes before wildcards, the oldest first": {"a.example", "bank", "old"},
		"what is for the own namespace alone is seen there":       {"a.example", "shop", "own"},
		"a longer wildcard is the narrower":                       {"x.b.example", "bank", "narrow"},
		"a wildcard":                                              {"c.example", "bank", "wild"},
		"a short name is a Service of the VirtualService's own":   {"cart.shop.svc.cluster.local", "bank", "twin"},
		"everything": {"other.test", "bank", "all"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := routes.Routing(hosts.Default, routes.InMesh(all, tc.client, nil), tc.called); len(got) == 0 || got[0].Name != tc.want {
				t.Errorf("routed by %v, want %s first", got, tc.want)
			}
		})
	}
	if got := routes.Routing(hosts.Default, routes.InMesh(all[1:], "bank", nil), "other.test"); len(got) > 0 {
		t.Errorf("a host of no VirtualService is routed by %v", got)
	}
}
