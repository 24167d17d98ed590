package apply

import (
	"strings"
	"testing"

	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

const (
	unset      = modeUnset
	disable    = modeDisable
	permissive = modePermissive
	strict     = modeStrict
)

type mode = acceptMode

// accepts builds the spec of a PeerAuthentication for app=a.
func accepts(workload mode, ports map[uint32]mode) *securityapi.PeerAuthentication {
	spec := &securityapi.PeerAuthentication{
		Selector: &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": "a"}},
		Mtls:     &securityapi.PeerAuthentication_MutualTLS{Mode: workload},
	}
	for port, m := range ports {
		if spec.PortLevelMtls == nil {
			spec.PortLevelMtls = map[uint32]*securityapi.PeerAuthentication_MutualTLS{}
		}
		spec.PortLevelMtls[port] = &securityapi.PeerAuthentication_MutualTLS{Mode: m}
	}
	return spec
}

// servesAt builds the spec of a Gateway with one server per TLS block, on ascending ports from 443.
func servesAt(blocks ...*networkingapi.ServerTLSSettings) *networkingapi.Gateway {
	spec := &networkingapi.Gateway{}
	for i, tls := range blocks {
		spec.Servers = append(spec.Servers, &networkingapi.Server{
			Port:  &networkingapi.Port{Number: uint32(443 + i)},
			Hosts: []string{"a.example"},
			Tls:   tls,
		})
	}
	return spec
}

func TestGatewayDirection(t *testing.T) {
	tls := func(m networkingapi.ServerTLSSettings_TLSmode) *networkingapi.ServerTLSSettings {
		return &networkingapi.ServerTLSSettings{Mode: m}
	}
	simple, client := tls(networkingapi.ServerTLSSettings_SIMPLE), tls(networkingapi.ServerTLSSettings_MUTUAL)
	optional, through := tls(networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL), tls(networkingapi.ServerTLSSettings_PASSTHROUGH)
	redirect := &networkingapi.ServerTLSSettings{HttpsRedirect: true}
	renewed := tls(networkingapi.ServerTLSSettings_SIMPLE)
	renewed.CredentialName = "renewed"

	tests := map[string]struct {
		before, after *networkingapi.Gateway
		want          direction
	}{
		"a new gateway":                        {nil, servesAt(simple), loosens},
		"a gateway goes":                       {servesAt(simple), nil, tightens},
		"a server more":                        {servesAt(simple), servesAt(simple, simple), loosens},
		"a server less":                        {servesAt(simple, simple), servesAt(simple), tightens},
		"plaintext to TLS":                     {servesAt(nil), servesAt(simple), tightens},
		"redirect to TLS":                      {servesAt(redirect), servesAt(simple), tightens},
		"TLS to plaintext":                     {servesAt(simple), servesAt(nil), loosens},
		"simple to optional client":            {servesAt(simple), servesAt(optional), tightens},
		"simple to mutual":                     {servesAt(simple), servesAt(client), tightens},
		"mutual to optional client":            {servesAt(client), servesAt(optional), loosens},
		"passthrough to terminated":            {servesAt(through), servesAt(simple), tightens},
		"one server loosens, another tightens": {servesAt(client, simple), servesAt(simple, client), tightens},
		"another certificate":                  {servesAt(simple), servesAt(renewed), tightens},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := gatewayDirection(tc.before, tc.after); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// order returns the names of the changes between two lists of objects; changes that may be made at the same time stand together.
func order(work Work) string {
	var words []string
	for _, batch := range turns(changes(work)) {
		var names []string
		for _, c := range batch {
			verb := "+"
			if c.want == nil {
				verb = "-"
			}
			names = append(names, verb+c.ref.Name)
		}
		words = append(words, strings.Join(names, " "))
	}
	return strings.Join(words, ", ")
}

func TestOrder(t *testing.T) {
	namespace := func(m mode) client.Object { return paFor("", m, ours("namespace", "n")) }
	to := func(host, name string, m networkingapi.ClientTLSSettings_TLSmode) *istionetworkingv1.DestinationRule {
		rule := dr(host, ours(name, name))
		rule.Spec.TrafficPolicy = &networkingapi.TrafficPolicy{Tls: &networkingapi.ClientTLSSettings{Mode: m}}
		rule.Spec.ExportTo = []string{"."}
		return rule
	}
	forWorkload := to("h", "workload", networkingapi.ClientTLSSettings_SIMPLE)
	forWorkload.Spec.WorkloadSelector = &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": "a"}}
	forWorkload.Spec.ExportTo = nil
	const off, simple = networkingapi.ClientTLSSettings_DISABLE, networkingapi.ClientTLSSettings_SIMPLE

	tests := map[string]struct {
		mesh       mode
		live, want []client.Object
		wantOrder  string
	}{
		"a workload is shielded before its namespace is loosened": {
			live:      []client.Object{namespace(strict)},
			want:      []client.Object{namespace(permissive), pa(strict, ours("w", "w"))},
			wantOrder: "+w, +namespace",
		},
		"a workload is shielded before its namespace accepts plaintext only": {
			live:      []client.Object{namespace(permissive)},
			want:      []client.Object{namespace(disable), pa(strict, ours("w", "w"))},
			wantOrder: "+w, +namespace",
		},
		"a workload is shielded before its namespace is set apart from a Strict mesh": {
			mesh:      strict,
			want:      []client.Object{namespace(permissive), pa(strict, ours("w", "w"))},
			wantOrder: "+w, +namespace",
		},
		"a namespace that gets Strict goes before a workload that begins to follow it": {
			live:      []client.Object{namespace(permissive), pa(strict, ours("w", "w"))},
			want:      []client.Object{namespace(strict), pa(unset, ours("w", "w"))},
			wantOrder: "+namespace, +w",
		},
		"an exception is made before the namespace is tightened": {
			live:      []client.Object{namespace(permissive)},
			want:      []client.Object{namespace(strict), pa(permissive, ours("w", "w"))},
			wantOrder: "+w, +namespace",
		},
		"a workload keeps what it has until the namespace has changed": {
			live:      []client.Object{namespace(permissive), pa(strict, ours("w", "w"))},
			want:      []client.Object{namespace(strict)},
			wantOrder: "+namespace, -w",
		},
		"of two scopes that go, the wider goes first": {
			mesh:      strict,
			live:      []client.Object{namespace(disable), pa(strict, ours("w", "w"))},
			wantOrder: "-namespace, -w",
		},
		"a namespace waits for a shield that has to wait for clients": {
			live: []client.Object{namespace(strict), paOf(unset, map[uint32]mode{8080: permissive}, ours("w", "w"))},
			want: []client.Object{
				namespace(permissive), paOf(strict, map[uint32]mode{8080: strict}, ours("w", "w")), to("h", "d", simple),
			},
			wantOrder: "+d, +w, +namespace",
		},
		"clients of a workload are shielded before those of the namespace send plaintext": {
			live:      []client.Object{to("h", "namespace", simple)},
			want:      []client.Object{to("h", "namespace", off), forWorkload},
			wantOrder: "+workload, +namespace",
		},
		"a host is shielded before the wildcard, and the longer wildcard before the shorter": {
			want:      []client.Object{to("*.example", "short", off), to("*.b.example", "long", off), to("a.b.example", "exact", simple)},
			wantOrder: "+exact, +long, +short",
		},
		"a wildcard's rule goes before that of its host": {
			live:      []client.Object{to("*.example", "wild", simple), to("a.example", "exact", simple)},
			wantOrder: "-wild, -exact",
		},
		"clients stop sending plaintext before their server is Strict": {
			live:      []client.Object{to("h", "d", off)},
			want:      []client.Object{pa(strict, ours("w", "w"))},
			wantOrder: "-d, +w",
		},
		"what covers other pods goes at the same time": {
			want:      []client.Object{pa(strict, ours("v", "v")), paFor("b", strict, ours("w", "w"))},
			wantOrder: "+v +w",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			mesh := paFor("", tc.mesh, ours("mesh"))
			got := order(Work{Live: objectsOf(tc.live...), Want: objectsOf(tc.want...), Mesh: []*istiosecurityv1.PeerAuthentication{mesh}})
			if got != tc.wantOrder {
				t.Errorf("got %s, want %s", got, tc.wantOrder)
			}
		})
	}
}

// paOf is one with port exceptions.
func paOf(workload mode, ports map[uint32]mode, meta metav1.ObjectMeta) *istiosecurityv1.PeerAuthentication {
	obj := &istiosecurityv1.PeerAuthentication{ObjectMeta: meta}
	accepts(workload, ports).DeepCopyInto(&obj.Spec)
	return obj
}
