package screens

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/test/manifests"
)

// deployment returns a Deployment in namespace shop with a Service of its own.
func deployment(name string, sidecar bool, ports ...int) string {
	containers := fmt.Sprintf("{name: %s, image: x, ports: [", name)
	servicePorts := ""
	for _, port := range ports {
		containers += fmt.Sprintf("{name: p%d, containerPort: %d},", port, port)
		servicePorts += fmt.Sprintf("{name: http-%d, port: %d, targetPort: %d},", port, port, port)
	}
	containers += "]}"
	inject := "true"
	if !sidecar {
		inject = "false"
	}
	return fmt.Sprintf(`---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s, namespace: shop}, spec: {selector: {matchLabels: {app: %[1]s}},
  template: {metadata: {labels: {app: %[1]s, pod-template-hash: abc, sidecar.istio.io/inject: "%[4]s"}}, spec: {containers: [%[2]s]}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: %[1]s, namespace: shop}, spec: {selector: {app: %[1]s}, ports: [%[3]s]}}
`, name, containers, servicePorts, inject)
}

const (
	policy     = "---\n{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: catalog, namespace: shop}, spec: {workload: {service: catalog}, accept: {mode: Permissive, ports: [{servicePort: http-9090, mode: Disable}]}}}\n"
	floor      = "---\n{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: all, namespace: shop}, spec: {accept: {mode: Strict, floor: Strict}}}\n"
	strictAll  = "---\n{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: shop}, spec: {mtls: {mode: STRICT}}}\n"
	disableAll = "---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: legacy, namespace: shop}, spec: {host: catalog.shop.svc.cluster.local, trafficPolicy: {tls: {mode: DISABLE}}}}\n"
)

func pageOf(t *testing.T, documents ...string) *Page {
	t.Helper()
	all := "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}\n" + strings.Join(documents, "")
	read := manifests.Read(t, time.Now(), all)
	return NewPage(World{Inventory: read.Settled(t), Policies: read.Policies, Report: report.New(nil, read.Reader.Place)})
}

// seenCall returns an observation of calls that are not mutual TLS.
func seenCall(port int32, candidates ...int32) *evidence.Observation {
	return &evidence.Observation{Outcome: evidence.Found, Refusable: []evidence.Call{{
		Client: evidence.Workload{Namespace: "legacy", Name: "crawler"}, Server: evidence.Workload{Namespace: "shop", Name: "catalog"},
		Port: port, Candidates: candidates, Count: 12, Protocol: "http",
	}}}
}

// seenFrom returns an observation of a client's calls that are not mutual TLS.
func seenFrom(namespace, name string, port int32) *evidence.Observation {
	seen := seenCall(port)
	seen.Refusable[0].Client = evidence.Workload{Namespace: namespace, Name: name}
	return seen
}

