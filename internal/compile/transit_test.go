package compile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/manifests"
)

// shop is a workload with a sidecar and two ports, and its Service.
const shop = `
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 90, targetPort: 9090}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web, ports: [{containerPort: 8080}, {containerPort: 9090}]}]}}
`

// acceptPolicy returns a policy of the namespace shop.
func acceptPolicy(target, accept string) string {
	return fmt.Sprintf("\n---\napiVersion: security.meshtls.dev/v1alpha1\nkind: MeshTLSPolicy\n"+
		"metadata: {name: web, namespace: shop, uid: web}\nspec: {%saccept: {%s}}\n", target, accept)
}

// TestTransit writes what is planned, step by step, until nothing changes, and looks at what is live after each.
func TestTransit(t *testing.T) {
	const workload, namespace = "workload: {service: web}, ", ""
	tests := map[string]struct {
		target, from, to, beside string
		want                     []string
	}{
		"Strict to Disable": {
			target: workload, from: "mode: Strict", to: "mode: Disable",
			want: []string{"PERMISSIVE, held", "DISABLE, held", "DISABLE"},
		},
		"Permissive to Disable": {
			target: workload, from: "mode: Permissive", to: "mode: Disable",
			want: []string{"PERMISSIVE, held", "DISABLE, held", "DISABLE"},
		},
		"Disable to Strict": {
			target: workload, from: "mode: Disable", to: "mode: Strict",
			want: []string{"DISABLE, held", "PERMISSIVE, held", "STRICT"},
		},
		"Disable to Permissive": {
			target: workload, from: "mode: Disable", to: "mode: Permissive",
			want: []string{"DISABLE, held", "PERMISSIVE, held", "PERMISSIVE"},
		},
		"Strict to Permissive is one step": {
			target: workload, from: "mode: Strict", to: "mode: Permissive", want: []string{"PERMISSIVE"},
		},
		"a namespace": {
			target: namespace, from: "mode: Strict", to: "mode: Disable",
			want: []string{"PERMISSIVE, held", "DISABLE, held", "DISABLE"},
		},
		"one port holds the clients of that port": {
			target: workload, from: "mode: Strict", to: "mode: Strict, ports: [{port: 9090, mode: Disable}]",
			want: []string{"STRICT 9090 PERMISSIVE, held at 90", "STRICT 9090 DISABLE, held at 90", "STRICT 9090 DISABLE"},
		},
		"a port of its own that goes": {
			target: workload, from: "mode: Strict, ports: [{port: 9090, mode: Disable}]", to: "mode: Strict",
			want: []string{"STRICT 9090 DISABLE, held at 90", "STRICT 9090 PERMISSIVE, held at 90", "STRICT"},
		},
		"whom another rule tells what to send is not held": {
			target: workload, from: "mode: Strict", to: "mode: Disable",
			beside: "\n---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: theirs, namespace: shop}, spec: {host: web.shop.svc.cluster.local}}",
			want:   []string{"PERMISSIVE", "DISABLE"},
		},
		"a foreign PeerAuthentication that decides does not keep it on the way": {
			target: workload, from: "mode: Permissive", to: "mode: Strict",
			beside: "\n---\n{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: theirs, namespace: shop, creationTimestamp: '2020-01-01T00:00:00Z'}, spec: {selector: {matchLabels: {app: web}}, mtls: {mode: DISABLE}}}",
			want:   []string{"STRICT"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			live := inSteps(t, shop+tc.beside, acceptPolicy(tc.target, tc.from), model.Objects{})
			got := inSteps(t, shop+tc.beside, acceptPolicy(tc.target, tc.to), live.last)
			if diff := cmp.Diff(tc.want, got.states); diff != "" {
				t.Errorf("what is live after each step (-want +got):\n%s", diff)
			}
		})
	}
}

// way is what was live after each step.
type way struct {
	states []string
	last   model.Objects
}

// inSteps writes the next step of the policy as long as one differs from what is live.
func inSteps(t *testing.T, mesh, policy string, live model.Objects) way {
	t.Helper()
	w := way{last: live}
	for range 10 {
		read := manifests.Read(t, today.Time, mesh+policy)
		snapshot := model.Snapshot{Namespace: "shop", Policies: read.Policies, Inventory: read.Inventory}
		snapshot.PeerAuthentications = append(snapshot.PeerAuthentications, w.last.PeerAuthentications...)
		snapshot.DestinationRules = append(snapshot.DestinationRules, w.last.DestinationRules...)
		snapshot.Stepwise = true
		next := compile.Project(compile.Compile(snapshot).Objects, w.last)
		if cmp.Equal(stateOf(next), stateOf(w.last)) {
			return w
		}
		w.states, w.last = append(w.states, stateOf(next)), next
	}
	t.Fatalf("no end after %q", w.states)
	return w
}

// stateOf says what pods accept and whether clients are held to plaintext.
func stateOf(objects model.Objects) string {
	var words []string
	for _, pa := range objects.PeerAuthentications {
		state := pa.Spec.GetMtls().GetMode().String()
		for port, mtls := range pa.Spec.GetPortLevelMtls() {
			state += fmt.Sprintf(" %d %s", port, mtls.GetMode())
		}
		words = append(words, state)
	}
	for _, rule := range objects.DestinationRules {
		held := "held"
		for _, port := range rule.Spec.GetTrafficPolicy().GetPortLevelSettings() {
			held += fmt.Sprintf(" at %d", port.GetPort().GetNumber())
		}
		words = append(words, held)
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}
