package evidence

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
)

// words returns what an observation says, for tables: a line for each call.
func words(o evidence.Observation) []string {
	lines := []string{string(o.Outcome)}
	for _, c := range o.Refusable {
		port := fmt.Sprint(c.Port)
		if c.Port == 0 {
			port = "one of " + fmt.Sprint(c.Candidates)
		}
		line := fmt.Sprintf("%s: %d %s at %s", c.Client, c.Count, c.Protocol, port)
		if c.Open {
			line += ", open"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines[1:])
	return lines
}

// TestRefusable gives written series to Prometheus' engine and asks the source.
func TestRefusable(t *testing.T) {
	t.Parallel()
	meshed := series(requests, "front", "mutual_tls", "0+9x130")
	twoPorts := catalog
	twoPorts.Ports = []evidence.Port{
		{Number: 8080, Protocol: "HTTP", Services: []string{"catalog"}}, {Number: 8081, Protocol: "HTTP", Services: []string{"catalog"}},
		{Number: 9000, Protocol: "TCP", Services: []string{"catalog"}}, {Number: 8082, Services: []string{"admin"}},
	}
	twoPods := catalog
	twoPods.Pods = append(slices.Clone(catalog.Pods), evidence.Pod{Namespace: "shop", Name: "catalog-2",
		Proxy: evidence.Proxy{Namespace: "shop", Name: "catalog-2", IP: "10.0.0.2"}})
	audited := twoPorts
	audited.Audited = true
	auditedLate := audited
	auditedLate.AuditedSince = epoch.Add(100 * time.Minute)
	tests := map[string]struct {
		series    string
		target    evidence.Target
		retention string
		want      []string
		wantDoubt string
		wantAudit []evidence.PortCount
	}{
		"all is mutual TLS": {series: proxies + meshed, want: []string{"Clean"}},
		"one request in plaintext, once": {
			series: proxies + meshed + series(requests, "batch", "none", "_x100 1x30"),
			want:   []string{"Found", "shop/batch: 1 http at 8080"},
		},
		"a client that the proxy does not know": {
			series: proxies + meshed + series(requests, "unknown", "none", "_x100 1x30"),
			want:   []string{"Found", "unknown: 1 http at 8080"},
		},
		"what ztunnel calls unknown is not mutual TLS": {
			series: proxies + meshed + ztunnel(opened, "bare", "_x100 2x30"),
			want:   []string{"Found", "shop/bare: 2 tcp at 8080"},
		},
		"what the client's own proxy says is no evidence": {
			series: proxies + meshed + strings.ReplaceAll(series(requests, "batch", "unknown", "0+5x130"), `"destination"`, `"source"`),
			want:   []string{"Clean"},
		},
		"calls of other workloads do not count": {
			series: proxies + meshed + strings.ReplaceAll(series(requests, "batch", "none", "0+5x130"), `"catalog"`, `"other"`),
			want:   []string{"Clean"},
		},
		"a client that fell silent before the window": {
			series: proxies + meshed + series(requests, "old", "none", "0+5x40 200x90"),
			want:   []string{"Clean"},
		},
		"a pool of connections from before the window that is idle": {
			series: proxies + meshed + tcp(opened, "none", "5x130") + tcp(closed, "none", "2x130"),
			want:   []string{"Found", "shop/pool: 1 tcp at 8080, open"},
		},
		"a pool of which none was ever closed": {
			series: proxies + meshed + tcp(opened, "none", "5x130"),
			want:   []string{"Found", "shop/pool: 1 tcp at 8080, open"},
		},
		"a pool that was closed": {
			series: proxies + meshed + tcp(opened, "none", "5x130") + tcp(closed, "none", "5x130"),
			want:   []string{"Clean"},
		},
		"a pool with mutual TLS": {
			series: proxies + meshed + tcp(opened, "mutual_tls", "5x130"),
			want:   []string{"Clean"},
		},
		"a gRPC stream that does not end": {
			series: proxies + meshed + series(messages, "watcher", "", "0+3x130", `source_principal="unknown"`),
			want:   []string{"Found", "shop/watcher: 1 http at 8080, open"},
		},
		"a gRPC stream with an identity": {
			series: proxies + meshed + series(messages, "watcher", "", "0+3x130", `source_principal="spiffe://cluster.local/ns/shop/sa/watcher"`),
			want:   []string{"Clean"},
		},
		"ports are told apart by protocol and Service": {
			series: proxies + meshed + series(requests, "a", "none", "_x100 1x30", `destination_service_name="catalog"`) +
				series(requests, "b", "none", "_x100 1x30", `destination_service_name="admin"`) +
				tcp(opened, "none", "_x100 1x30", `destination_service_name="catalog"`) + tcp(closed, "none", "_x100 1x30", `destination_service_name="catalog"`),
			target: twoPorts,
			want: []string{"Found", "shop/a: 1 http at one of [8080 8081]", "shop/b: 1 http at 8082",
				"shop/pool: 1 tcp at one of [8080 8081 9000]"},
		},
		"a port that a Telemetry adds decides": {
			series: proxies + meshed + series(requests, "a", "none", "_x100 1x30", `destination_service_name="catalog"`, `destination_port="8081"`),
			target: twoPorts,
			want:   []string{"Found", "shop/a: 1 http at 8081"},
		},
		"the audit policy counts by port": {
			series: proxies + meshed +
				audit("envoy_http_rbac", "denied", "0x90 3x40", `http_conn_manager_prefix="inbound_0.0.0.0_8080"`) +
				audit("envoy_http_rbac", "allowed", "0x90 2x40", `http_conn_manager_prefix="inbound_0.0.0.0_8080"`) +
				audit("envoy_http_rbac", "denied", "0x130", `http_conn_manager_prefix="inbound_0.0.0.0_8081"`) +
				audit("envoy_http_rbac", "allowed", "7x130", `http_conn_manager_prefix="inbound_0.0.0.0_8081"`) +
				audit("envoy_tcp", "denied", "0x90 5x40", `tcp_prefix="rbac.istio_dry_run_deny_"`),
			target:    audited,
			want:      []string{"Clean"},
			wantAudit: []evidence.PortCount{{Port: 0, Refusable: 5}, {Port: 8080, Refusable: 3, Mutual: 2}, {Port: 8081}},
		},
		"the audit policy tells the port": {
			series: proxies + meshed + series(requests, "a", "none", "_x100 1x30", `destination_service_name="catalog"`) +
				audit("envoy_http_rbac", "denied", "0x100 1x30", `http_conn_manager_prefix="inbound_0.0.0.0_8081"`),
			target:    audited,
			want:      []string{"Found", "shop/a: 1 http at 8081"},
			wantAudit: []evidence.PortCount{{Port: 8081, Refusable: 1}},
		},
		"an audit policy that came with the call does not": {
			series: proxies + meshed + series(requests, "a", "none", "_x100 1x30", `destination_service_name="catalog"`) +
				audit("envoy_http_rbac", "denied", "0x100 1x30", `http_conn_manager_prefix="inbound_0.0.0.0_8081"`),
			target:    auditedLate,
			want:      []string{"Found", "shop/a: 1 http at one of [8080 8081]"},
			wantAudit: []evidence.PortCount{{Port: 8081, Refusable: 1}},
		},
		"a pod that does not report": {
			series: proxies + meshed, target: twoPods, want: []string{"Unknown"},
			wantDoubt: "No metrics come from 1 of 2 ready pods with a proxy.",
		},
		"a pod that does not report, and a client all the same": {
			series: proxies + meshed + series(requests, "batch", "none", "_x100 1x30"), target: twoPods,
			want:      []string{"Found", "shop/batch: 1 http at 8080"},
			wantDoubt: "No metrics come from 1 of 2 ready pods with a proxy.",
		},
		"silence is no proof": {
			series: proxies, want: []string{"Unknown"},
			wantDoubt: "No call of the target is recorded in the window: nobody called, or Istio's metrics are off for it.",
		},
		"a label that was taken away": {
			series:    proxies + series(requests, "front", "", "0+9x130"),
			want:      []string{"Found", "shop/front: 540 http at 8080"},
			wantDoubt: "The metrics lack the label connection_security_policy: a Telemetry of Istio has taken it away.",
		},
		"an empty Prometheus": {
			series: `  up{job="x"} 1x130` + "\n", want: []string{"Unknown"}, wantDoubt: "it does not scrape them",
		},
		"a retention that is shorter than the window": {
			series: proxies + meshed, retention: "30m or 1GiB", want: []string{"Unknown"},
			wantDoubt: "Prometheus keeps series for 30m, and 1h are asked for: keep them longer, or ask for less.",
		},
		"a retention by size alone says nothing of time": {series: proxies + meshed, retention: "1GiB", want: []string{"Clean"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, source := start(t, "load 1m\n"+tc.series)
			if tc.retention != "" {
				s.retention = tc.retention
			}
			if tc.target.Namespace == "" {
				tc.target = catalog
			}
			got := source.Refusable(t.Context(), tc.target, evidence.Last(time.Hour, epoch.Add(2*time.Hour)))
			if !slices.Equal(words(got), tc.want) {
				t.Errorf("got %q, want %q; the doubt is %q", words(got), tc.want, got.Doubt)
			}
			if !strings.Contains(got.Doubt, tc.wantDoubt) || (got.Doubt == "") != (tc.wantDoubt == "") {
				t.Errorf("got the doubt %q, want %q", got.Doubt, tc.wantDoubt)
			}
			if !slices.Equal(got.Audit, tc.wantAudit) {
				t.Errorf("got the audit %+v, want %+v", got.Audit, tc.wantAudit)
			}
		})
	}
}

// tcp returns a series of connections of a pool.
func tcp(metric, security, values string, more ...string) string {
	return strings.ReplaceAll(series(metric, "pool", security, values, more...), `request_protocol="http"`, `request_protocol="tcp"`)
}

// ztunnel returns a series as ztunnel has it: a plaintext client is known by name, and its security is not.
func ztunnel(metric, client, values string) string {
	return strings.ReplaceAll(series(metric, client, "unknown", values, `response_flags="-"`, `source_principal="unknown"`),
		`request_protocol="http"`, `request_protocol="tcp"`) +
		strings.ReplaceAll(series(closed, client, "unknown", values, `response_flags="-"`, `source_principal="unknown"`),
			`request_protocol="http"`, `request_protocol="tcp"`)
}

func audit(metric, result, values, label string) string {
	return fmt.Sprintf("  %s{pod=\"catalog-1\",namespace=\"shop\",authz_dry_run_action=\"deny\",authz_dry_run_result=%q,%s} %s\n",
		metric, result, label, values)
}

// TestRefused asks for what Strict refused: ztunnel says it by client, sidecars where their statistics include it.
func TestRefused(t *testing.T) {
	t.Parallel()
	ambient := catalog
	ambient.Pods = []evidence.Pod{{Namespace: "shop", Name: "catalog-1", Proxy: evidence.Proxy{Name: "ztunnel-a", Ztunnel: true}}}
	const noChain = `  envoy_listener_no_filter_chain_match{listener_address="0.0.0.0_15006",kubernetes_pod_name="catalog-1"} `
	tests := map[string]struct {
		series      string
		target      evidence.Target
		wantVisible bool
		wantCount   int64
		wantClients []string
	}{
		"a sidecar that counts nothing": {series: proxies, target: catalog},
		"a sidecar that counts":         {series: noChain + "0x90 5x40\n", target: catalog, wantVisible: true, wantCount: 5},
		"a sidecar with nothing to count": {
			series: noChain + "0x130\n", target: catalog, wantVisible: true,
		},
		"what was refused before the window": {series: noChain + "0x20 5x110\n", target: catalog, wantVisible: true},
		"ztunnel": {
			series: strings.ReplaceAll(ztunnel(opened, "bare", "_x100 6x30"), `response_flags="-"`, `response_flags="DENY"`),
			target: ambient, wantVisible: true, wantCount: 6, wantClients: []string{"shop/bare"},
		},
		"ztunnel that refused nothing": {series: ztunnel(opened, "bare", "_x100 6x30"), target: ambient, wantVisible: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, source := start(t, "load 1m\n"+tc.series)
			got := source.Refused(t.Context(), tc.target, evidence.Last(time.Hour, epoch.Add(2*time.Hour)))
			var clients []string
			for _, c := range got.Calls {
				clients = append(clients, c.Client.String())
			}
			if got.Visible != tc.wantVisible || got.Count != tc.wantCount || !slices.Equal(clients, tc.wantClients) {
				t.Errorf("got %+v, want visible %t, %d of %v", got, tc.wantVisible, tc.wantCount, tc.wantClients)
			}
			if got.Visible != (got.Doubt == "") {
				t.Errorf("got the doubt %q with visible %t", got.Doubt, got.Visible)
			}
		})
	}
}

