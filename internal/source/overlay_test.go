package source_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/verbatim"
)

const live = `
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled, team: a}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: catalog-abc-1, namespace: shop, labels: {app: catalog, pod-template-hash: abc},
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: catalog-abc, uid: a}]}, spec: {containers: [{name: app}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: catalog-old-abc-1, namespace: shop, labels: {app: catalog, pod-template-hash: abc},
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: catalog-old-abc, uid: b}]}, spec: {containers: [{name: app}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: nightly-123-x, namespace: shop, labels: {app: nightly},
  ownerReferences: [{apiVersion: batch/v1, kind: Job, name: nightly-123, uid: c}]}, spec: {containers: [{name: app}]}}
---
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: shop, uid: d,
  creationTimestamp: "2025-01-01T00:00:00Z"}, spec: {mtls: {mode: PERMISSIVE}}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: catalog, namespace: shop, uid: e},
  spec: {accept: {mode: Strict, rollout: {}}}, status: {rollout: {phase: Observing, mode: Permissive}}}
`

// laid returns the cluster with the documents laid on top.
func laid(t *testing.T, documents string, missing ...string) *source.Reader {
	t.Helper()
	before, err := source.Read(t.Context(), []string{source.Stdin}, source.Options{Stdin: strings.NewReader(live)})
	if err != nil {
		t.Fatal(err)
	}
	cluster := newCluster(before.Objects()...)
	cluster.missing = sets.New(missing...)
	mesh, err := source.Load(t.Context(), cluster, source.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := source.Read(t.Context(), []string{source.Stdin}, source.Options{Stdin: strings.NewReader(documents), Beside: mesh})
	if err != nil {
		t.Fatal(err)
	}
	if err := mesh.Lay(files); err != nil {
		t.Fatal(err)
	}
	return mesh
}

func podsOf(t *testing.T, mesh client.Reader) map[string]bool {
	t.Helper()
	var pods corev1.PodList
	if err := mesh.List(t.Context(), &pods); err != nil {
		t.Fatal(err)
	}
	sidecars := map[string]bool{}
	for _, pod := range pods.Items {
		_, sidecars[pod.Name] = pod.Annotations[model.AnnotationSidecarStatus]
	}
	return sidecars
}

// TestLayPods wants pods that run to stay, and a template to stand for those that it will replace.
func TestLayPods(t *testing.T) {
	t.Parallel()
	const running = "catalog-abc-1 catalog-old-abc-1 nightly-123-x"
	tests := map[string]struct{ file, want string }{
		"a Deployment as it runs": {
			file: `{apiVersion: apps/v1, kind: Deployment, metadata: {name: catalog, namespace: shop}, spec: {template: {metadata: {labels: {app: catalog}}}}}`,
			want: running,
		},
		"a Deployment whose pods get another label": {
			file: `{apiVersion: apps/v1, kind: Deployment, metadata: {name: catalog, namespace: shop}, spec: {template: {metadata: {labels: {app: catalog, v: "2"}}}}}`,
			want: "catalog-deployment-0+ catalog-old-abc-1 nightly-123-x",
		},
		"a CronJob whose pods get another label": {
			file: `{apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly, namespace: shop},
  spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: night}}}}}}}`,
			want: "catalog-abc-1 catalog-old-abc-1 nightly-cronjob-0+",
		},
		"one that is new, where the cluster's namespace is injected": {
			file: `{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart, namespace: shop}, spec: {template: {metadata: {labels: {app: cart}}}}}`,
			want: "cart-deployment-0+ " + running,
		},
		"the same, where the file's namespace is not injected any more": {
			file: `{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart, namespace: shop}, spec: {template: {metadata: {labels: {app: cart}}}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: disabled}}}`,
			want: "cart-deployment-0 " + running,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for pod, injected := range podsOf(t, laid(t, tc.file)) {
				got = append(got, pod+map[bool]string{true: "+"}[injected])
			}
			slices.Sort(got)
			want := strings.Fields(tc.want)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the pods (+ with a sidecar) differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLayKeepsWhatTheClusterKnows wants an object to keep its age, a policy how far its rollout has come, and a namespace its labels.
func TestLayKeepsWhatTheClusterKnows(t *testing.T) {
	t.Parallel()
	mesh := laid(t, `
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: b}}}
---
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: shop}, spec: {mtls: {mode: STRICT}}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: catalog, namespace: shop},
  spec: {workload: {service: catalog}, accept: {mode: Strict, rollout: {}, ports: [{port: 8080, mode: Permissive}]}}}
`)
	var (
		namespace corev1.Namespace
		peer      verbatim.PeerAuthentication
		policy    meshtlsv1alpha1.MeshTLSPolicy
	)
	for key, into := range map[client.ObjectKey]client.Object{
		{Name: "shop"}: &namespace, {Namespace: "shop", Name: "default"}: &peer, {Namespace: "shop", Name: "catalog"}: &policy,
	} {
		if err := mesh.Get(t.Context(), key, into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]string{"istio-injection": "enabled", "team": "b"}, namespace.Labels); diff != "" {
		t.Errorf("the labels differ (-want +got):\n%s", diff)
	}
	if peer.CreationTimestamp.Year() != 2025 || peer.Spec.GetMtls().GetMode().String() != "STRICT" {
		t.Errorf("got mode %s of %s", peer.Spec.GetMtls().GetMode(), peer.CreationTimestamp)
	}
	if len(policy.Spec.Accept.Ports) != 1 || policy.Status.Rollout == nil || policy.Status.Rollout.Phase != meshtlsv1alpha1.RolloutObserving {
		t.Errorf("got ports %v and rollout %v", policy.Spec.Accept.Ports, policy.Status.Rollout)
	}
	if place, known := mesh.Place(model.ObjectRef{Kind: model.KindPeerAuthentication, Namespace: "shop", Name: "default"}, ""); !known || place.Line != 4 {
		t.Errorf("got the place %v", place)
	}
}

// TestLayBringsKinds wants a kind that the cluster does not know, and the files have, to be read.
func TestLayBringsKinds(t *testing.T) {
	t.Parallel()
	mesh := laid(t, "{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: a, namespace: shop}, spec: {accept: {mode: Strict}}}",
		"MeshTLSPolicy", "Gateway")
	if got := mesh.Missing(); got.Has("MeshTLSPolicy") || !got.Has("Gateway") {
		t.Errorf("got the missing kinds %v", sets.List(got))
	}
}
