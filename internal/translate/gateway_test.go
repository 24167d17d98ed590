package translate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayPolicy returns a policy of namespace edge for the pods of the gateway "in"; the seconds are its age's inverse.
func gatewayPolicy(name string, second int64, spec meshtlsv1alpha1.MeshTLSPolicySpec) *meshtlsv1alpha1.MeshTLSPolicy {
	if spec.Gateway == nil && spec.Workload == nil {
		spec.Gateway = gatewayLabels("in")
	}
	return &meshtlsv1alpha1.MeshTLSPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "edge", Name: name, CreationTimestamp: metav1.Time{Time: time.Unix(second, 0)}},
		Spec:       spec,
	}
}

func gatewayLabels(value string) *meshtlsv1alpha1.Target {
	return &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: map[string]string{"gw": value}}}
}

func inRevision(p *meshtlsv1alpha1.MeshTLSPolicy, revision string) *meshtlsv1alpha1.MeshTLSPolicy {
	p.Labels = map[string]string{meshtlsv1alpha1.LabelRevision: revision}
	return p
}

func onPort(port int32, hosts ...string) meshtlsv1alpha1.GatewayServer {
	return meshtlsv1alpha1.GatewayServer{Port: port, Hosts: hosts}
}

func terminating(servers ...meshtlsv1alpha1.GatewayServer) meshtlsv1alpha1.MeshTLSPolicySpec {
	var spec meshtlsv1alpha1.MeshTLSPolicySpec
	for _, s := range servers {
		spec.Terminate = append(spec.Terminate, meshtlsv1alpha1.Terminate{GatewayServer: s, CredentialName: "c"})
	}
	return spec
}

func passingThrough(servers ...meshtlsv1alpha1.GatewayServer) meshtlsv1alpha1.MeshTLSPolicySpec {
	var spec meshtlsv1alpha1.MeshTLSPolicySpec
	for _, s := range servers {
		spec.Passthrough = append(spec.Passthrough, meshtlsv1alpha1.Passthrough{GatewayServer: s})
	}
	return spec
}

func inPlaintext(protocol meshtlsv1alpha1.PlaintextProtocol, servers ...meshtlsv1alpha1.GatewayServer) meshtlsv1alpha1.MeshTLSPolicySpec {
	var spec meshtlsv1alpha1.MeshTLSPolicySpec
	for _, s := range servers {
		spec.Plaintext = append(spec.Plaintext, meshtlsv1alpha1.Plaintext{GatewayServer: s, Protocol: protocol})
	}
	return spec
}

func redirecting(servers ...meshtlsv1alpha1.GatewayServer) meshtlsv1alpha1.MeshTLSPolicySpec {
	spec := inPlaintext(meshtlsv1alpha1.PlaintextHTTP, servers...)
	for i := range spec.Plaintext {
		spec.Plaintext[i].RedirectToHTTPS = true
	}
	return spec
}

func gatewayPod(namespace, name, gw string) *model.Workload {
	return &model.Workload{Namespace: namespace, Example: name, Count: 1, Labels: map[string]string{"gw": gw, "pod": name}}
}

// edgeWorld returns a namespace edge with one gateway pod "in" and one "out".
func edgeWorld(policies ...*meshtlsv1alpha1.MeshTLSPolicy) model.Snapshot {
	return model.Snapshot{
		Namespace: "edge",
		Policies:  policies,
		Inventory: model.Inventory{
			Mesh:      model.Mesh{RootNamespace: "istio-system"},
			Workloads: []*model.Workload{gatewayPod("edge", "in-1", "in"), gatewayPod("edge", "out-1", "out")},
		},
	}
}

// planned plans the gateways of the snapshot.
func planned(s model.Snapshot) gatewayPlan {
	m := indexed{Snapshot: s, views: mesh.NewViews(s.Inventory)}
	return gateways(m, withTargets(m))
}

// lostFields lists the entries that are not accepted, as policy: field check, in order of precedence.
func lostFields(outcomes []entryOutcome) []string {
	var lost []string
	for _, e := range outcomes {
		for _, f := range e.findings {
			if !e.accepted {
				lost = append(lost, fmt.Sprintf("%s: %s %s", e.policy.Name, f.Field, f.Check))
			}
		}
	}
	return lost
}

// rivalry is an older and a younger policy for the same pods, and what the younger loses.
type rivalry struct {
	older, younger meshtlsv1alpha1.MeshTLSPolicySpec
	want           []string
}

