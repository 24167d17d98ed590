package gather_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

func TestSnapshotWorkloads(t *testing.T) {
	labels := map[string]string{"app": "a"}
	tests := map[string]struct {
		world string
		want  []*model.Workload
	}{
		"pods that are alike are one workload": {
			world: pod("a-2", "labels: {app: a}", "{containers: [{name: app}]}") + pod("a-1", "labels: {app: a}", "{containers: [{name: app}]}"),
			want:  []*model.Workload{{Namespace: "shop", Example: "a-1", Count: 2, Pods: named("a-1", "a-2"), Labels: labels, Dataplane: model.DataplaneNone}},
		},
		"pods that differ in a label are not alike": {
			world: pod("a-1", "labels: {app: a}", "{containers: [{name: app}]}") + pod("b-1", "labels: {app: b}", "{containers: [{name: app}]}"),
			want: []*model.Workload{
				{Namespace: "shop", Example: "a-1", Count: 1, Pods: named("a-1"), Labels: labels, Dataplane: model.DataplaneNone},
				{Namespace: "shop", Example: "b-1", Count: 1, Pods: named("b-1"), Labels: map[string]string{"app": "b"}, Dataplane: model.DataplaneNone},
			},
		},
		"pods that differ in a port are not alike": {
			world: pod("a-1", "labels: {app: a}", "{containers: [{name: app, ports: [{containerPort: 80}]}]}") +
				pod("a-2", "labels: {app: a}", "{containers: [{name: app, ports: [{containerPort: 81}]}]}"),
			want: []*model.Workload{
				{Namespace: "shop", Example: "a-1", Count: 1, Pods: named("a-1"), Labels: labels, Dataplane: model.DataplaneNone, Ports: ports(80)},
				{Namespace: "shop", Example: "a-2", Count: 1, Pods: named("a-2"), Labels: labels, Dataplane: model.DataplaneNone, Ports: ports(81)},
			},
		},
		"pods that differ in the data plane are not alike": {
			world: pod("a-1", "labels: {app: a}", "{containers: [{name: app}]}") +
				pod("a-2", "labels: {app: a}", "{containers: [{name: app}, {name: istio-proxy}]}"),
			want: []*model.Workload{
				{Namespace: "shop", Example: "a-1", Count: 1, Pods: named("a-1"), Labels: labels, Dataplane: model.DataplaneNone},
				{Namespace: "shop", Example: "a-2", Count: 1, Pods: named("a-2"), Labels: labels, Dataplane: model.DataplaneSidecar},
			},
		},
		"pods that have finished do not count": {
			world: strings.ReplaceAll(pod("a-1", "labels: {app: a}", "{}, status: {phase: Succeeded}")+
				pod("a-2", "labels: {app: a}", "{}, status: {phase: Failed}")+
				pod("a-3", "labels: {app: a}", "{}, status: {phase: Pending}"), "spec: {}, status", "status"),
			want: []*model.Workload{{
				Namespace: "shop", Example: "a-3", Count: 1, Unready: true, Pods: named("a-3"), Labels: labels, Dataplane: model.DataplaneNone,
			}},
		},
		"a workload is unready while none of its pods is ready": {
			world: strings.ReplaceAll(pod("a-1", "labels: {app: a}", "{}, status: {phase: Running, conditions: [{type: Ready, status: 'False'}]}")+
				pod("a-2", "labels: {app: a}", "{}, status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}"), "spec: {}, status", "status"),
			want: []*model.Workload{{
				Namespace: "shop", Example: "a-1", Count: 2, Pods: named("a-1", "a-2"), Labels: labels, Dataplane: model.DataplaneNone,
			}},
		},
		"pods of another namespace do not count": {
			world: strings.Replace(pod("a-1", "labels: {app: a}", "{}"), "namespace: shop", "namespace: bank", 1),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, snapshot(t, tc.world).Workloads); diff != "" {
				t.Errorf("workloads (-want +got):\n%s", diff)
			}
		})
	}
}

// named are pods that are known by name only.
func named(names ...string) []model.Pod {
	var all []model.Pod
	for _, name := range names {
		all = append(all, model.Pod{Name: name})
	}
	return all
}

// pod returns a document with a pod of namespace shop.
func pod(name, metadata, spec string) string {
	return "\n---\n{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: shop, " + metadata + "}, spec: " + spec + "}"
}

