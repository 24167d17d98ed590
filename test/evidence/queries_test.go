package evidence

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
)

var catalog = evidence.Target{
	Namespace: "shop", Workloads: []string{"catalog"},
	Pods:  []evidence.Pod{{Namespace: "shop", Name: "catalog-1", Proxy: evidence.Proxy{Namespace: "shop", Name: "catalog-1", IP: "10.0.0.1"}}},
	Ports: []evidence.Port{{Number: 8080, Protocol: "HTTP"}},
}

// series returns a line of promtool's notation for a call of catalog.
func series(metric, client, security, values string, more ...string) string {
	labels := append([]string{
		`reporter="destination"`, `destination_workload_namespace="shop"`, `destination_workload="catalog"`,
		fmt.Sprintf(`source_workload=%q`, client), `source_workload_namespace="shop"`, `request_protocol="http"`,
	}, more...)
	if security != "" {
		labels = append(labels, fmt.Sprintf(`connection_security_policy=%q`, security))
	}
	return fmt.Sprintf("  %s{%s} %s\n", metric, strings.Join(labels, ","), values)
}

const (
	requests = "istio_requests_total"
	opened   = "istio_tcp_connections_opened_total"
	closed   = "istio_tcp_connections_closed_total"
	messages = "istio_request_messages_total"
)

// proxies are what the proxies say of themselves, all along.
const proxies = `  istio_build{component="proxy",instance="10.0.0.1:15090",pod="catalog-1",namespace="shop"} 1x12000
`

// TestBirths is about series that are new in the window, as that of a client which calls once: increase() does not see them.
func TestBirths(t *testing.T) {
	t.Parallel()
	s, _ := start(t, "load 1m\n"+
		series(requests, "once", "none", "_x70 1x60", `pod="a"`)+
		series(requests, "job", "none", "_x80 3x9 stale", `pod="b"`)+
		series(requests, "short", "none", "_x82 2 stale", `pod="f"`)+
		series(requests, "old", "none", "5x130", `pod="c"`)+
		series(requests, "reset", "none", "4x99 1x30", `pod="d"`)+
		series(requests, "gap", "none", "5x53 _x5 5x60", `pod="e"`)+
		series(requests, "steady", "none", "0+1x130", `pod="g"`)+
		series(requests, "own", "unknown", "_x70 1x60", `pod="h"`, `other="x"`))
	at, window := epoch.Add(115*time.Minute), time.Hour
	tests := map[string]struct {
		query string
		want  map[string]float64
	}{
		"increase alone, as dashboards ask, misses whoever is new": {
			query: `sum by (source_workload) (increase(istio_requests_total{reporter="destination"}[1h])) > 0`,
			want:  map[string]float64{"reset": 1, "steady": 60},
		},
		"growth sees all that called in the window, and those alone": {
			query: "sum by (source_workload) (" + evidence.Growth(`istio_requests_total{reporter="destination"}`, window) + ")",
			want:  map[string]float64{"once": 1, "job": 3, "short": 2, "reset": 1, "steady": 60, "own": 1},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := s.evaluate(t, tc.query, at, "source_workload")
			for client, value := range got {
				got[client] = float64(int(value + 0.5))
			}
			if !maps.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// TestWeeklyClient is a client that calls once in seven days, by a pod of its own each time.
func TestWeeklyClient(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	s, source := start(t, "load 5m\n"+
		strings.ReplaceAll(proxies, "1x12000", "1x2500")+
		series(requests, "front", "mutual_tls", "0+10x2500")+
		series(requests, "settlement", "none", "_x1000 1x1500"))
	at := epoch.Add(week + 24*time.Hour)
	if got := s.evaluate(t, `increase(istio_requests_total{source_workload="settlement"}[7d]) > 0`, at, "source_workload"); len(got) > 0 {
		t.Fatalf("increase() alone found %v: then nothing is shown here", got)
	}
	got := source.Refusable(t.Context(), catalog, evidence.Last(week, at))
	if got.Outcome != evidence.Found || len(got.Refusable) != 1 || got.Refusable[0].Client.Name != "settlement" || got.Refusable[0].Count != 1 {
		t.Fatalf("got %+v, want one call of settlement", got)
	}
	called := epoch.Add(1000 * 5 * time.Minute)
	if seen := got.Refusable[0].LastSeen; seen.Before(called) || seen.After(called.Add(10*time.Minute)) {
		t.Errorf("got last seen %s, want within ten minutes from %s", seen, called)
	}
}