// TestBeginOfTheMetrics is about a Prometheus that is younger than the window.
func TestBeginOfTheMetrics(t *testing.T) {
	t.Parallel()
	late := strings.ReplaceAll(proxies, "1x12000", "_x90 1x40")
	_, source := start(t, "load 1m\n"+late+series(requests, "front", "mutual_tls", "_x90 0+9x40"))
	got := source.Refusable(t.Context(), catalog, evidence.Last(time.Hour, epoch.Add(2*time.Hour)))
	begin := epoch.Add(90 * time.Minute)
	if got.Outcome != evidence.Clean || got.Window.From.Before(begin) || got.Window.From.After(begin.Add(3*time.Minute)) {
		t.Errorf("got %s since %s, want Clean since about %s", got.Outcome, got.Window.From, begin)
	}
}

// TestEdges asks who calls whom.
func TestEdges(t *testing.T) {
	t.Parallel()
	_, source := start(t, "load 1m\n"+proxies+
		series(requests, "front", "mutual_tls", "0+9x130")+series(requests, "front", "none", "0+1x130")+
		series(requests, "batch", "none", "_x100 4x30")+series(requests, "web", "mutual_tls", "_x100 4x30")+
		tcp(opened, "mutual_tls", "0+2x130"))
	edges, err := source.Edges(t.Context(), evidence.Scope{Namespace: "shop"}, evidence.Last(time.Hour, epoch.Add(2*time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range edges {
		got = append(got, fmt.Sprintf("%s %s: %d of %d %s", e.Client, e.Protocol, e.MutualTLS, e.Total, e.Lock))
	}
	want := []string{"shop/batch http: 0 of 4 NotMutualTLS", "shop/front http: 540 of 600 Mixed",
		"shop/pool tcp: 120 of 120 AllMutualTLS", "shop/web http: 4 of 4 AllMutualTLS"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
