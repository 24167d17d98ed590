package istio

import (
	"testing"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

func TestVerdict(t *testing.T) {
	ambientCaller := Client{Namespace: "client", Dataplane: model.DataplaneAmbient}
	bareCaller := Client{Namespace: "client", Dataplane: model.DataplaneNone}
	partner := Destination{Host: model.Host{Name: "api.partner.example", Namespace: "client", External: true}}
	cases := map[string]struct {
		world  World
		client Client
		to     Destination
		// server is the data plane of the server; empty: the server is none of the mesh.
		server   model.Dataplane
		want     Kind
		wantSent meshtlsv1alpha1.SendMode
	}{
		"two sidecars, nothing said":     {server: model.DataplaneSidecar, want: MutualTLS, wantSent: meshtlsv1alpha1.SendIstioMutual},
		"a server without a proxy":       {server: model.DataplaneNone, want: Plaintext, wantSent: meshtlsv1alpha1.SendDisable},
		"a client without a proxy":       {client: bareCaller, server: model.DataplaneSidecar, want: Plaintext, wantSent: meshtlsv1alpha1.SendDisable},
		"two without":                    {client: bareCaller, server: model.DataplaneNone, want: Plaintext, wantSent: meshtlsv1alpha1.SendDisable},
		"ztunnel on both sides":          {client: ambientCaller, server: model.DataplaneAmbient, want: MutualTLS, wantSent: meshtlsv1alpha1.SendIstioMutual},
		"ztunnel to a sidecar":           {client: ambientCaller, server: model.DataplaneSidecar, want: Plaintext, wantSent: meshtlsv1alpha1.SendDisable},
		"a sidecar to ztunnel":           {server: model.DataplaneAmbient, want: MutualTLS, wantSent: meshtlsv1alpha1.SendIstioMutual},
		"no proxy to ztunnel, not asked": {client: bareCaller, server: model.DataplaneAmbient, want: Plaintext, wantSent: meshtlsv1alpha1.SendDisable},
		"a client without a proxy, a STRICT server": {
			world:  World{PeerAuthentications: peers(peer("shop", "ns", 1, strictMode))},
			client: bareCaller, server: model.DataplaneSidecar, want: Refused, wantSent: meshtlsv1alpha1.SendDisable,
		},
		"a STRICT server and a client that is told DISABLE": {
			world: World{PeerAuthentications: peers(peer("shop", "ns", 1, strictMode)),
				DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsDisable)))},
			server: model.DataplaneSidecar, want: Refused, wantSent: meshtlsv1alpha1.SendDisable,
		},
		"DISABLE does not keep a sidecar from the tunnel": {
			world:  World{DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsDisable)))},
			server: model.DataplaneAmbient, want: MutualTLS, wantSent: meshtlsv1alpha1.SendIstioMutual,
		},
		"a server that disables it at the port, a client that decides by itself": {
			world: World{PeerAuthentications: peers(
				peer("shop", "web", 1, strictMode).selecting(labels{"app": "payments"}).port(8080, disableMode))},
			server: model.DataplaneSidecar, want: Plaintext, wantSent: meshtlsv1alpha1.SendDisable,
		},
		"a server that disables it, a client that insists": {
			world: World{PeerAuthentications: peers(peer("shop", "ns", 1, disableMode)),
				DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsIstioMutual)))},
			server: model.DataplaneSidecar, want: Refused, wantSent: meshtlsv1alpha1.SendIstioMutual,
		},
		"a server without a proxy, a client that insists": {
			world:  World{DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsIstioMutual)))},
			server: model.DataplaneNone, want: Refused, wantSent: meshtlsv1alpha1.SendIstioMutual,
		},
		"the two-level trap: a workload made STRICT in a namespace that disables": {
			world: World{PeerAuthentications: peers(peer("shop", "ns", 1, disableMode),
				peer("shop", "web", 1, strictMode).selecting(labels{"app": "payments"}))},
			server: model.DataplaneSidecar, want: Refused, wantSent: meshtlsv1alpha1.SendDisable,
		},
		"the same with a rule that insists": {
			world: World{PeerAuthentications: peers(peer("shop", "ns", 1, disableMode),
				peer("shop", "web", 1, strictMode).selecting(labels{"app": "payments"})),
				DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(clientTLS(tlsIstioMutual)))},
			server: model.DataplaneSidecar, want: MutualTLS, wantSent: meshtlsv1alpha1.SendIstioMutual,
		},
		// Found while reading mtls_checker.go: the cluster is left to auto mTLS, and its endpoints are marked as if it were not.
		"a port's settings without tls under SIMPLE: plaintext, not mutual TLS": {
			world:  World{DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)).port(80, nil))},
			server: model.DataplaneSidecar, want: Plaintext, wantSent: meshtlsv1alpha1.SendDisable,
		},
		"a port's settings without tls under ISTIO_MUTUAL: mutual TLS, though the server disables it": {
			world: World{PeerAuthentications: peers(peer("shop", "web", 1, disableMode).selecting(labels{"app": "payments"})),
				DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsIstioMutual)).port(80, nil))},
			server: model.DataplaneSidecar, want: Refused, wantSent: meshtlsv1alpha1.SendIstioMutual,
		},
		"SIMPLE to a STRICT server": {
			world: World{PeerAuthentications: peers(peer("shop", "ns", 1, strictMode)),
				DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)))},
			server: model.DataplaneSidecar, want: Refused, wantSent: meshtlsv1alpha1.SendSimple,
		},
		"SIMPLE to a PERMISSIVE server": {
			world:  World{DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)))},
			server: model.DataplaneSidecar, want: ServerTLS, wantSent: meshtlsv1alpha1.SendSimple,
		},
		"SIMPLE to a port declared HTTP": {
			world:  World{DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)))},
			to:     Destination{Host: payments, Protocol: "HTTP"},
			server: model.DataplaneSidecar, want: Refused, wantSent: meshtlsv1alpha1.SendSimple,
		},
		"SIMPLE through the tunnel": {
			world:  World{DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)))},
			server: model.DataplaneAmbient, want: MutualTLS, wantSent: meshtlsv1alpha1.SendSimple,
		},
		"SIMPLE to a port declared HTTPS": {
			world:  World{DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)))},
			to:     Destination{Host: payments, Protocol: "HTTPS"},
			server: model.DataplaneSidecar, want: DoubleTLS, wantSent: meshtlsv1alpha1.SendSimple,
		},
		"the mesh's mutual TLS around a port declared HTTPS is no fault": {
			to:     Destination{Host: payments, Protocol: "HTTPS"},
			server: model.DataplaneSidecar, want: MutualTLS, wantSent: meshtlsv1alpha1.SendIstioMutual,
		},
		"outside the mesh, nothing said": {to: partner, want: Plaintext, wantSent: meshtlsv1alpha1.SendDisable},
		"outside the mesh, SIMPLE": {
			world: World{DestinationRules: rules(rule("client", "r", 1, partner.Host.Name).tls(clientTLS(tlsSimple)))},
			to:    partner, want: ServerTLS, wantSent: meshtlsv1alpha1.SendSimple,
		},
		"outside the mesh, SIMPLE around HTTPS": {
			world: World{DestinationRules: rules(rule("client", "r", 1, partner.Host.Name).tls(clientTLS(tlsSimple)))},
			to:    Destination{Host: partner.Host, Protocol: "HTTPS"}, want: DoubleTLS, wantSent: meshtlsv1alpha1.SendSimple,
		},
		"outside the mesh, ISTIO_MUTUAL by a wildcard": {
			world: World{DestinationRules: rules(rule("client", "r", 1, "*").tls(clientTLS(tlsIstioMutual)))},
			to:    partner, want: Refused, wantSent: meshtlsv1alpha1.SendIstioMutual,
		},
		"an unknown subset": {
			to: Destination{Host: payments, Subset: "v1"}, server: model.DataplaneSidecar, want: Refused,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.world.Mesh = mesh
			connection := Connection{Client: tc.client, To: tc.to, Port: 8080}
			if tc.client.Namespace == "" {
				connection.Client = caller
			}
			if tc.to.Host.Name == "" {
				connection.To.Host = payments
			}
			connection.To.Port = 80
			if tc.server != "" {
				server := workload("shop", tc.server, labels{"app": "payments"})
				connection.Server = server
			}
			got := New(tc.world).Verdict(connection)
			if got.Kind != tc.want || got.Sent.Mode != tc.wantSent {
				t.Errorf("got %s, sending %s; want %s, sending %s (%s)", got.Kind, got.Sent.Mode, tc.want, tc.wantSent, got.Why)
			}
			if got.Why == "" || got.Why[len(got.Why)-1] != '.' {
				t.Errorf("why is no full sentence: %q", got.Why)
			}
		})
	}
}

func TestVerdictObjects(t *testing.T) {
	world := World{Mesh: mesh, PeerAuthentications: peers(peer("shop", "ns", 1, strictMode)),
		DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsDisable)))}
	server := workload("shop", model.DataplaneSidecar, nil)
	got := New(world).Verdict(Connection{Client: caller, To: Destination{Host: payments, Port: 80}, Server: server, Port: 8080})
	want := "[DestinationRule client/r PeerAuthentication shop/ns]"
	if text := sprint(got.Objects()); text != want {
		t.Errorf("got %s, want %s", text, want)
	}
}
