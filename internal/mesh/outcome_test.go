package mesh_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/manifests"
)

// pods of namespace shop: web calls api, and legacy has no proxy.
const shop = `
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}},
 spec: {containers: [{name: app}, {name: istio-proxy}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: api, namespace: shop, labels: {app: api}},
 spec: {containers: [{name: app}, {name: istio-proxy}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: legacy, namespace: shop, labels: {app: legacy}}, spec: {containers: [{name: app}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: api, namespace: shop},
 spec: {selector: {app: api}, ports: [{name: http, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: legacy, namespace: shop},
 spec: {selector: {app: legacy}, ports: [{name: http, port: 80, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: nobody, namespace: shop},
 spec: {selector: {app: nobody}, ports: [{name: http, port: 80}]}}
`

// edge is a gateway's pod.
const edge = `
---
{apiVersion: v1, kind: Pod, metadata: {name: edge, namespace: edge, labels: {istio: ingressgateway}},
 spec: {containers: [{name: istio-proxy}]}}
`

// peers returns a document with the mode that the pods of namespace shop accept.
func peers(mode string) string {
	return "\n---\n{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: shop}, " +
		"spec: {mtls: {mode: " + mode + "}}}"
}

// rule returns a document with what clients of all namespaces send to a Service of namespace shop.
func rule(service, policy string) string {
	return "\n---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: " + service + ", namespace: shop}, " +
		"spec: {host: " + service + ".shop.svc.cluster.local, trafficPolicy: " + policy + "}}"
}

func view(t *testing.T, documents string) *mesh.View {
	t.Helper()
	return mesh.New(manifests.Read(t, time.Time{}, documents).Inventory, "")
}

func workload(t *testing.T, v *mesh.View, example string) *model.Workload {
	t.Helper()
	at := slices.IndexFunc(v.Workloads(), func(w *model.Workload) bool { return w.Example == example })
	if at < 0 {
		t.Fatalf("there is no pod %s", example)
	}
	return v.Workloads()[at]
}

// outcomes returns how calls end: where each goes, and how it ends at each server.
func outcomes(v *mesh.View, calls []mesh.Call) []string {
	var all []string
	for _, call := range calls {
		for _, o := range v.Outcomes(call) {
			server := "nobody"
			if o.Server != nil {
				server = o.Server.Example
			}
			all = append(all, fmt.Sprintf("%s:%d %s at %s", call.Host, call.Number, o.Kind, server))
		}
	}
	return all
}