func (r rivalry) check(t *testing.T) {
	t.Helper()
	s := edgeWorld(gatewayPolicy("young", 2, r.younger), gatewayPolicy("old", 1, r.older))
	entries := planned(s).outcomes
	if diff := cmp.Diff(r.want, lostFields(entries)); diff != "" {
		t.Errorf("lost entries (-want +got):\n%s", diff)
	}
}

func TestGatewaysHostConflicts(t *testing.T) {
	bound := meshtlsv1alpha1.GatewayServer{Port: 443, Bind: "10.0.0.1", Hosts: []string{"a.example"}}
	tests := map[string]rivalry{
		"the same host on one port: the older terminates it": {
			older: terminating(onPort(443, "a.example")), younger: terminating(onPort(443, "b.example", "a.example")),
			want: []string{"young: spec.terminate[0].hosts gateway-host-conflict"},
		},
		"only the server with the host falls": {
			older: terminating(onPort(443, "a.example")), younger: terminating(onPort(443, "b.example"), onPort(443, "a.example")),
			want: []string{"young: spec.terminate[1].hosts gateway-host-conflict"},
		},
		"another host on the port":         {older: terminating(onPort(443, "a.example")), younger: terminating(onPort(443, "b.example"))},
		"the host on another port":         {older: terminating(onPort(443, "a.example")), younger: terminating(onPort(8443, "a.example"))},
		"the host on another bind":         {older: terminating(onPort(443, "a.example")), younger: terminating(bound)},
		"a wildcard over the host":         {older: terminating(onPort(443, "a.example")), younger: terminating(onPort(443, "*.example"))},
		"a host of everybody, spelled */":  {older: terminating(onPort(443, "a.example")), younger: terminating(onPort(443, "*/a.example")), want: []string{"young: spec.terminate[0].hosts gateway-host-conflict"}},
		"one SNI, whoever may bind":        {older: terminating(onPort(443, "shop/a.example")), younger: terminating(onPort(443, "a.example")), want: []string{"young: spec.terminate[0].hosts gateway-host-conflict"}},
		"passed through and terminated":    {older: passingThrough(onPort(443, "shop/a.example")), younger: terminating(onPort(443, "a.example")), want: []string{"young: spec.terminate[0].hosts gateway-host-conflict"}},
		"passed through to two namespaces": {older: passingThrough(onPort(443, "shop/a.example")), younger: passingThrough(onPort(443, "bank/a.example"))},
		"passed through to the own namespace, spelled in two ways": {
			older: passingThrough(onPort(443, "./a.example")), younger: passingThrough(onPort(443, "edge/a.example")),
			want: []string{"young: spec.passthrough[0].hosts gateway-host-conflict"},
		},
		"all addresses, spelled in two ways": {
			older:   terminating(onPort(443, "a.example")),
			younger: terminating(meshtlsv1alpha1.GatewayServer{Port: 443, Bind: "0.0.0.0", Hosts: []string{"a.example"}}),
			want:    []string{"young: spec.terminate[0].hosts gateway-host-conflict"},
		},
		"all addresses, of IPv6": {
			older:   terminating(onPort(443, "a.example")),
			younger: terminating(meshtlsv1alpha1.GatewayServer{Port: 443, Bind: "::", Hosts: []string{"a.example"}}),
			want:    []string{"young: spec.terminate[0].hosts gateway-host-conflict"},
		},
		"twice in one policy": {
			younger: terminating(onPort(443, "a.example"), onPort(443, "a.example")),
			want:    []string{"young: spec.terminate[1].hosts gateway-host-conflict"},
		},
	}
	for name, tc := range tests {
		t.Run(name, tc.check)
	}
}

