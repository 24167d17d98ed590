package istio

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

func TestSends(t *testing.T) {
	gateway := Client{Namespace: "client", Labels: labels{"app": "caller"}, Dataplane: model.DataplaneSidecar, Gateway: true}
	sidecar, bare := workload("shop", model.DataplaneSidecar, nil), workload("shop", model.DataplaneNone, nil)
	cases := map[string]struct {
		world  World
		client Client
		to     Destination
		want   meshtlsv1alpha1.SendMode
		// wantOrigin is empty where the case is not about it.
		wantOrigin string
	}{
		"nothing said: it depends on the endpoint": {want: meshtlsv1alpha1.SendAuto},
		"auto mTLS off": {
			world: World{Mesh: model.Mesh{RootNamespace: rootNamespace}},
			want:  meshtlsv1alpha1.SendDisable, wantOrigin: "Istio's default (enableAutoMtls in the mesh config)",
		},
		"outside the mesh": {
			to:   Destination{Host: model.Host{Name: "api.example", Namespace: "shop", External: true}},
			want: meshtlsv1alpha1.SendDisable,
		},
		"the destination's tls": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)))},
			want:  meshtlsv1alpha1.SendSimple, wantOrigin: "DestinationRule shop/r (spec.trafficPolicy.tls)",
		},
		"a tls block without a mode is plaintext": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(&networkingapi.ClientTLSSettings{}))},
			want:  meshtlsv1alpha1.SendDisable, wantOrigin: "DestinationRule shop/r (spec.trafficPolicy.tls)",
		},
		"a port's tls beats the destination's": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)).port(443, nil).
				port(80, clientTLS(tlsIstioMutual)))},
			want: meshtlsv1alpha1.SendIstioMutual, wantOrigin: "DestinationRule shop/r (spec.trafficPolicy.portLevelSettings[1].tls)",
		},
		"a port's settings without tls drop the destination's": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)).port(80, nil))},
			want:  meshtlsv1alpha1.SendAuto, wantOrigin: "DestinationRule shop/r (spec.trafficPolicy.portLevelSettings[0])",
		},
		"a subset without tls has the destination's": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)).
				subset("v1", &networkingapi.TrafficPolicy{LoadBalancer: balancer(networkingapi.LoadBalancerSettings_RANDOM)}))},
			to:   Destination{Subset: "v1"},
			want: meshtlsv1alpha1.SendSimple, wantOrigin: "DestinationRule shop/r (spec.trafficPolicy.tls)",
		},
		"a subset's tls beats the destination's port": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).port(80, clientTLS(tlsSimple)).
				subset("v1", &networkingapi.TrafficPolicy{Tls: clientTLS(tlsDisable)}))},
			to:   Destination{Subset: "v1"},
			want: meshtlsv1alpha1.SendDisable, wantOrigin: "DestinationRule shop/r (spec.subsets[0].trafficPolicy.tls)",
		},
		"a subset's settings for the port without tls drop everything": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)).
				subset("v1", &networkingapi.TrafficPolicy{Tls: clientTLS(tlsSimple),
					PortLevelSettings: []*networkingapi.TrafficPolicy_PortTrafficPolicy{portSettings(80, nil)}}))},
			to:   Destination{Subset: "v1"},
			want: meshtlsv1alpha1.SendAuto, wantOrigin: "DestinationRule shop/r (spec.subsets[0].trafficPolicy.portLevelSettings[0])",
		},
		"an unknown subset is nowhere": {to: Destination{Subset: "v1"}},
		"a credential without a workload selector is plaintext at a sidecar": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(withCredential(clientTLS(tlsSimple), "ca")))},
			want:  meshtlsv1alpha1.SendDisable, wantOrigin: "DestinationRule shop/r (spec.trafficPolicy.tls)",
		},
		"with one it is TLS": {
			world: World{DestinationRules: rules(rule("client", "r", 1, paymentsHost).selecting(labels{"app": "caller"}).
				tls(withCredential(clientTLS(tlsMutual), "ca")))},
			want: meshtlsv1alpha1.SendMutual,
		},
		"at a gateway it is TLS without one": {
			world:  World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(withCredential(clientTLS(tlsMutual), "ca")))},
			client: gateway, want: meshtlsv1alpha1.SendMutual,
		},
		"a CA from a ConfigMap is for everybody": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(withCredential(clientTLS(tlsSimple), "configmap://ca")))},
			want:  meshtlsv1alpha1.SendSimple,
		},
		"MUTUAL without a certificate is plaintext": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).tls(clientTLS(tlsMutual)))},
			want:  meshtlsv1alpha1.SendDisable,
		},
		"a namespace that disables mutual TLS": {
			world: World{PeerAuthentications: peers(peer("shop", "ns", 1, disableMode),
				peer("shop", "web", 1, strictMode).selecting(labels{"app": "payments"}))},
			want: meshtlsv1alpha1.SendDisable, wantOrigin: "PeerAuthentication shop/ns (spec.mtls.mode)",
		},
		"a headless host, all with a sidecar": {
			to:   Destination{Headless: true, Endpoints: []*model.Workload{sidecar, sidecar}},
			want: meshtlsv1alpha1.SendIstioMutual,
		},
		"a headless host, one without": {
			to:   Destination{Headless: true, Endpoints: []*model.Workload{sidecar, bare}},
			want: meshtlsv1alpha1.SendDisable,
		},
		"a headless host without endpoints": {
			to:   Destination{Headless: true},
			want: meshtlsv1alpha1.SendDisable,
		},
		"a gateway tells the endpoints of a headless host apart": {
			to:     Destination{Headless: true, Endpoints: []*model.Workload{sidecar}},
			client: gateway, want: meshtlsv1alpha1.SendAuto,
		},
		"a load balancer that passes through is like a headless host": {
			world: World{DestinationRules: rules(rule("shop", "r", 1, paymentsHost).balancer(networkingapi.LoadBalancerSettings_PASSTHROUGH))},
			to:    Destination{Endpoints: []*model.Workload{bare}},
			want:  meshtlsv1alpha1.SendDisable,
		},
		"a client without a proxy": {client: Client{Namespace: "client", Dataplane: model.DataplaneNone}, want: meshtlsv1alpha1.SendDisable},
		"a client behind ztunnel": {
			world:  World{DestinationRules: rules(rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsDisable)))},
			client: Client{Namespace: "client", Dataplane: model.DataplaneAmbient}, want: meshtlsv1alpha1.SendAuto,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.world.Mesh.RootNamespace == "" {
				tc.world.Mesh = mesh
			}
			if tc.client.Namespace == "" {
				tc.client = caller
			}
			if tc.to.Host.Name == "" {
				tc.to.Host = payments
			}
			tc.to.Port = 80
			got := New(tc.world).Sends(tc.client, tc.to)
			if got.Mode != tc.want {
				t.Errorf("mode: got %q, want %q (%s)", got.Mode, tc.want, got.Why)
			}
			if diff := cmp.Diff(tc.wantOrigin, got.Origin.String()); tc.wantOrigin != "" && diff != "" {
				t.Errorf("origin (-want +got):\n%s", diff)
			}
		})
	}
}