// TestOutcomesOfSidecars follows a call of a Service's port, by the routes, to each server.
func TestOutcomesOfSidecars(t *testing.T) {
	const route = `
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: api, namespace: shop},
 spec: {hosts: [api.shop.svc.cluster.local], http: [{route: [
   {destination: {host: api.shop.svc.cluster.local}, weight: 90}, {destination: {host: legacy.shop.svc.cluster.local}, weight: 10}]}]}}`
	tests := map[string]struct {
		world, client, called string
		port                  int32
		want                  []string
	}{
		"Istio chooses mutual TLS between sidecars": {
			client: "web", called: "api", port: 80, want: []string{"api.shop.svc.cluster.local:80 MutualTLS at api"},
		},
		"and plaintext to a pod without a proxy": {
			client: "web", called: "legacy", port: 80, want: []string{"legacy.shop.svc.cluster.local:80 Plaintext at legacy"},
		},
		"a strict port refuses a client without a proxy": {
			world: peers("STRICT"), client: "legacy", called: "api", port: 80, want: []string{"api.shop.svc.cluster.local:80 Refused at api"},
		},
		"a strict port refuses the plaintext that a DestinationRule asks for": {
			world: peers("STRICT") + rule("api", "{tls: {mode: DISABLE}}"), client: "web", called: "api", port: 80,
			want: []string{"api.shop.svc.cluster.local:80 Refused at api"},
		},
		"a permissive one takes it": {
			world: peers("PERMISSIVE") + rule("api", "{tls: {mode: DISABLE}}"), client: "web", called: "api", port: 80,
			want: []string{"api.shop.svc.cluster.local:80 Plaintext at api"},
		},
		"a pod without a proxy cannot end the mesh's mutual TLS": {
			world: rule("legacy", "{tls: {mode: ISTIO_MUTUAL}}"), client: "web", called: "legacy", port: 80,
			want: []string{"legacy.shop.svc.cluster.local:80 Refused at legacy"},
		},
		"TLS around an application's own is one too many": {
			world: rule("api", "{tls: {mode: SIMPLE}}") + peers("DISABLE"), client: "web", called: "api", port: 443,
			want: []string{"api.shop.svc.cluster.local:443 DoubleTLS at api"},
		},
		"a Service without pods": {
			client: "web", called: "nobody", port: 80, want: []string{"nobody.shop.svc.cluster.local:80 NoEndpoints at nobody"},
		},
		"a route's destinations are judged each by itself": {
			world: route, client: "web", called: "api", port: 80,
			want: []string{"api.shop.svc.cluster.local:80 MutualTLS at api", "legacy.shop.svc.cluster.local:80 Plaintext at legacy"},
		},
		"a client without a proxy follows no route": {
			world: route, client: "legacy", called: "api", port: 80, want: []string{"api.shop.svc.cluster.local:80 Plaintext at api"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			v := view(t, shop+tc.world)
			d, port := v.Declares("shop", tc.called+".shop.svc.cluster.local", tc.port)
			if diff := cmp.Diff(tc.want, outcomes(v, v.CallsOf(workload(t, v, tc.client), d, port))); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOutcomesOfGateways looks at what a gateway's server leaves of the connection on the way to the next hop.
func TestOutcomesOfGateways(t *testing.T) {
	server := func(spec, route string) string {
		return edge + `---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: edge, namespace: edge},
 spec: {selector: {istio: ingressgateway}, servers: [` + spec + `]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: api, namespace: edge},
 spec: {hosts: [api.example.com], gateways: [edge], ` + route + `}}`
	}
	const (
		passing = "{hosts: [api.example.com], port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}}"
		ending  = "{hosts: [api.example.com], port: {number: 443, name: https, protocol: HTTPS}, " +
			"tls: {mode: SIMPLE, credentialName: api}}"
		tlsTo = "tls: [{match: [{sniHosts: [api.example.com]}], " +
			"route: [{destination: {host: api.shop.svc.cluster.local, port: {number: %d}}}]}]"
		httpTo = "http: [{route: [{destination: {host: api.shop.svc.cluster.local, port: {number: %d}}}]}]"
	)
	tests := map[string]struct {
		world string
		want  []string
	}{
		"requests are sent on with mutual TLS": {
			world: server(ending, fmt.Sprintf(httpTo, 80)), want: []string{"api.shop.svc.cluster.local:80 MutualTLS at api"},
		},
		"TLS that is passed through reaches the application inside mutual TLS": {
			world: server(passing, fmt.Sprintf(tlsTo, 443)), want: []string{"api.shop.svc.cluster.local:443 MutualTLS at api"},
		},
		"where the port is HTTP the sidecar cannot read it": {
			world: server(passing, fmt.Sprintf(tlsTo, 80)), want: []string{"api.shop.svc.cluster.local:80 Refused at api"},
		},
		"what is passed through and encrypted again is one too many": {
			world: server(passing, fmt.Sprintf(tlsTo, 443)) + rule("api", "{tls: {mode: SIMPLE}}") + peers("DISABLE"),
			want:  []string{"api.shop.svc.cluster.local:443 DoubleTLS at api"},
		},
		"an http route is none for TLS that is passed through": {world: server(passing, fmt.Sprintf(httpTo, 80))},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			v := view(t, shop+tc.world)
			if diff := cmp.Diff(tc.want, outcomes(v, v.GatewayCalls(workload(t, v, "edge")))); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
		})
	}
}
