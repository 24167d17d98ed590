package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

func tlsOf(mode networkingapi.ClientTLSSettings_TLSmode) *networkingapi.ClientTLSSettings {
	return &networkingapi.ClientTLSSettings{Mode: mode}
}

func balancer(simple networkingapi.LoadBalancerSettings_SimpleLB) *networkingapi.LoadBalancerSettings {
	return &networkingapi.LoadBalancerSettings{LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: simple}}
}

func onPort(number uint32, entry *portTrafficPolicy) *portTrafficPolicy {
	entry.Port = &networkingapi.PortSelector{Number: number}
	return entry
}

var (
	simple  = tlsOf(networkingapi.ClientTLSSettings_SIMPLE)
	mutual  = tlsOf(networkingapi.ClientTLSSettings_ISTIO_MUTUAL)
	disable = tlsOf(networkingapi.ClientTLSSettings_DISABLE)
	random  = balancer(networkingapi.LoadBalancerSettings_RANDOM)
	least   = balancer(networkingapi.LoadBalancerSettings_LEAST_REQUEST)
	pool    = &networkingapi.ConnectionPoolSettings{Tcp: &networkingapi.ConnectionPoolSettings_TCPSettings{MaxConnections: 7}}
)

func TestComposedTrafficPolicy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		base *trafficPolicy
		rule model.SendRule
		want *trafficPolicy
	}{
		"nothing on nothing is nothing": {},
		"a mode on nothing": {
			rule: model.SendRule{TLS: client(meshtlsv1alpha1.SendSimple)},
			want: &trafficPolicy{Tls: simple},
		},
		"the destination's other settings stay": {
			base: &trafficPolicy{LoadBalancer: random, ConnectionPool: pool, Tls: mutual},
			rule: model.SendRule{TLS: client(meshtlsv1alpha1.SendSimple)},
			want: &trafficPolicy{LoadBalancer: random, ConnectionPool: pool, Tls: simple},
		},
		"a port of the base gets the destination's TLS too, since without tls it would drop it": {
			base: &trafficPolicy{PortLevelSettings: []*portTrafficPolicy{onPort(80, &portTrafficPolicy{LoadBalancer: least})}},
			rule: model.SendRule{TLS: client(meshtlsv1alpha1.SendSimple)},
			want: &trafficPolicy{Tls: simple, PortLevelSettings: []*portTrafficPolicy{onPort(80, &portTrafficPolicy{LoadBalancer: least, Tls: simple})}},
		},
		"Auto takes the TLS out everywhere, and nothing else: an entry of the base still keeps the destination's settings from its port": {
			base: &trafficPolicy{LoadBalancer: random, Tls: simple, PortLevelSettings: []*portTrafficPolicy{
				onPort(80, &portTrafficPolicy{LoadBalancer: least, Tls: disable}), onPort(81, &portTrafficPolicy{Tls: disable}),
			}},
			rule: model.SendRule{TLS: client(meshtlsv1alpha1.SendAuto)},
			want: &trafficPolicy{LoadBalancer: random, PortLevelSettings: []*portTrafficPolicy{
				onPort(80, &portTrafficPolicy{LoadBalancer: least}), onPort(81, &portTrafficPolicy{LoadBalancer: unspecifiedLoadBalancer()}),
			}},
		},
		"a new port entry takes along what the destination had": {
			base: &trafficPolicy{LoadBalancer: random, ConnectionPool: pool, Tls: mutual},
			rule: model.SendRule{Ports: []model.PortTLS{{Port: 443, TLS: client(meshtlsv1alpha1.SendSimple)}}},
			want: &trafficPolicy{LoadBalancer: random, ConnectionPool: pool, Tls: mutual, PortLevelSettings: []*portTrafficPolicy{
				onPort(443, &portTrafficPolicy{LoadBalancer: random, ConnectionPool: pool, Tls: simple}),
			}},
		},
		"a port entry of the base keeps its own": {
			base: &trafficPolicy{LoadBalancer: random, PortLevelSettings: []*portTrafficPolicy{onPort(443, &portTrafficPolicy{LoadBalancer: least})}},
			rule: model.SendRule{Ports: []model.PortTLS{{Port: 443, TLS: client(meshtlsv1alpha1.SendSimple)}}},
			want: &trafficPolicy{LoadBalancer: random, PortLevelSettings: []*portTrafficPolicy{
				onPort(443, &portTrafficPolicy{LoadBalancer: least, Tls: simple}),
			}},
		},
		"a port left to Istio moves the destination's TLS to the other ports": {
			rule: model.SendRule{
				HostPorts: []int32{80, 443, 9000}, TLS: client(meshtlsv1alpha1.SendDisable),
				Ports: []model.PortTLS{{Port: 443, TLS: client(meshtlsv1alpha1.SendAuto)}},
			},
			want: &trafficPolicy{PortLevelSettings: []*portTrafficPolicy{
				onPort(80, &portTrafficPolicy{Tls: disable}), onPort(9000, &portTrafficPolicy{Tls: disable}),
			}},
		},
		"a port left to Istio keeps the rest of the destination's settings": {
			base: &trafficPolicy{LoadBalancer: random, Tls: simple},
			rule: model.SendRule{HostPorts: []int32{80, 443}, Ports: []model.PortTLS{{Port: 443, TLS: client(meshtlsv1alpha1.SendAuto)}}},
			want: &trafficPolicy{LoadBalancer: random, PortLevelSettings: []*portTrafficPolicy{
				onPort(80, &portTrafficPolicy{LoadBalancer: random, Tls: simple}), onPort(443, &portTrafficPolicy{LoadBalancer: random}),
			}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.rule.Base = &networkingapi.DestinationRule{TrafficPolicy: tc.base}
			before := proto.CloneOf(tc.rule.Base)
			got, _ := composed(&tc.rule)
			if diff := cmp.Diff(tc.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("trafficPolicy (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, tc.rule.Base, protocmp.Transform()); diff != "" {
				t.Errorf("the base was changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestComposedSubsets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		destination, subset, want *trafficPolicy
		rule                      model.SendRule
	}{
		"a subset without a policy inherits": {
			rule: model.SendRule{TLS: client(meshtlsv1alpha1.SendSimple)},
		},
		"a subset that does not speak of TLS inherits it": {
			subset: &trafficPolicy{LoadBalancer: least},
			rule:   model.SendRule{TLS: client(meshtlsv1alpha1.SendSimple)},
			want:   &trafficPolicy{LoadBalancer: least},
		},
		"a subset's own TLS is replaced": {
			subset: &trafficPolicy{LoadBalancer: least, Tls: disable},
			rule:   model.SendRule{TLS: client(meshtlsv1alpha1.SendSimple)},
			want:   &trafficPolicy{LoadBalancer: least, Tls: simple},
		},
		"a subset's port entry would drop the TLS, so it gets it": {
			subset: &trafficPolicy{PortLevelSettings: []*portTrafficPolicy{onPort(80, &portTrafficPolicy{LoadBalancer: least})}},
			rule:   model.SendRule{TLS: client(meshtlsv1alpha1.SendSimple)},
			want: &trafficPolicy{Tls: simple, PortLevelSettings: []*portTrafficPolicy{
				onPort(80, &portTrafficPolicy{LoadBalancer: least, Tls: simple}),
			}},
		},
		"a port of the rule goes below a subset's TLS, with what the destination had for the port": {
			destination: &trafficPolicy{ConnectionPool: pool, PortLevelSettings: []*portTrafficPolicy{onPort(443, &portTrafficPolicy{LoadBalancer: random})}},
			subset:      &trafficPolicy{Tls: mutual},
			rule:        model.SendRule{Ports: []model.PortTLS{{Port: 443, TLS: client(meshtlsv1alpha1.SendSimple)}}},
			want: &trafficPolicy{Tls: mutual, PortLevelSettings: []*portTrafficPolicy{
				onPort(443, &portTrafficPolicy{LoadBalancer: random, Tls: simple}),
			}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.rule.Base = &networkingapi.DestinationRule{
				TrafficPolicy: tc.destination, Subsets: []*networkingapi.Subset{{Name: "v1", TrafficPolicy: tc.subset}},
			}
			_, subsets := composed(&tc.rule)
			if diff := cmp.Diff(tc.want, subsets[0].TrafficPolicy, protocmp.Transform()); diff != "" {
				t.Errorf("the subset's trafficPolicy (-want +got):\n%s", diff)
			}
		})
	}
}

func client(mode meshtlsv1alpha1.SendMode) meshtlsv1alpha1.ClientTLS {
	return meshtlsv1alpha1.ClientTLS{Mode: mode}
}
