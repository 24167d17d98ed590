package policies

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// verification is a mesh, and what kubectl meshtls verify says of its proxies.
type verification struct {
	// objects are applied, and happens is what is done besides; its undo ends it.
	objects string
	happens func(context.Context, *world) (undo func() error, err error)
	// ask are more arguments.
	ask []string
	// want is what is said of proxies that do not run what they should, or of which something is to be known.
	want map[string]said
	// code is the exit code.
	code int
}

// said is what is said of a proxy.
type said struct {
	State string
	// Differences are their places, and what the proxy runs there.
	Differences map[string]string
	// Causes are the kinds of the causes.
	Causes []string
	// Problem is a part of the reason why it could not be asked.
	Problem string
}

// anything stands for whatever a proxy runs: what was before, or nothing yet.
const anything = "anything"

// answer is what the tests read of verify -o json.
type answer struct {
	Proxies []struct {
		Namespace, Pod, State, Problem string
		Compared                       int
		Differences                    []struct {
			Subject, Host, Want, Runs string
			Port                      int32
		}
		Causes []struct{ Kind, Message string }
	}
}

// opensPort is an EnvoyFilter by which the server takes plaintext at a port, whatever the policies say.
const opensPort = `
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {namespace: shop, name: opens-port}
spec:
  workloadSelector: {labels: {app: server}}
  configPatches:
  - applyTo: FILTER_CHAIN
    match: {context: SIDECAR_INBOUND, listener: {filterChain: {destinationPort: 8090}}}
    patch:
      operation: ADD
      value:
        name: opened
        filter_chain_match: {destination_port: 8090, transport_protocol: raw_buffer}
        filters:
        - name: envoy.filters.network.tcp_proxy
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
            stat_prefix: opened
            cluster: inbound|8090||
`

// refusedFilter is an EnvoyFilter that Envoy refuses: there is no such filter.
const refusedFilter = `
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {namespace: shop, name: refused}
spec:
  workloadSelector: {labels: {app: server}}
  configPatches:
  - applyTo: NETWORK_FILTER
    match: {context: SIDECAR_INBOUND, listener: {filterChain: {destinationPort: 8090}}}
    patch: {operation: INSERT_FIRST, value: {name: no.such.filter}}
`

// verifications returns what is said of proxies in all kinds of states.
func verifications() map[string]verification {
	strict := accept(shop, "server", "service: server", "Strict", "{servicePort: tcp-first, mode: Disable}")
	inbound := func(runs string) map[string]string {
		return map[string]string{"Inbound 0": runs, "Inbound 8080": runs, "Inbound 8081": runs, "Inbound 8090": runs, "Inbound 8443": runs, "Inbound 9000": runs}
	}
	waits := said{State: "Differs", Causes: []string{"Warming"}, Differences: map[string]string{"Outbound 81 partner.example.com": anything}}
	return map[string]verification{
		"all proxies run what the policies say": {
			objects: strict + send("sends", "", "hosts: ["+serverHost+"], ports: [{port: 80, mode: IstioMutual}, {port: 81, mode: Disable}]") +
				send("partner", "service: client", "hosts: [partner.example.com], ports: [{port: 81, mode: Simple, caCertificates: /etc/certs/ca.pem, "+
					"sni: partner.example.com, subjectAltNames: [partner.example.com]}]") +
				gatewayPolicy("  plaintext: [{port: 80, hosts: [plain.example.com]}]\n  terminate:\n"+
					"  - {port: 443, hosts: [shop.example.com], credentialName: shop-cert}\n"+
					"  - {port: 443, hosts: [mutual.example.com], mode: Mutual, credentialName: mutual-cert}\n"+
					"  - {port: 443, hosts: [optional.example.com], mode: OptionalMutual, credentialName: mutual-cert}") + httpRoute,
		},
		"istiod is stopped before the change": {
			happens: func(ctx context.Context, w *world) (func() error, error) {
				istiod, err := w.Istiod(ctx)
				if err != nil {
					return nil, err
				}
				if err := istiod.Sandbox.Signal(syscall.SIGSTOP); err != nil {
					return nil, err
				}
				return func() error { return istiod.Sandbox.Signal(syscall.SIGCONT) }, w.apply(ctx, strict)
			},
			ask: []string{"-n", shop},
			want: map[string]said{"shop/server": {
				State: "Differs", Causes: []string{"Behind"}, Differences: withPort(inbound("Permissive"), "Inbound 8091", "Permissive"),
			}},
			code: 1,
		},
		"an EnvoyFilter opens a port": {
			objects: strict + opensPort, ask: []string{"workload/server.shop"},
			want: map[string]said{"shop/server": {State: "Differs", Causes: []string{"EnvoyFilter"}, Differences: map[string]string{"Inbound 8090": "Permissive"}}},
			code: 1,
		},
		"the proxy refuses an update": {
			objects: strict + refusedFilter, ask: []string{"service/server.shop"},
			want: map[string]said{"shop/server": {
				State: "Differs", Causes: []string{"Refused", "EnvoyFilter"}, Differences: withPort(inbound("Permissive"), "Inbound 8091", "Permissive"),
			}},
			code: 1,
		},
		"a certificate is missing": {
			objects: send("partner", "", "hosts: [partner.example.com], ports: [{port: 81, mode: Simple, caCertificates: /etc/certs/missing.pem}]"),
			ask:     []string{"-n", shop}, want: map[string]said{"shop/client": waits, "shop/server": waits, "shop/sibling": waits}, code: 1,
		},
		"a namespace asks for another revision": {
			happens: func(ctx context.Context, w *world) (func() error, error) {
				label := func(value any) error {
					patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]any{"istio.io/rev": value}}})
					if err != nil {
						return err
					}
					return w.Client.Patch(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: other}}, client.RawPatch("application/merge-patch+json", patch))
				}
				return func() error { return label(nil) }, label("canary")
			},
			ask: []string{"-n", other}, want: map[string]said{"other/neighbour": {State: "AsSaid", Causes: []string{"Revision"}}},
		},
		"the user may not forward ports": {
			ask: []string{"-n", other, "--as=system:serviceaccount:shop:reader"}, code: 2,
			want: map[string]said{"other/neighbour": {State: "NotAsked", Problem: "portforward"}},
		},
	}
}

