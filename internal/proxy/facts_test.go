package proxy_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/proxy"
)

// node is the part of a dump that says whose it is.
const node = `{"@type": "x.BootstrapConfigDump", "bootstrap": {"node": {"id": "sidecar~1.1.1.1~a.shop~x", "metadata": {"NAME": "a", "NAMESPACE": "shop"}}}}`

// inboundOf returns a dump whose listener for inbound connections has the filter chains.
func inboundOf(chains string) string {
	return `{"configs": [` + node + `, {"@type": "x.ListenersConfigDump", "dynamic_listeners": [{"name": "virtualInbound", "active_state": {"listener": {
		"traffic_direction": "INBOUND", "address": {"socket_address": {"port_value": 15006}}, "filter_chains": [` + chains + `]}}}]}]}`
}

func TestReadAccepts(t *testing.T) {
	const (
		mutual    = `{"filter_chain_match": {"destination_port": 80}, "transport_socket": {"typed_config": {"require_client_certificate": true}}}`
		oneWay    = `{"filter_chain_match": {"destination_port": 80}, "transport_socket": {"typed_config": {}}}`
		plaintext = `{"filter_chain_match": {"destination_port": 80}}`
		others    = `{"filter_chain_match": {}}`
		own       = `{"filter_chain_match": {"destination_port": 15006}}`
	)
	tests := map[string]struct {
		chains string
		want   map[int32]explain.Accepts
	}{
		"mutual TLS alone":                     {chains: mutual, want: map[int32]explain.Accepts{80: explain.AcceptsStrict}},
		"mutual TLS and plaintext":             {chains: mutual + "," + plaintext, want: map[int32]explain.Accepts{80: explain.AcceptsPermissive}},
		"plaintext alone":                      {chains: plaintext, want: map[int32]explain.Accepts{80: explain.AcceptsDisable}},
		"TLS without a client's certificate":   {chains: oneWay, want: map[int32]explain.Accepts{80: proxy.AcceptsOneWayTLS}},
		"a chain without a port is for all":    {chains: others, want: map[int32]explain.Accepts{0: explain.AcceptsDisable}},
		"the port of the listener is nobody's": {chains: own, want: map[int32]explain.Accepts{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			facts, err := proxy.Read([]byte(inboundOf(tc.chains)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, facts.Inbound); diff != "" {
				t.Errorf("inbound (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	secret := func(chain string) string {
		return `{"configs": [` + node + `, {"@type": "x.SecretsConfigDump", "dynamic_active_secrets": [{"name": "default", "secret": {
			"tls_certificate": {"certificate_chain": {"inline_bytes": "` + chain + `"}}}}]}]}`
	}
	for name, content := range map[string]string{
		"what is no JSON":               "apiVersion: v1",
		"a manifest":                    `{"apiVersion": "v1", "kind": "Pod"}`,
		"a dump of another Envoy":       `{"configs": [{"@type": "x.BootstrapConfigDump", "bootstrap": {"node": {"id": "x"}}}]}`,
		"a certificate that is none":    secret("bm9uZQ=="),
		"the dump of something cut off": inboundOf("")[:80],
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := proxy.Read([]byte(content)); !errors.Is(err, proxy.ErrNoDump) {
				t.Errorf("got %v, want %v", err, proxy.ErrNoDump)
			}
		})
	}
}
