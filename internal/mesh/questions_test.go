package mesh_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// TestServicePorts: a port that is named leads to another number on each pod that declares the name otherwise.
func TestServicePorts(t *testing.T) {
	pod := func(name string, port int) string {
		return fmt.Sprintf("\n---\n{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: shop, labels: {app: web, pod: %s}}, "+
			"spec: {containers: [{name: app, ports: [{name: http, containerPort: %d}]}]}}", name, name, port)
	}
	v := view(t, `{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop},
 spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}, {name: admin, port: 81, targetPort: 9000}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: bank}, spec: {selector: {app: web}, ports: [{port: 80}]}}`+
		pod("old", 8080)+pod("new", 8081))
	var got []string
	for _, p := range v.ServicePorts(workload(t, v, "old"), workload(t, v, "new")) {
		var pods []string
		for _, w := range p.Pods {
			pods = append(pods, w.Example)
		}
		got = append(got, fmt.Sprintf("%s/%s:%d to %d at %v", p.Service.Namespace, p.Service.Name, p.Port, p.Target, pods))
	}
	want := []string{"shop/web:80 to 8080 at [old]", "shop/web:80 to 8081 at [new]", "shop/web:81 to 9000 at [old new]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}

// TestClients: one client stands for all that no DestinationRule tells apart.
func TestClients(t *testing.T) {
	selecting := "\n---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: web, namespace: shop}, " +
		"spec: {host: api, workloadSelector: {matchLabels: {app: web}}, trafficPolicy: {tls: {mode: DISABLE}}}}"
	tests := map[string]struct {
		world string
		want  []string
	}{
		"one for the sidecars of a namespace, one for its gateways, and none without a proxy": {
			world: shop + edge, want: []string{"edge/edge", "shop/api"},
		},
		"all of a namespace where a rule selects clients": {world: shop + selecting, want: []string{"shop/api", "shop/web"}},
		"of the others still one": {
			world: shop + selecting + edge + "---\n{apiVersion: v1, kind: Pod, metadata: {name: edge-2, namespace: edge, " +
				"labels: {istio: ingressgateway, more: than}}, spec: {containers: [{name: istio-proxy}]}}",
			want: []string{"edge/edge", "shop/api", "shop/web"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, w := range view(t, tc.world).Clients().All {
				got = append(got, w.Namespace+"/"+w.Example)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("clients (-want +got):\n%s", diff)
			}
		})
	}
}

// TestObstacles: who carries what is accepted, what is sent, and the servers of a Gateway.
func TestObstacles(t *testing.T) {
	tests := map[string]struct {
		pods                  *model.Workload
		accept, send, servers mesh.Obstacle
	}{
		"a sidecar": {pods: &model.Workload{Dataplane: model.DataplaneSidecar}, servers: mesh.NoGateway},
		"a gateway": {
			pods:   &model.Workload{Dataplane: model.DataplaneSidecar, Gateway: true},
			accept: mesh.GatewayServers,
		},
		"ztunnel": {
			pods: &model.Workload{Dataplane: model.DataplaneAmbient},
			send: mesh.Ztunnel, servers: mesh.NoGateway,
		},
		"nobody": {
			pods:   &model.Workload{Dataplane: model.DataplaneNone},
			accept: mesh.NoProxy, send: mesh.NoProxy, servers: mesh.NoProxy,
		},
		"a gRPC library": {
			pods:   &model.Workload{Dataplane: model.DataplaneProxyless},
			accept: mesh.Proxyless, send: mesh.Proxyless, servers: mesh.NoGateway,
		},
		"a waypoint": {
			pods:   &model.Workload{Dataplane: model.DataplaneWaypoint},
			accept: mesh.Waypoint, send: mesh.Waypoint, servers: mesh.NoGateway,
		},
		"a sidecar that is not in the way": {
			pods:   &model.Workload{Dataplane: model.DataplaneSidecar, Interception: model.InterceptionNone},
			accept: mesh.Uncaught, send: mesh.Uncaught, servers: mesh.NoGateway,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			want := []mesh.Obstacle{tc.accept, tc.send, tc.servers}
			got := []mesh.Obstacle{mesh.AcceptObstacle(tc.pods), mesh.SendObstacle(tc.pods), mesh.ServerObstacle(tc.pods)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("obstacles to accept, send and serve (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSameTLS compares what clients send by what Istio makes of the rules, not by their text.
func TestSameTLS(t *testing.T) {
	const simple = "{mode: SIMPLE, sni: api.example.com}"
	tests := map[string]struct {
		one, other string
		want       bool
	}{
		"for all ports, or for each": {
			one:   "{tls: " + simple + "}",
			other: "{portLevelSettings: [{port: {number: 80}, tls: " + simple + "}, {port: {number: 443}, tls: " + simple + "}]}",
			want:  true,
		},
		"for one port only": {one: "{tls: " + simple + "}", other: "{portLevelSettings: [{port: {number: 80}, tls: " + simple + "}]}"},
		"a port that nobody has": {
			one:   "{tls: " + simple + "}",
			other: "{tls: " + simple + ", portLevelSettings: [{port: {number: 81}, tls: {mode: DISABLE}}]}",
			want:  true,
		},
		"another server name": {one: "{tls: " + simple + "}", other: "{tls: {mode: SIMPLE, sni: other.example.com}}"},
		"what Istio chooses, and what is said": {
			one: "{connectionPool: {tcp: {maxConnections: 1}}}", other: "{tls: {mode: ISTIO_MUTUAL}}", want: true,
		},
		"mutual TLS, and plaintext": {one: "{tls: {mode: ISTIO_MUTUAL}}", other: "{tls: {mode: DISABLE}}"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			one, other := view(t, shop+rule("api", tc.one)), view(t, shop+rule("api", tc.other))
			client := istio.ClientOf(workload(t, one, "web"))
			d, _ := one.Declares("shop", "api.shop.svc.cluster.local", 80)
			if got := one.SameTLS(client, other, client, d); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}
