package routes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio/routes"
)

func TestKindFor(t *testing.T) {
	t.Parallel()
	mode := func(mode networkingapi.ServerTLSSettings_TLSmode) *networkingapi.ServerTLSSettings {
		return &networkingapi.ServerTLSSettings{Mode: mode}
	}
	redirect := &networkingapi.ServerTLSSettings{HttpsRedirect: true}
	tests := map[string]struct {
		protocol string
		tls      *networkingapi.ServerTLSSettings
		want     routes.Kind
	}{
		"HTTP":                                {"HTTP", nil, routes.HTTP},
		"GRPC in small letters":               {"grpc", nil, routes.HTTP},
		"a redirect needs no routes":          {"HTTP", redirect, routes.None},
		"TCP":                                 {"TCP", nil, routes.TCP},
		"HTTPS that is ended":                 {"HTTPS", mode(networkingapi.ServerTLSSettings_SIMPLE), routes.HTTP},
		"TLS that is ended":                   {"TLS", mode(networkingapi.ServerTLSSettings_MUTUAL), routes.TCP},
		"TCP with TLS around":                 {"TCP", mode(networkingapi.ServerTLSSettings_SIMPLE), routes.TCP},
		"HTTPS that is passed through":        {"HTTPS", mode(networkingapi.ServerTLSSettings_PASSTHROUGH), routes.TLS},
		"TLS that is passed through":          {"TLS", mode(networkingapi.ServerTLSSettings_PASSTHROUGH), routes.TLS},
		"TLS that says itself where it is to": {"TLS", mode(networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH), routes.None},
		"HTTPS without settings":              {"HTTPS", nil, routes.None},
		"TLS without settings":                {"TLS", nil, routes.None},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &networkingapi.Server{Port: &networkingapi.Port{Number: 1, Protocol: tc.protocol}, Tls: tc.tls}
			if got := routes.KindFor(server); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestKindsFor(t *testing.T) {
	t.Parallel()
	for protocol, want := range map[string][]routes.Kind{
		"": {routes.HTTP, routes.TCP}, "HTTP2": {routes.HTTP}, "HTTPS": {routes.TLS}, "TLS": {routes.TLS}, "TCP": {routes.TCP}, "Mongo": {routes.TCP},
	} {
		if diff := cmp.Diff(want, routes.KindsFor(protocol)); diff != "" {
			t.Errorf("protocol %q (-want +got):\n%s", protocol, diff)
		}
	}
}