func TestPreview(t *testing.T) {
	catalog := deployment("catalog", true, 8080, 9090)
	frontend := deployment("frontend", true, 8000)
	strict, disable, inherit := meshtlsv1alpha1.AcceptStrict, meshtlsv1alpha1.AcceptDisable, meshtlsv1alpha1.AcceptInherit
	ports := func(port int32, mode meshtlsv1alpha1.AcceptMode) map[int32]meshtlsv1alpha1.AcceptMode {
		return map[int32]meshtlsv1alpha1.AcceptMode{port: mode}
	}
	tests := map[string]struct {
		mesh    []string
		change  Change
		seen    *evidence.Observation
		ports   string
		refused []string
		why     string
		doubt   bool
		drained string
		added   []string
		removed []string
		isNew   bool
		reject  bool
	}{
		"a new policy names the Service in front": {
			mesh: []string{catalog}, change: Change{Mode: strict}, isNew: true, seen: &evidence.Observation{Outcome: evidence.Clean},
			ports: "8080 Strict, 9090 Strict, 0 Strict", drained: "Every open connection to the pod",
			added: []string{"kind: MeshTLSPolicy", "    mode: Strict", "    service: catalog"},
		},
		"without traffic there is a doubt": {
			mesh: []string{catalog}, change: Change{Mode: strict}, isNew: true, doubt: true,
			ports: "8080 Strict, 9090 Strict, 0 Strict", drained: "Every open connection", added: []string{"    mode: Strict"},
		},
		"one port drains alone": {
			mesh: []string{catalog, policy}, change: Change{Ports: ports(8080, strict)}, seen: &evidence.Observation{Outcome: evidence.Clean},
			ports: "8080 Strict, 9090 Disable, 0 Permissive", drained: "Open connections to port 8080 of the pod",
			added: []string{"    - mode: Strict", "      port: 8080"},
		},
		"the entry that names the Service's port is changed": {
			mesh: []string{catalog, policy}, change: Change{Ports: ports(9090, strict)}, seen: &evidence.Observation{Outcome: evidence.Clean},
			ports: "8080 Permissive, 9090 Strict, 0 Permissive", drained: "port 9090",
			added: []string{"    - mode: Strict"}, removed: []string{"    - mode: Disable"},
		},
		"inherit takes the port's entry out": {
			mesh: []string{catalog, policy}, change: Change{Ports: ports(9090, inherit)}, drained: "port 9090", ports: "8080 Permissive, 9090 Permissive, 0 Permissive",
			removed: []string{"    - mode: Disable", "      servicePort: http-9090"},
		},
		"a client that was seen is refused": {
			mesh: []string{catalog}, change: Change{Mode: strict}, isNew: true, seen: seenCall(8080),
			ports: "8080 Strict, 9090 Strict, 0 Strict", refused: []string{"legacy/crawler 8080 seen"}, drained: "Every",
			added: []string{"    mode: Strict"},
		},
		"a client that was seen at another port is not": {
			mesh: []string{catalog, policy}, change: Change{Ports: ports(8080, strict)}, seen: seenCall(9090),
			ports: "8080 Strict, 9090 Disable, 0 Permissive", drained: "port 8080", added: []string{"    - mode: Strict"},
		},
		"a client with a proxy that sends plaintext because the port is Disable is not": {
			mesh: []string{catalog, frontend, policy}, change: Change{Ports: ports(9090, strict)}, seen: seenFrom("shop", "frontend", 9090),
			ports: "8080 Permissive, 9090 Strict, 0 Permissive", drained: "port 9090", added: []string{"    - mode: Strict"},
		},
		"a client with a proxy that uses mutual TLS by the configuration, and does not, is refused": {
			mesh: []string{catalog, frontend, policy}, change: Change{Ports: ports(8080, strict)}, seen: seenFrom("shop", "frontend", 8080),
			ports: "8080 Strict, 9090 Disable, 0 Permissive", refused: []string{"shop/frontend 8080 seen"}, drained: "port 8080",
			added: []string{"    - mode: Strict"},
		},
		"a client without a proxy is refused where the port was Disable, too": {
			mesh: []string{catalog, deployment("bare", false, 7000), policy}, change: Change{Ports: ports(9090, strict)},
			seen: seenFrom("shop", "bare", 9090), ports: "8080 Permissive, 9090 Strict, 0 Permissive",
			refused: []string{"shop/bare 9090 seen"}, drained: "port 9090", added: []string{"    - mode: Strict"},
		},
		"a client without a name may be one with a proxy where the port was Disable": {
			mesh: []string{catalog, frontend, policy}, change: Change{Ports: ports(9090, strict)}, seen: seenFrom("", "", 9090),
			ports: "8080 Permissive, 9090 Strict, 0 Permissive", refused: []string{"a client without a name 9090 seen"}, drained: "port 9090",
			added: []string{"    - mode: Strict"}, why: "a port that is Disable",
		},
		"a client whose port is one of several is refused": {
			mesh: []string{catalog, policy}, change: Change{Ports: ports(8080, strict)}, seen: seenCall(0, 8080, 9090),
			ports: "8080 Strict, 9090 Disable, 0 Permissive", refused: []string{"legacy/crawler 0 seen"}, drained: "port 8080",
			added: []string{"    - mode: Strict"},
		},
		"a client that a DestinationRule keeps from mutual TLS is refused": {
			mesh: []string{catalog, frontend, disableAll}, change: Change{Ports: ports(8080, strict)}, isNew: true,
			seen: &evidence.Observation{Outcome: evidence.Clean}, ports: "8080 Strict, 9090 Permissive, 0 Permissive",
			refused: []string{"shop/catalog 8080"}, drained: "port 8080", added: []string{"    - mode: Strict"},
		},
		"what a wider scope says is not loosened by inherit": {
			mesh: []string{catalog, strictAll}, change: Change{Mode: inherit}, isNew: true, ports: "8080 Strict, 9090 Strict, 0 Strict",
			added: []string{"    mode: Inherit"},
		},
		"below the floor it would not be in force": {
			mesh: []string{catalog, floor}, change: Change{Mode: disable}, isNew: true, reject: true,
			ports: "8080 Strict, 9090 Strict, 0 Strict", added: []string{"    mode: Disable"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.change.Namespace, test.change.Name = "shop", "catalog"
			preview, err := pageOf(t, test.mesh...).Preview(test.change, test.seen)
			if err != nil {
				t.Fatal(err)
			}
			if got := effectWords(preview.Ports); got != test.ports {
				t.Errorf("ports are %q, want %q", got, test.ports)
			}
			if got := refusedWords(preview.Refused); !slices.Equal(got, test.refused) {
				t.Errorf("refused are %q, want %q", got, test.refused)
			}
			if test.why != "" && !strings.Contains(strings.Join(preview.Refused[0].Why, " "), test.why) {
				t.Errorf("the reasons are %q, want %q in them", preview.Refused[0].Why, test.why)
			}
			if (preview.Doubt != "") != test.doubt || preview.New != test.isNew || preview.Rejected != test.reject {
				t.Errorf("doubt %q, new %v, rejected %v", preview.Doubt, preview.New, preview.Rejected)
			}
			if got := strings.Join(preview.Drained, " "); !strings.Contains(got, test.drained) || test.drained == "" && got != "" {
				t.Errorf("drained is %q, want %q in it", got, test.drained)
			}
			for op, want := range map[string][]string{"+": test.added, "-": test.removed} {
				for _, line := range want {
					if !slices.Contains(preview.Diff, Line{Op: op, Text: line}) {
						t.Errorf("the diff lacks %s%s: %v", op, line, preview.Diff)
					}
				}
			}
		})
	}
}

