package gather_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/gather"
)

func TestSnapshotScraped(t *testing.T) {
	const asked = `prometheus.io/scrape: "true", prometheus.io/port: "8080"`
	tests := map[string]struct {
		annotations string
		want        int32
	}{
		"nothing is asked":                               {annotations: `sidecar.istio.io/status: "{}", prometheus.io/port: "8080"`},
		"asked not to":                                   {annotations: `sidecar.istio.io/status: "{}", prometheus.io/scrape: "false", prometheus.io/port: "8080"`},
		"the injector has left the port":                 {annotations: `sidecar.istio.io/status: "{}", ` + asked, want: 8080},
		"the injector may still lead it to the agent":    {annotations: asked},
		"the injector is to merge":                       {annotations: asked + `, prometheus.istio.io/merge-metrics: "true"`},
		"the injector is not to merge":                   {annotations: asked + `, prometheus.istio.io/merge-metrics: "false"`, want: 8080},
		"the injector has led it to the agent":           {annotations: `sidecar.istio.io/status: "{}", prometheus.io/scrape: "true", prometheus.io/port: "15020"`},
		"over TLS":                                       {annotations: `sidecar.istio.io/status: "{}", prometheus.io/scheme: https, ` + asked},
		"at what is no port":                             {annotations: `sidecar.istio.io/status: "{}", prometheus.io/scrape: "true", prometheus.io/port: "http"`},
		"at a port that there cannot be":                 {annotations: `sidecar.istio.io/status: "{}", prometheus.io/scrape: "true", prometheus.io/port: "70000"`},
		"asked, and the port's annotation left out":      {annotations: `sidecar.istio.io/status: "{}", prometheus.io/scrape: "true"`},
		"asked in a way that is neither true nor false":  {annotations: `sidecar.istio.io/status: "{}", prometheus.io/scrape: "maybe", prometheus.io/port: "8080"`},
		"told to merge in a way that is neither of both": {annotations: asked + `, prometheus.istio.io/merge-metrics: "maybe"`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			world := snapshot(t, pod("a", "annotations: {"+tc.annotations+"}", "{containers: [{name: app}, {name: istio-proxy}]}"))
			if got := world.Workloads[0].Scraped; got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestSnapshotUncaptured(t *testing.T) {
	const sidecar = "{containers: [{name: app, ports: [{containerPort: 8080}, {containerPort: 9090}]}, {name: istio-proxy}]}"
	tests := map[string]struct {
		annotations string
		spec        string
		want        []int32
	}{
		"nothing":                                {spec: sidecar},
		"excluded ports, each once and in order": {annotations: `traffic.sidecar.istio.io/excludeInboundPorts: "9091, 9090,9091"`, spec: sidecar, want: []int32{9090, 9091}},
		"all included but one":                   {annotations: `traffic.sidecar.istio.io/includeInboundPorts: "*", traffic.sidecar.istio.io/excludeInboundPorts: "9090"`, spec: sidecar, want: []int32{9090}},
		"some included": {
			annotations: `traffic.sidecar.istio.io/includeInboundPorts: "8080"`, spec: sidecar, want: []int32{9090},
		},
		"some included, and what is excluded does not count": {
			annotations: `traffic.sidecar.istio.io/includeInboundPorts: "8080,9090", traffic.sidecar.istio.io/excludeInboundPorts: "9090"`, spec: sidecar,
		},
		"none included": {annotations: `traffic.sidecar.istio.io/includeInboundPorts: ""`, spec: sidecar, want: []int32{8080, 9090}},
		"a pod without a proxy": {
			annotations: `traffic.sidecar.istio.io/excludeInboundPorts: "9090"`, spec: "{containers: [{name: app}]}",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			reader := world(t, pod("a", "annotations: {"+tc.annotations+"}", tc.spec))
			for _, s := range []struct {
				from string
				got  []int32
			}{
				{"the API server", snapshotOf(t, reader, "shop", gather.Options{}).Workloads[0].Uncaptured},
				{"a cache that trims", snapshotOf(t, trimming{reader}, "shop", gather.Options{}).Workloads[0].Uncaptured},
			} {
				if diff := cmp.Diff(tc.want, s.got); diff != "" {
					t.Errorf("from %s (-want +got):\n%s", s.from, diff)
				}
			}
		})
	}
}

func TestSnapshotServiceMute(t *testing.T) {
	got := snapshot(t, `
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop, annotations: {security.meshtls.dev/mute: "service-port-uncaptured"}}
spec: {ports: [{port: 80}]}
`).Services[0].Mute
	if want := "service-port-uncaptured"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