func ports(numbers ...int32) []model.ContainerPort {
	var all []model.ContainerPort
	for _, number := range numbers {
		all = append(all, model.ContainerPort{Number: number})
	}
	return all
}

func TestSnapshotContainerPorts(t *testing.T) {
	tests := map[string]struct {
		spec string
		want []model.ContainerPort
	}{
		"those of all containers, by number, each once": {
			spec: "{containers: [{name: a, ports: [{containerPort: 90}, {containerPort: 80}]}, {name: b, ports: [{containerPort: 80}, {containerPort: 70}]}]}",
			want: ports(70, 80, 90),
		},
		"with their names": {
			spec: "{containers: [{name: a, ports: [{name: http, containerPort: 80}, {name: web, containerPort: 80}]}]}",
			want: []model.ContainerPort{{Name: "http", Number: 80}, {Name: "web", Number: 80}},
		},
		"TCP only": {
			spec: "{containers: [{name: a, ports: [{containerPort: 53, protocol: UDP}, {containerPort: 54, protocol: SCTP}, {containerPort: 55, protocol: TCP}]}]}",
			want: ports(55),
		},
		"not those of the sidecar": {
			spec: "{containers: [{name: a, ports: [{containerPort: 80}]}, {name: istio-proxy, ports: [{containerPort: 15090}]}]}",
			want: ports(80),
		},
		"not those of the sidecar that is an init container": {
			spec: "{initContainers: [{name: istio-proxy, restartPolicy: Always, ports: [{containerPort: 15090}]}], containers: [{name: a, ports: [{containerPort: 80}]}]}",
			want: ports(80),
		},
		"those of other sidecars that are init containers": {
			spec: "{initContainers: [{name: logs, restartPolicy: Always, ports: [{containerPort: 81}]}], containers: [{name: a, ports: [{containerPort: 80}]}]}",
			want: ports(80, 81),
		},
		"not those of init containers that end": {
			spec: "{initContainers: [{name: setup, ports: [{containerPort: 81}]}], containers: [{name: a, ports: [{containerPort: 80}]}]}",
			want: ports(80),
		},
		"those of the proxy that is a gateway": {
			spec: "{containers: [{name: istio-proxy, ports: [{containerPort: 8443}, {containerPort: 15090}]}]}",
			want: ports(8443, 15090),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := snapshot(t, pod("a", "labels: {app: a}", tc.spec)).Workloads[0].Ports
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSnapshotDataplane(t *testing.T) {
	const ambientNamespace = "\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}"
	tests := map[string]struct {
		namespace, metadata, spec string
		want                      model.Dataplane
	}{
		"nothing": {spec: "{}", want: model.DataplaneNone},
		"a proxy among the containers": {
			spec: "{containers: [{name: app}, {name: istio-proxy}]}",
			want: model.DataplaneSidecar,
		},
		"a proxy among the init containers": {
			spec: "{containers: [{name: app}], initContainers: [{name: istio-proxy, restartPolicy: Always}]}",
			want: model.DataplaneSidecar,
		},
		"a pod that the injector marked": {
			metadata: "annotations: {sidecar.istio.io/status: a}", spec: "{}",
			want: model.DataplaneSidecar,
		},
		"an ambient namespace": {
			namespace: ambientNamespace, spec: "{}",
			want: model.DataplaneAmbient,
		},
		"a sidecar in an ambient namespace": {
			namespace: ambientNamespace, spec: "{containers: [{name: app}, {name: istio-proxy}]}",
			want: model.DataplaneSidecar,
		},
		"a pod that opts out of an ambient namespace": {
			namespace: ambientNamespace, metadata: "labels: {istio.io/dataplane-mode: none}", spec: "{}",
			want: model.DataplaneNone,
		},
		"a pod on the node's network in an ambient namespace": {
			namespace: ambientNamespace, spec: "{hostNetwork: true}",
			want: model.DataplaneNone,
		},
		"a pod that opts in": {
			metadata: "labels: {istio.io/dataplane-mode: ambient}", spec: "{}",
			want: model.DataplaneAmbient,
		},
		"a pod whose traffic is redirected": {
			metadata: "annotations: {ambient.istio.io/redirection: enabled}", spec: "{}",
			want: model.DataplaneAmbient,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := snapshot(t, tc.namespace+pod("a", tc.metadata, tc.spec)).Workloads[0].Dataplane
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

const gatewayPolicy = `
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: a, namespace: shop}
spec: {gateway: TARGET, plaintext: [{port: 80, hosts: [a.example]}]}
`

func TestSnapshotGatewayPods(t *testing.T) {
	elsewhere := func(namespace, name, labels string) string {
		return strings.Replace(pod(name, "labels: "+labels, "{containers: [{name: istio-proxy}]}"), "namespace: shop", "namespace: "+namespace, 1)
	}
	pods := elsewhere("ingress", "edge-2", "{istio: edge, tier: front}") + elsewhere("ingress", "edge-1", "{istio: edge, tier: front}") +
		elsewhere("egress", "edge-3", "{istio: edge, tier: front}") + elsewhere("shop", "own", "{istio: edge, tier: front}") +
		elsewhere("ingress", "other", "{istio: other, tier: front}") + elsewhere("ingress", "back", "{istio: edge, tier: back}")
	edges := []string{"egress/edge-3 1", "ingress/edge-1 2"}
	tests := map[string]struct {
		target, services string
		want             []string
	}{
		"by selector":                          {target: "{selector: {matchLabels: {istio: edge, tier: front}}}", want: edges},
		"by selector, of which one label fits": {target: "{selector: {matchLabels: {istio: edge, tier: none}}}"},
		"by Service": {
			target:   "{service: edge}",
			services: "\n---\n{apiVersion: v1, kind: Service, metadata: {name: edge, namespace: shop}, spec: {selector: {istio: edge, tier: front}}}",
			want:     edges,
		},
		"by a Service that is missing": {target: "{service: edge}"},
		"by a Service without a selector": {
			target:   "{service: edge}",
			services: "\n---\n{apiVersion: v1, kind: Service, metadata: {name: edge, namespace: shop}, spec: {}}",
		},
		"by a Service of another namespace": {
			target:   "{service: edge}",
			services: "\n---\n{apiVersion: v1, kind: Service, metadata: {name: edge, namespace: ingress}, spec: {selector: {istio: edge}}}",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, w := range podsElsewhere(snapshot(t, pods+tc.services+strings.Replace(gatewayPolicy, "TARGET", tc.target, 1))) {
				got = append(got, w.Namespace+"/"+w.Example+" "+string(rune('0'+w.Count)))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("gateway pods (-want +got):\n%s", diff)
			}
		})
	}
}

// podsElsewhere returns the workloads of other namespaces.
func podsElsewhere(s model.Snapshot) []*model.Workload {
	return slices.DeleteFunc(slices.Clone(s.Workloads), func(w *model.Workload) bool { return w.Namespace == s.Namespace })
}

func TestSnapshotReadsNoPodsOfOtherNamespacesWithoutAGateway(t *testing.T) {
	reader := &counting{Reader: world(t, policyA)}
	snapshotOf(t, reader, "shop", gather.Options{})
	if diff := cmp.Diff([]string{"shop"}, reader.podNamespaces); diff != "" {
		t.Errorf("namespaces whose pods were listed (-want +got):\n%s", diff)
	}
}

// counting remembers the namespaces whose pods were listed.
type counting struct {
	client.Reader
	podNamespaces []string
}

func (c *counting) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	if _, ok := into.(*corev1.PodList); ok {
		c.podNamespaces = append(c.podNamespaces, (&client.ListOptions{}).ApplyOptions(options).Namespace)
	}
	return c.Reader.List(ctx, into, options...)
}

func TestTrimKeepsWhatASnapshotNeeds(t *testing.T) {
	reader := samples(t)
	for _, namespace := range namespaces(t, reader) {
		want := snapshotOf(t, reader, namespace, gather.Options{})
		got := snapshotOf(t, trimming{reader}, namespace, gather.Options{})
		if diff := cmp.Diff(want.Workloads, got.Workloads, cmpopts.IgnoreFields(model.Pod{}, "Controller")); diff != "" {
			t.Errorf("workloads of %s (-whole +trimmed):\n%s", namespace, diff)
		}
	}
}

// trimming reads from a cache that trims.
type trimming struct{ client.Reader }

func (r trimming) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	err := r.Reader.List(ctx, into, options...)
	if pods, ok := into.(*corev1.PodList); ok {
		for i := range pods.Items {
			trimmed, err := gather.Trim(&pods.Items[i])
			if err != nil {
				return err
			}
			pods.Items[i] = *trimmed.(*corev1.Pod)
		}
	}
	return err
}