func effectWords(effects []Effect) string {
	var words []string
	for _, e := range effects {
		words = append(words, fmt.Sprintf("%d %s", e.Port, e.After))
	}
	return strings.Join(words, ", ")
}

func refusedWords(refused []Refusal) []string {
	var words []string
	for _, r := range refused {
		line := fmt.Sprintf("%s %d", r.Who, r.Port)
		if r.Seen {
			line += " seen"
		}
		words = append(words, line)
	}
	return words
}

func TestLocks(t *testing.T) {
	client, server := evidence.Workload{Namespace: "shop", Name: "frontend"}, evidence.Workload{Namespace: "shop", Name: "catalog"}
	mesh := []string{deployment("catalog", true, 8080), deployment("frontend", true, 8000)}
	tests := map[string]struct {
		mesh []string
		seen evidence.Edge
		want Lock
	}{
		"every call is mutual TLS":           {seen: evidence.Edge{MutualTLS: 4, Total: 4, Lock: evidence.LockAll}, want: LockAll},
		"some calls are":                     {seen: evidence.Edge{MutualTLS: 1, Total: 4, Lock: evidence.LockMixed}, want: LockMixed},
		"none is":                            {seen: evidence.Edge{Total: 4, Lock: evidence.LockNone}, want: LockNone},
		"the metrics do not say":             {seen: evidence.Edge{Total: 4, Lock: evidence.LockUnknown}, want: LockUnknown},
		"the server has become Strict since": {mesh: []string{strictAll}, seen: evidence.Edge{Total: 4, Lock: evidence.LockNone}, want: LockRefused},
		"a Strict server gets mutual TLS":    {mesh: []string{strictAll}, seen: evidence.Edge{MutualTLS: 4, Total: 4, Lock: evidence.LockAll}, want: LockAll},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.seen.Client, test.seen.Server, test.seen.Protocol = client, server, "http"
			o := pageOf(t, append(test.mesh, mesh...)...).Overview(Traffic{Edges: []evidence.Edge{test.seen}})
			if len(o.Edges) != 1 || o.Edges[0].Lock != test.want {
				t.Fatalf("edges are %+v, want one that is %s", o.Edges, test.want)
			}
			if e := o.Edges[0]; o.Workloads[e.From].Name != client.Name || o.Workloads[e.To].Name != server.Name || e.Requests.Total != 4 {
				t.Errorf("the edge is %+v", e)
			}
		})
	}
}

