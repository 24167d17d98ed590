package istio

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// TestInputOrder also holds the model to changing nothing that it is given.
func TestInputOrder(t *testing.T) {
	world := World{
		Mesh: mesh,
		PeerAuthentications: peers(peer("shop", "b", 1, strictMode).selecting(labels{"app": "web"}).port(8080, disableMode),
			peer("shop", "a", 1, disableMode).selecting(labels{"tier": "front"}), peer("shop", "ns", 3, permissiveMode)),
		DestinationRules: rules(rule("client", "c", 1, paymentsHost).tls(clientTLS(tlsSimple)).subset("v1", nil),
			rule("client", "a", 1, paymentsHost).subset("v1", nil).subset("v2", nil),
			rule("client", "b", 2, paymentsHost).exportTo(".").tls(clientTLS(tlsDisable)),
			rule("client", "d", 1, paymentsHost).selecting(labels{"app": "else"})),
		Gateways: []*istionetworkingv1.Gateway{gateway("b", 1, server(443, "HTTPS", "a.example")), gateway("a", 1, server(443, "TLS", "a.example")),
			gateway("c", 2, server(443, "HTTP", "a.example"))},
	}
	before := World{PeerAuthentications: copies(world.PeerAuthentications), DestinationRules: copies(world.DestinationRules),
		Gateways: copies(world.Gateways)}
	want := answers(world)
	for _, reversed := range []World{
		{Mesh: mesh, PeerAuthentications: backwards(world.PeerAuthentications), DestinationRules: world.DestinationRules, Gateways: world.Gateways},
		{Mesh: mesh, PeerAuthentications: world.PeerAuthentications, DestinationRules: backwards(world.DestinationRules), Gateways: world.Gateways},
		{Mesh: mesh, PeerAuthentications: world.PeerAuthentications, DestinationRules: world.DestinationRules, Gateways: backwards(world.Gateways)},
	} {
		if diff := cmp.Diff(want, answers(reversed), protocmp.Transform()); diff != "" {
			t.Errorf("in another order (-want +got):\n%s", diff)
		}
	}
	after := World{PeerAuthentications: world.PeerAuthentications, DestinationRules: world.DestinationRules, Gateways: world.Gateways}
	if diff := cmp.Diff(before, after, protocmp.Transform()); diff != "" {
		t.Errorf("the input changed (-before +after):\n%s", diff)
	}
}

// answers are one of each kind.
func answers(w World) []any {
	m := New(w)
	web := workload("shop", model.DataplaneSidecar, labels{"app": "web", "tier": "front"})
	to := Destination{Host: payments, Port: 80}
	return []any{m.Accept(web), m.Rule(caller, payments), m.Shadowed(caller, payments), m.Sends(caller, to),
		m.Verdict(Connection{Client: caller, To: to, Server: web, Port: 8080}),
		m.Listeners(workload("edge", model.DataplaneSidecar, labels{"istio": "ingress"}))}
}

func backwards[T any](objects []T) []T {
	reversed := slices.Clone(objects)
	slices.Reverse(reversed)
	return reversed
}

func copies[T interface {
	*istiosecurityv1.PeerAuthentication | *istionetworkingv1.DestinationRule | *istionetworkingv1.Gateway
	DeepCopy() T
}](objects []T) []T {
	var copied []T
	for _, object := range objects {
		copied = append(copied, object.DeepCopy())
	}
	return copied
}
