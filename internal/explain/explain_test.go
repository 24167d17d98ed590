package explain_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/golden"
	"github.com/meshtls/meshtls/test/worlds"
)

// world is a mesh in which names are alike.
const world = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: http-alt, port: 8081, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: partner, namespace: shop}
spec: {type: ExternalName, externalName: api.partner.example, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: vault, namespace: bank, annotations: {networking.istio.io/exportTo: .}}
spec: {selector: {app: vault}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec: {containers: [{name: app, image: example/app, ports: [{containerPort: 8080}]}, {name: istio-proxy, image: example/proxy}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec: {selector: {matchLabels: {app: api}}, template: {metadata: {labels: {app: api}}, spec: {containers: [{name: app, image: example/app}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: bank}
spec: {selector: {matchLabels: {app: api}}, template: {metadata: {labels: {app: api}}, spec: {containers: [{name: app, image: example/app}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: api.bank, namespace: shop}
spec: {serviceName: api, selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: app, image: example/app}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: api, namespace: bank}
spec: {serviceName: api, selector: {matchLabels: {app: b}}, template: {metadata: {labels: {app: b}}, spec: {containers: [{name: app, image: example/app}]}}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {selector: {app: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: bank}
---
apiVersion: v1
kind: Namespace
metadata: {name: istio-ingress}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: hidden, namespace: bank}
spec: {hosts: [hidden.example], exportTo: ["."], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}
`

// write puts the text into a file.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExplainFinds(t *testing.T) {
	mesh := meshOf(t, write(t, world))
	tests := map[string]struct {
		ask  string
		want model.ObjectRef
	}{
		"a pod by name and namespace":                {ask: "pod/web-1.shop", want: model.ObjectRef{Kind: "Pod", Namespace: "shop", Name: "web-1"}},
		"a short kind, in the only namespace":        {ask: "po/web-1", want: model.ObjectRef{Kind: "Pod", Namespace: "shop", Name: "web-1"}},
		"the namespace that is asked for":            {ask: "deploy/api -n bank", want: model.ObjectRef{Kind: "Deployment", Namespace: "bank", Name: "api"}},
		"the namespace of the name before the other": {ask: "deployment/api.bank -n shop", want: model.ObjectRef{Kind: "Deployment", Namespace: "bank", Name: "api"}},
		"kinds in capitals":                          {ask: "Service/web", want: model.ObjectRef{Kind: "Service", Namespace: "shop", Name: "web"}},
		"a name with a dot":                          {ask: "sts/api.bank.shop", want: model.ObjectRef{Kind: "StatefulSet", Namespace: "shop", Name: "api.bank"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			answer, err := explain.Explain(mesh, parse(t, tc.ask))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, answer.Target); diff != "" {
				t.Errorf("target (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplainRefuses(t *testing.T) {
	mesh := meshOf(t, write(t, world))
	tests := map[string]struct {
		ask  string
		want string
	}{
		"no kind": {
			ask:  "web",
			want: `"web" is no target: write <kind>/<name> or <kind>/<name>.<namespace>, such as deployment/payments.shop`,
		},
		"no name": {
			ask:  "pod/",
			want: `"pod/" is no target: write <kind>/<name> or <kind>/<name>.<namespace>, such as deployment/payments.shop`,
		},
		"a kind without connections": {
			ask:  "secret/web",
			want: `there is nothing to explain about a "secret": ask about a daemonset, deployment, gateway, job, meshtlspolicy, namespace, pod, replicaset, service, statefulset, workload`,
		},
		"a kind with a wrong letter": {
			ask: "servce/web",
			want: `there is nothing to explain about a "servce": ask about a daemonset, deployment, gateway, job, meshtlspolicy, namespace, pod, ` +
				`replicaset, service, statefulset, workload; did you mean service?`,
		},
		"a namespace like another":                {ask: "ns/shpo", want: "there is no namespace shpo; did you mean namespace/shop?"},
		"a namespace without pods":                {ask: "ns/istio-ingress", want: "no pod is behind namespace/istio-ingress, so there is no connection to explain"},
		"a name that a letter tells from another": {ask: "service/webb", want: "there is no service webb; did you mean service/web.shop?"},
		"the name of another kind":                {ask: "deployment/web", want: "there are no pods of a deployment web; did you mean service/web.shop?"},
		"another namespace": {
			ask: "service/web -n bank", want: "there is no service web in namespace bank; did you mean service/web.shop?",
		},
		"short names are alike only if most is": {ask: "service/wxy", want: "there is no service wxy"},
		"nothing alike":                         {ask: "pod/nobody", want: "there is no pod nobody"},
		"two namespaces": {
			ask: "deployment/api", want: `"deployment/api" is ambiguous: it can be deployment/api.bank or deployment/api.shop`,
		},
		"a name with a dot, or with a namespace": {
			ask: "sts/api.bank", want: `"sts/api.bank" is ambiguous: it can be statefulset/api.bank or statefulset/api.bank.shop`,
		},
		"a Service without selector": {ask: "service/outside", want: "no pod is behind service/outside.shop, so there is no connection to explain"},
		"a Gateway without pods":     {ask: "gateway/edge", want: "no pod is behind gateway/edge.shop, so there is no connection to explain"},
		"a port that is the Service's": {
			ask: "pod/web-1 -p 80", want: "nothing is known of port 80; the pods' ports are 8080 (Service port web:80)",
		},
		"a port of pods that declare none": {
			ask:  "deployment/api.shop -p 80",
			want: "nothing is known of port 80: the pods declare no port, and no Service leads to one",
		},
		"a Service that is not there": {ask: "pod/web-1 --to nothing", want: "no Service or ServiceEntry declares nothing"},
		"a Service that is not there, in a namespace that is": {
			ask: "pod/web-1 --to wib.bank:80", want: "no Service or ServiceEntry declares wib.bank",
		},
		"the name of an ExternalName Service": {
			ask: "pod/web-1 --to partner", want: "partner is the name of an ExternalName Service; ask for api.partner.example, which it stands for",
		},
		"a Service that is not exported": {
			ask:  "pod/web-1 --to vault.bank",
			want: "Service bank/vault is not exported to namespace shop, so clients there do not know vault.bank",
		},
		"the name of a Service with a slip": {
			ask: "pod/web-1 --to wb", want: "no Service or ServiceEntry declares wb; did you mean web.shop?",
		},
		"a port that the destination lacks": {
			ask: "pod/web-1 --to web:443", want: "web.shop.svc.cluster.local has no port 443; its ports are 80, 8081",
		},
		"a port that is none": {
			ask: "pod/web-1 --to web:http", want: `"web:http" is no destination: write <host> or <host>:<port>, such as payments.shop:8080`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := explain.Explain(mesh, parse(t, tc.ask))
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// TestExplainOfPartOfAMesh wants to be told that what is not seen may decide.
func TestExplainOfPartOfAMesh(t *testing.T) {
	mesh := meshOf(t, write(t, world))
	for _, partial := range []bool{false, true} {
		mesh.Partial = partial
		answer, err := explain.Explain(mesh, explain.Question{Target: "pod/web-1"})
		if err != nil {
			t.Fatal(err)
		}
		if told := slices.ContainsFunc(answer.Notes, func(n string) bool { return strings.Contains(n, "may decide otherwise") }); told != partial {
			t.Errorf("partial: %t; told of it: %t", partial, told)
		}
	}
}

// randomWorlds is how many random worlds are explained.
const randomWorlds = 30

// TestExplainTakesEveryWorld asks about every pod of the golden worlds of the compile and of lint, and wants each connection to have
// an outcome and a reason.
func TestExplainTakesEveryWorld(t *testing.T) {
	for file, stream := range golden.Written(t, filepath.Join("..", "..")) {
		mesh := admittedMeshOf(t, write(t, string(stream)))
		for _, w := range mesh.Workloads {
			answer, err := explain.Explain(mesh, explain.Question{Target: "pod/" + w.Example, Namespace: w.Namespace, All: true})
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			for _, problem := range unexplained(answer.Workloads[0]) {
				t.Errorf("%s: pod %s/%s: %s", file, w.Namespace, w.Example, problem)
			}
		}
	}
}

// unexplained returns the connections without an outcome or a reason.
func unexplained(w explain.Workload) []string {
	var problems []string
	for _, in := range w.Inbound {
		if in.External.Accepts == "" || in.External.Why == "" || in.Local.Carries == "" {
			problems = append(problems, fmt.Sprintf("port %d: %+v", in.Port, in))
		}
	}
	for _, l := range w.Listeners {
		for _, s := range l.Servers {
			if s.Mode == "" || s.Why == "" {
				problems = append(problems, fmt.Sprintf("listener %d: %+v", l.Port, s))
			}
		}
	}
	for _, o := range w.Outbound {
		if len(o.Endpoints) == 0 || o.External.Why == "" {
			problems = append(problems, fmt.Sprintf("%s:%d: %+v", o.Host, o.Port, o.External))
		}
		for _, e := range o.Endpoints {
			if e.Outcome == "" || e.Why == "" {
				problems = append(problems, fmt.Sprintf("%s:%d: %+v", o.Host, o.Port, e))
			}
		}
	}
	return problems
}

// TestExplainAgreesWithEffective compares, in random worlds once their policies are rendered, every outcome that is told with what the
// model of Istio says of the same connection, asked without anything of this package.
func TestExplainAgreesWithEffective(t *testing.T) {
	compared := 0
	for seed := range uint64(randomWorlds) {
		mesh := randomMesh(t, seed)
		mesh.PeerAuthentications = ofDefaultRevision(mesh.PeerAuthentications)
		mesh.DestinationRules = ofDefaultRevision(mesh.DestinationRules)
		mesh.VirtualServices = nil // the model knows no routes
		asked := istio.New(istio.World{
			Mesh: mesh.Mesh, PeerAuthentications: mesh.PeerAuthentications, DestinationRules: mesh.DestinationRules,
			Gateways: mesh.Gateways, Services: mesh.Services,
		})
		for _, w := range mesh.Workloads {
			question := explain.Question{Target: "pod/" + w.Example + "." + w.Namespace, All: true}
			answer, err := explain.Explain(mesh, question)
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, question.Target, err)
			}
			about := answer.Workloads[0]
			compareAccepted(t, asked, w, about)
			compared += compareOutcomes(t, outcomesOf(mesh, asked, w), about)
			if t.Failed() {
				t.Fatalf("seed %d, %s", seed, question.Target)
			}
		}
	}
	if least := randomWorlds * 20; compared < least {
		t.Errorf("only %d connections were compared, want %d", compared, least)
	}
}

// randomMesh returns the mesh of a random world, with those of its policies that the API server would admit.
func randomMesh(t *testing.T, seed uint64) model.Inventory {
	t.Helper()
	cluster, policies := worlds.Random(seed)
	objects := cluster
	for _, p := range policies {
		objects = append(objects, p)
	}
	stream, err := worlds.YAML(objects)
	if err != nil {
		t.Fatal(err)
	}
	return admittedMeshOf(t, write(t, string(stream)))
}

// ofDefaultRevision leaves out what the control plane of the pods, which name no revision, does not read.
func ofDefaultRevision[T metav1.Object](objects []T) []T {
	return slices.DeleteFunc(objects, func(o T) bool { return !model.InRevision(o, "") })
}

func compareAccepted(t *testing.T, asked *istio.Model, w *model.Workload, about explain.Workload) {
	t.Helper()
	for _, in := range about.Inbound {
		accepted := asked.Accept(w).Port(in.Port)
		want := explain.Accepts(accepted.Mode)
		if w.Dataplane == model.DataplaneNone {
			want = explain.AcceptsNoProxy
		}
		if in.External.Accepts != want || in.External.DecidedBy.Name != accepted.Origin.Object.Name {
			t.Errorf("port %d: got %s by %s, want %s by %s", in.Port, in.External.Accepts, in.External.DecidedBy, want, accepted.Origin)
		}
	}
}

// outcomesOf returns the outcomes for pods behind the Services, counted by Service port, as the model of Istio has them.
func outcomesOf(mesh model.Inventory, asked *istio.Model, client *model.Workload) map[string]int {
	outcomes := map[string]int{}
	from := istio.Client{Namespace: client.Namespace, Labels: client.Labels, Dataplane: client.Dataplane, Gateway: client.Gateway}
	for _, s := range mesh.Services {
		for _, port := range s.Ports {
			host := model.Host{Name: hosts.Default.OfService(s.Namespace, s.Name), Namespace: s.Namespace, External: s.External}
			to := istio.Destination{Host: host, Port: port.Port, Protocol: port.Protocol, Headless: s.Headless}
			servers := behind(mesh, s)
			if s.Headless {
				to.Endpoints = servers
			}
			for _, server := range servers {
				if target, known := targetOf(server, port); known && !server.Gateway {
					verdict := asked.Verdict(istio.Connection{Client: from, To: to, Server: server, Port: target})
					outcomes[fmt.Sprintf("%s:%d %s", host.Name, port.Port, verdict.Kind)] += server.Count
				}
			}
		}
	}
	return outcomes
}

func behind(mesh model.Inventory, s model.Service) []*model.Workload {
	var servers []*model.Workload
	for _, w := range mesh.Workloads {
		selected := w.Namespace == s.Namespace && len(s.Selector) > 0
		for key, value := range s.Selector {
			selected = selected && w.Labels[key] == value
		}
		if selected {
			servers = append(servers, w)
		}
	}
	return servers
}

func targetOf(w *model.Workload, port model.ServicePort) (int32, bool) {
	if port.TargetPort.StrVal == "" {
		return port.TargetPort.IntVal, true
	}
	for _, p := range w.Ports {
		if p.Name == port.TargetPort.StrVal {
			return p.Number, true
		}
	}
	return 0, false
}

func compareOutcomes(t *testing.T, want map[string]int, about explain.Workload) int {
	t.Helper()
	got := map[string]int{}
	for _, o := range about.Outbound {
		for _, e := range o.Endpoints {
			if e.Pods > 0 && e.Accepts != explain.AcceptsServers && strings.HasSuffix(o.Host, ".svc.cluster.local") {
				got[fmt.Sprintf("%s:%d %s", o.Host, o.Port, e.Outcome)] += e.Pods
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes, by pods (-effective +explain):\n%s", diff)
	}
	return len(want)
}