func TestRequestsAndConnectionsAreNotAddedUp(t *testing.T) {
	server := evidence.Workload{Namespace: "shop", Name: "catalog"}
	o := pageOf(t, deployment("catalog", true, 8080)).Overview(Traffic{Edges: []evidence.Edge{
		{Server: server, Protocol: "http", MutualTLS: 3, Total: 3, Lock: evidence.LockAll},
		{Server: server, Protocol: "grpc", MutualTLS: 2, Total: 2, Lock: evidence.LockAll},
		{Server: server, Protocol: "tcp", Total: 1, Lock: evidence.LockNone},
	}})
	want := Edge{From: -1, To: 0, Lock: LockMixed, Requests: &Count{5, 5}, Connections: &Count{0, 1}}
	if got := o.Edges[0]; got.From != want.From || got.Lock != want.Lock || *got.Requests != *want.Requests || *got.Connections != *want.Connections {
		t.Errorf("the edge is %+v, want %+v", got, want)
	}
}

func TestAnAuthorizationPolicyThatNamesAClientIsAnArrow(t *testing.T) {
	allow := "---\n{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: shop}, spec: {selector: {matchLabels: {app: catalog}}, rules: [{from: [{source: {principals: [%q]}}]}]}}\n"
	tests := map[string]struct {
		principal string
		want      int
	}{
		"the account of a workload":  {principal: "cluster.local/ns/shop/sa/default", want: 1},
		"an account that nobody has": {principal: "cluster.local/ns/shop/sa/other"},
		"a pattern names nobody":     {principal: "*/ns/shop"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := pageOf(t, deployment("catalog", true, 8080), deployment("frontend", true, 8000), fmt.Sprintf(allow, test.principal))
			edges := p.Overview(Traffic{}).Edges
			if len(edges) != test.want || test.want == 1 && edges[0].Lock != LockAllowed {
				t.Errorf("edges are %+v, want %d", edges, test.want)
			}
		})
	}
}

func TestMatrix(t *testing.T) {
	p := pageOf(t, deployment("catalog", true, 8080), deployment("frontend", true, 8000), deployment("bare", false, 7000), strictAll)
	got := map[string]explain.Accepts{}
	m := p.Matrix("shop", Traffic{})
	for _, c := range m.Cells {
		got[p.workloads[c.From].Name+" "+p.workloads[c.To].Name] = explain.Accepts(c.Outcome)
	}
	want := map[string]explain.Accepts{
		"frontend catalog": "MutualTLS", "catalog frontend": "MutualTLS", "bare catalog": "Refused", "bare frontend": "Refused",
		"catalog bare": "Plaintext", "frontend bare": "Plaintext",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the matrix is %v, want %v", got, want)
	}
}

func TestATargetThatNoServiceHasIsNamedByFewLabels(t *testing.T) {
	bare := strings.Split(deployment("catalog", true, 8080), "---\n{apiVersion: v1, kind: Service")[0]
	preview, err := pageOf(t, bare).Preview(Change{Namespace: "shop", Name: "catalog", Mode: meshtlsv1alpha1.AcceptStrict}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := preview.Policy.Spec.Workload.Selector.MatchLabels; fmt.Sprint(got) != "map[app:catalog]" {
		t.Errorf("the target is %v, want app: catalog without the labels of the ReplicaSet", got)
	}
}

func TestDetail(t *testing.T) {
	p := pageOf(t, deployment("catalog", true, 8080, 9090), policy)
	detail, err := p.Detail(evidence.Workload{Namespace: "shop", Name: "catalog"}, seenCall(8080))
	if err != nil {
		t.Fatal(err)
	}
	if s := detail.Settings; s.Policy != "shop/catalog" || s.New || s.Mode != "Permissive" || s.Ports[9090] != "Disable" {
		t.Errorf("settings are %+v", s)
	}
	if why := detail.Seen.Refusable[0].Why; len(why) != 1 || !strings.Contains(why[0], "no pod of it any more") {
		t.Errorf("the reason is %q", why)
	}
	if _, err := p.Detail(evidence.Workload{Namespace: "shop", Name: "gone"}, nil); err == nil {
		t.Error("a workload that is gone has a page")
	}
}