// withPort returns what is said with one port more.
func withPort(all map[string]string, place, runs string) map[string]string {
	all = maps.Clone(all)
	all[place] = runs
	return all
}

// verifies asks verify about proxies in all kinds of states.
func (w *world) verifies(t *testing.T) {
	if err := w.letRead(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := verifications()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) { w.verified(t, all[name]) })
	}
}

// letRead lets a service account read everything, and nothing else.
func (w *world) letRead(ctx context.Context) error {
	return errors.Join(
		w.Client.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "reader"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"list"}},
		}}),
		w.Client.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "reader"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "reader"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: shop, Name: "reader"}},
		}),
	)
}

// verified applies the objects, and asks until the answer is the wanted one; then, with everything undone, until all is well.
func (w *world) verified(t *testing.T, v verification) {
	undo := func() error { return nil }
	defer func() {
		if err := undo(); err != nil {
			t.Error(err)
		}
		w.clear(t)
		if _, code, err := w.verify(t.Context(), "-A", "--wait", "--timeout=30s"); code != 0 {
			t.Errorf("after it is undone: exit %d: %v", code, err)
		}
	}()
	if err := w.apply(t.Context(), v.objects); err != nil {
		t.Fatal(err)
	}
	if v.happens != nil {
		var err error
		if undo, err = v.happens(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	if err := eventually(t.Context(), func(ctx context.Context) error { return w.says(ctx, v) }); err != nil {
		t.Fatal(err)
	}
}

// says says how an answer differs from the wanted one.
func (w *world) says(ctx context.Context, v verification) error {
	ask := v.ask
	if len(ask) == 0 {
		ask = []string{"-A"}
	}
	got, code, err := w.verify(ctx, ask...)
	if code != v.code {
		return fmt.Errorf("exit %d: %w", code, err)
	}
	told := map[string]said{}
	compared := 0
	for _, p := range got.Proxies {
		compared += p.Compared
		one := said{State: p.State}
		for _, d := range p.Differences {
			if one.Differences == nil {
				one.Differences = map[string]string{}
			}
			place := strings.TrimSpace(fmt.Sprintf("%s %d %s", d.Subject, d.Port, d.Host))
			one.Differences[place] = d.Runs
			if v.want[p.Namespace+"/"+p.Pod].Differences[place] == anything {
				one.Differences[place] = anything
			}
		}
		for _, c := range p.Causes {
			one.Causes = append(one.Causes, c.Kind)
		}
		name := p.Namespace + "/" + p.Pod
		if want := v.want[name]; want.Problem != "" && strings.Contains(p.Problem, want.Problem) {
			one.Problem = want.Problem
		}
		if one.State != "AsSaid" || one.Causes != nil {
			told[name] = one
		}
	}
	if compared == 0 && v.code != 2 {
		return fmt.Errorf("nothing was compared: %+v", got)
	}
	if diff := cmp.Diff(v.want, told); diff != "" && len(v.want)+len(told) > 0 {
		return fmt.Errorf("what is said (-want +got):\n%s", diff)
	}
	return nil
}

// verify asks the plugin.
func (w *world) verify(ctx context.Context, args ...string) (got answer, code int, err error) {
	command := exec.CommandContext(ctx, filepath.Join(w.programs, "kubectl-meshtls"),
		append([]string{"verify", "-o", "json", "--kubeconfig=" + w.Plane.Kubeconfig}, args...)...)
	var output, errs bytes.Buffer
	command.Stdout, command.Stderr = &output, &errs
	ended := (*exec.ExitError)(nil)
	if err := command.Run(); err != nil && !errors.As(err, &ended) {
		return answer{}, -1, err
	}
	code = command.ProcessState.ExitCode()
	said := fmt.Errorf("%s: %s%s", strings.Join(command.Args[1:], " "), output.String(), errs.String())
	if output.Len() > 0 {
		if err := json.Unmarshal(output.Bytes(), &got); err != nil {
			return answer{}, code, errors.Join(err, said)
		}
	}
	return got, code, said
}