func TestGatewaysProtocolConflicts(t *testing.T) {
	http, tcp := meshtlsv1alpha1.PlaintextHTTP, meshtlsv1alpha1.PlaintextTCP
	tests := map[string]rivalry{
		"plaintext HTTP merges": {older: inPlaintext(http, onPort(80, "a.example")), younger: inPlaintext("GRPC", onPort(80, "a.example"))},
		"plaintext on a port with TLS": {
			older: terminating(onPort(443, "a.example")), younger: inPlaintext(http, onPort(443, "b.example")),
			want: []string{"young: spec.plaintext[0].port gateway-protocol-conflict"},
		},
		"TLS on a port with plaintext": {
			older: inPlaintext(http, onPort(80, "a.example")), younger: passingThrough(onPort(80, "b.example")),
			want: []string{"young: spec.passthrough[0].port gateway-protocol-conflict"},
		},
		"raw TCP twice": {
			older: inPlaintext(tcp, onPort(3306, "a.example")), younger: inPlaintext("MONGO", onPort(3306, "b.example")),
			want: []string{"young: spec.plaintext[0].port gateway-protocol-conflict"},
		},
		"a redirect for a host that is served without one": {
			older: inPlaintext(http, onPort(80, "a.example")), younger: redirecting(onPort(80, "a.example")),
			want: []string{"young: spec.plaintext[0].hosts gateway-redirect-conflict"},
		},
		"plaintext for a host that is redirected": {
			older: redirecting(onPort(80, "a.example")), younger: inPlaintext(http, onPort(80, "a.example")),
			want: []string{"young: spec.plaintext[0].hosts gateway-redirect-conflict"},
		},
		"a redirect twice is a TLS setting twice": {
			older: redirecting(onPort(80, "a.example")), younger: redirecting(onPort(80, "a.example")),
			want: []string{"young: spec.plaintext[0].hosts gateway-host-conflict"},
		},
	}
	for name, tc := range tests {
		t.Run(name, tc.check)
	}
}

