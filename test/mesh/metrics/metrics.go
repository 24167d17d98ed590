package metrics

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh"
)

// Require returns the program. Without it the test is left out, and fails where PROMETHEUS=required says that nothing may be.
func Require(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	switch {
	case err == nil:
	case os.Getenv("PROMETHEUS") == "required":
		t.Fatal("PROMETHEUS=required, and prometheus is not installed; in Debian it is in the package of this name")
	default:
		// The machine of the rollout is tested without it; what a real one says of real calls is not.
		t.Skip("not judged by packets. prometheus is not installed (in Debian: the package prometheus).")
	}
	return program
}

// standardMetrics makes Envoy count calls under Istio's names, with those of Istio's labels that it knows.
const standardMetrics = `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {namespace: istio-system, name: standard-metrics}
spec:
  configPatches:
  - applyTo: NETWORK_FILTER
    match: {context: SIDECAR_INBOUND, listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager}}}}
    patch:
      operation: MERGE
      value:
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          access_log: [` + "%s" + `]
  - applyTo: NETWORK_FILTER
    match: {context: SIDECAR_INBOUND, listener: {filterChain: {filter: {name: envoy.filters.network.tcp_proxy}}}}
    patch:
      operation: MERGE
      value:
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          access_log: [` + "%s" + `]
`

// Prefix is what Envoy puts before the names of the counters. A pod counts only with an annotation
// sidecar.istio.io/statsInclusionPrefixes that has it.
const Prefix = "std"

// PortLabel has calls counted by port, which Istio's own metrics do not do.
const PortLabel = "{name: destination_port, value_format: \"%DOWNSTREAM_LOCAL_PORT%\"}"

// counting returns an access logger that counts calls of a protocol under these names, with more labels.
func counting(protocol string, more []string, names ...string) string {
	tag := func(name, value string) string { return fmt.Sprintf("{name: %s, value_format: %q}", name, value) }
	tags := strings.Join(append([]string{
		tag("connection_security_policy", "%CEL(connection.mtls ? 'mutual_tls' : 'none')%"),
		tag("source_principal", "%CEL(connection.mtls ? connection.uri_san_peer_certificate : 'unknown')%"),
		tag("request_protocol", protocol),
	}, more...), ", ")
	var counters []string
	for _, name := range names {
		counters = append(counters, fmt.Sprintf("{stat: {name: %s, tags: [%s]}, value_fixed: 1}", name, tags))
	}
	return fmt.Sprintf(`{name: standard, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config, `+
		`stats_scope: {prefix: %s}, counters: [%s]}}`, Prefix, strings.Join(counters, ", "))
}

// Filter returns the EnvoyFilter by which the proxies of a mesh count calls, with more labels.
func Filter(more ...string) string {
	return fmt.Sprintf(standardMetrics, counting("http", more, "istio_requests_total"),
		counting("tcp", more, "istio_tcp_connections_opened_total", "istio_tcp_connections_closed_total"))
}

// scraping is Prometheus' configuration: what the proxies count gets Istio's names, and the labels that Istio's extension would add.
const scraping = `
global: {scrape_interval: 500ms, scrape_timeout: 450ms}
scrape_configs:
- job_name: proxies
  metrics_path: /stats/prometheus
  proxy_url: http://%s
  static_configs:%s
  metric_relabel_configs:
  - {source_labels: [__name__], regex: envoy_server_live, target_label: component, replacement: proxy}
  - {source_labels: [__name__], regex: envoy_server_live, target_label: __name__, replacement: istio_build}
  - {source_labels: [__name__], regex: 'envoy_` + Prefix + `_(istio_.+)', target_label: __name__, replacement: '$1'}
  - {source_labels: [__name__], regex: 'istio_.+|envoy_http_rbac|envoy_tcp', action: keep}
  - source_labels: [source_principal]
    regex: 'spiffe://[^/]+/ns/([^/]+)/sa/.+'
    target_label: source_workload_namespace
    replacement: '$1'
  - {source_labels: [source_principal], regex: 'spiffe://[^/]+/ns/[^/]+/sa/(.+)', target_label: source_workload, replacement: '$1'}
  - {source_labels: [source_principal], regex: unknown, target_label: source_workload, replacement: unknown}
  - {source_labels: [source_principal], regex: unknown, target_label: source_workload_namespace, replacement: unknown}
`

const scraped = `
  - targets: ["%s:15090"]
    labels: {namespace: %[2]s, pod: %[3]s, reporter: destination, destination_workload_namespace: %[2]s, destination_workload: %[3]s}`

// Start has a Prometheus on this machine scrape servers of the mesh, and returns its URL.
func Start(t testing.TB, m *mesh.Mesh, servers ...*mesh.Running) string {
	t.Helper()
	program := Require(t)
	way := relayTo(t, m)
	var targets strings.Builder
	for _, s := range servers {
		_, _ = fmt.Fprintf(&targets, scraped, s.IP, s.Namespace, s.Name)
	}
	folder := t.TempDir()
	config := filepath.Join(folder, "prometheus.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, scraping, way, targets.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	address := controlplane.FreeAddress(t)
	_, err := m.Plane.Run("prometheus", program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(folder, "data"),
		"--web.listen-address="+address, "--log.level=error")
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + address
}

// relayTo returns the address of an HTTP proxy into the network of the mesh.
func relayTo(t testing.TB, m *mesh.Mesh) string {
	t.Helper()
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {}, // the request names its server
		Transport: &http.Transport{DialContext: m.Dial},
		ErrorLog:  log.New(io.Discard, "", 0), // Prometheus tells what it could not read
	})
	t.Cleanup(proxy.Close)
	return proxy.Listener.Addr().String()
}