func TestGatewaysCompeteWhereTheyMeet(t *testing.T) {
	server := terminating(onPort(443, "a.example"))
	at := func(target *meshtlsv1alpha1.Target) meshtlsv1alpha1.MeshTLSPolicySpec {
		spec := server
		spec.Gateway = target
		return spec
	}
	onePod := &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: map[string]string{"pod": "in-1"}}}
	tests := map[string]struct {
		old, young *meshtlsv1alpha1.MeshTLSPolicy
		elsewhere  []*model.Workload
		want       []string
	}{
		"other pods": {old: gatewayPolicy("old", 1, at(gatewayLabels("in"))), young: gatewayPolicy("young", 2, at(gatewayLabels("out")))},
		"other labels of the same pod": {
			old: gatewayPolicy("old", 1, at(gatewayLabels("in"))), young: gatewayPolicy("young", 2, at(onePod)),
			want: []string{"young: spec.terminate[0].hosts gateway-host-conflict"},
		},
		"a pod of another namespace": {
			old: gatewayPolicy("old", 1, at(gatewayLabels("far"))),
			young: gatewayPolicy("young", 2, at(&meshtlsv1alpha1.Target{
				Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: map[string]string{"pod": "far-1"}},
			})),
			elsewhere: []*model.Workload{gatewayPod("far", "far-1", "far")},
			want:      []string{"young: spec.terminate[0].hosts gateway-host-conflict"},
		},
		"the same labels, no pod yet": {
			old: gatewayPolicy("old", 1, at(gatewayLabels("none"))), young: gatewayPolicy("young", 2, at(gatewayLabels("none"))),
			want: []string{
				"young: spec.terminate[0].hosts gateway-host-conflict",
			},
		},
		"other labels, no pod yet": {
			old: gatewayPolicy("old", 1, at(gatewayLabels("none"))), young: gatewayPolicy("young", 2, at(gatewayLabels("nobody"))),
		},
		"other revisions": {
			old: inRevision(gatewayPolicy("old", 1, server), "1-30"), young: inRevision(gatewayPolicy("young", 2, server), "1-31"),
		},
		"a revision, and a policy that every revision reads": {
			old: inRevision(gatewayPolicy("old", 1, server), "1-30"), young: gatewayPolicy("young", 2, server),
			want: []string{"young: spec.terminate[0].hosts gateway-host-conflict"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := edgeWorld(tc.young, tc.old)
			s.Workloads = append(s.Workloads, tc.elsewhere...)
			entries := planned(s).outcomes
			if diff := cmp.Diff(tc.want, lostFields(entries)); diff != "" {
				t.Errorf("lost entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGatewaysRule(t *testing.T) {
	spec := terminating(onPort(8443, "a.example"), onPort(443, "a.example"), onPort(443, "b.example"))
	spec.Terminate[0].Protocol = meshtlsv1alpha1.TerminateTLS
	spec.Passthrough = passingThrough(onPort(8443, "c.example")).Passthrough
	spec.Plaintext = inPlaintext("GRPC-WEB", onPort(80, "a.example"), onPort(443, "z.example")).Plaintext
	policy := inRevision(gatewayPolicy("edge", 1, spec), "1-31")
	s := edgeWorld(policy)
	plan := planned(s)
	rules, entries := plan.rules, plan.outcomes
	want := []model.GatewayRule{{
		Revision: "1-31", Policy: "edge", Selector: map[string]string{"gw": "in"},
		Servers: []model.Server{
			{PortName: "grpc-web-80", Plaintext: &policy.Spec.Plaintext[0]},
			{PortName: "https-443", Terminate: &policy.Spec.Terminate[1]},
			{PortName: "https-443-2", Terminate: &policy.Spec.Terminate[2]},
			{PortName: "tls-8443", Terminate: &policy.Spec.Terminate[0]},
			{PortName: "tls-8443-2", Passthrough: &policy.Spec.Passthrough[0]},
		},
		Owners: []model.Owner{{Name: "edge"}},
	}}
	if diff := cmp.Diff(want, rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if len(entries) != 6 {
		t.Errorf("got %d entries, want one for each of the 6 servers", len(entries))
	}
}

func TestGatewaysKeepPortNamesWhenASiblingFalls(t *testing.T) {
	old := gatewayPolicy("old", 1, terminating(onPort(443, "a.example")))
	young := gatewayPolicy("young", 2, terminating(onPort(443, "a.example"), onPort(443, "b.example")))
	s := edgeWorld(old, young)
	rules := planned(s).rules
	if len(rules) != 2 || len(rules[1].Servers) != 1 {
		t.Fatalf("got rules %+v, want one server of each policy", rules)
	}
	if got := rules[1].Servers[0].PortName; got != "https-443-2" {
		t.Errorf("the second server of the spec is called %s, want https-443-2 also without the first", got)
	}
}

func TestGatewaysFindings(t *testing.T) {
	byService := terminating(onPort(443, "a.example"))
	byService.Gateway = &meshtlsv1alpha1.Target{Service: "in"}
	nobody := terminating(onPort(443, "a.example"))
	nobody.Gateway = gatewayLabels("nobody")
	onWorkload := terminating(onPort(443, "a.example"))
	onWorkload.Workload = gatewayLabels("in")
	service := model.Service{Namespace: "edge", Name: "in", Selector: map[string]string{"gw": "in"}}
	tests := map[string]struct {
		spec        meshtlsv1alpha1.MeshTLSPolicySpec
		services    []model.Service
		elsewhere   []*model.Workload
		want        []string
		wantRules   int
		wantStanded bool
	}{
		"all is well":            {spec: byService, services: []model.Service{service}, wantRules: 1, wantStanded: true},
		"no pods":                {spec: nobody, wantRules: 1, wantStanded: true},
		"the Service is missing": {spec: byService, wantStanded: true},
		"the Service's labels are in use elsewhere": {
			spec: byService, services: []model.Service{service}, elsewhere: []*model.Workload{gatewayPod("other", "in-9", "in")},
			want: []string{"gateway-service-labels-elsewhere"}, wantRules: 1, wantStanded: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := edgeWorld(gatewayPolicy("p", 1, tc.spec))
			s.Services, s.Workloads = tc.services, append(s.Workloads, tc.elsewhere...)
			plan := planned(s)
			rules, entries := plan.rules, plan.outcomes
			if len(rules) != tc.wantRules || len(entries) != 1 || entries[0].accepted != tc.wantStanded {
				t.Fatalf("got %d rules and entries %+v, want %d rules and one entry that stands: %t", len(rules), entries, tc.wantRules, tc.wantStanded)
			}
			var got []string
			for _, f := range entries[0].findings {
				got = append(got, f.Check)
				if f.Message == "" || f.Remedy == "" || !strings.HasPrefix(f.Field, "spec.") {
					t.Errorf("finding %+v lacks a message, a remedy or a field", f)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGatewaysConflictNamesTheWinner(t *testing.T) {
	s := edgeWorld(
		gatewayPolicy("old", 1, terminating(onPort(443, "a.example"))),
		gatewayPolicy("young", 2, terminating(onPort(443, "a.example"))))
	entries := planned(s).outcomes
	want := model.Finding{
		Check: "gateway-host-conflict", Severity: meshtlsv1alpha1.SeverityError, Subject: model.PolicyRef(entries[1].policy),
		Related: model.ObjectRef{Kind: "MeshTLSPolicy", Namespace: "edge", Name: "old"},
		Field:   "spec.terminate[0].hosts",
		Message: "spec.terminate[0] of MeshTLSPolicy edge/old already serves a.example on port 443, and Istio drops the second server " +
			"of a host as a whole; this server is not rendered.",
		Remedy:    "Keep the host in one of the two, or use another port or bind for one of them.",
		Condition: meshtlsv1alpha1.ConditionAccepted, Reason: meshtlsv1alpha1.ReasonConflicted,
	}
	if diff := cmp.Diff([]model.Finding{want}, entries[1].findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}
