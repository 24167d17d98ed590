package source_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/verbatim"
)

const world = `
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: shop, labels: {app: b, tier: back}}, spec: {}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, labels: {app: a, tier: back}}, spec: {}}
---
{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: bank, labels: {app: a}}, spec: {}}
---
{apiVersion: networking.istio.io/v1beta1, kind: ServiceEntry, metadata: {name: a, namespace: bank}, spec: {hosts: [api.partner.example]}}
---
{apiVersion: networking.istio.io/v1alpha3, kind: ServiceEntry, metadata: {name: b, namespace: shop}, spec: {hosts: ["*.partner.example"]}}
`

// names lists the names of what the reader selects.
func names(t *testing.T, reader client.Reader, into client.ObjectList, options ...client.ListOption) []string {
	t.Helper()
	if err := reader.List(t.Context(), into, options...); err != nil {
		t.Fatal(err)
	}
	var all []string
	err := apimeta.EachListItem(into, func(object runtime.Object) error {
		accessor, err := apimeta.Accessor(object)
		all = append(all, accessor.GetName())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func mustRead(t *testing.T, text string) *source.Reader {
	t.Helper()
	reader, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

func TestList(t *testing.T) {
	tests := map[string]struct {
		into    client.ObjectList
		options []client.ListOption
		want    []string
	}{
		"everything, by namespace and name": {into: &corev1.PodList{}, want: []string{"c", "a", "b"}},
		"by namespace":                      {into: &corev1.PodList{}, options: []client.ListOption{client.InNamespace("shop")}, want: []string{"a", "b"}},
		"by label":                          {into: &corev1.PodList{}, options: []client.ListOption{client.MatchingLabels{"app": "a"}}, want: []string{"c", "a"}},
		"by field": {
			into:    &corev1.PodList{},
			options: []client.ListOption{client.MatchingFields{gather.IndexPodLabel: "tier=back"}},
			want:    []string{"a", "b"},
		},
		"by field, label and namespace": {
			into: &corev1.PodList{},
			options: []client.ListOption{
				client.InNamespace("shop"), client.MatchingLabels{"tier": "back"}, client.MatchingFields{gather.IndexPodLabel: "app=a"},
			},
			want: []string{"a"},
		},
		"Istio's kinds in versions that say the same as v1": {into: &istionetworkingv1.ServiceEntryList{}, want: []string{"a", "b"}},
		"Istio's kinds by field": {
			into:    &istionetworkingv1.ServiceEntryList{},
			options: []client.ListOption{client.MatchingFields{gather.IndexServiceEntryHost: "*.partner.example"}},
			want:    []string{"b"},
		},
		"a kind of which there is nothing": {into: &verbatim.PeerAuthenticationList{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, names(t, mustRead(t, world), tc.into, tc.options...)); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListRefusesWhatItCannotDo(t *testing.T) {
	tests := map[string]struct {
		into    client.ObjectList
		options []client.ListOption
	}{
		"a kind that is not read":   {into: &corev1.ServiceAccountList{}},
		"a field without an index":  {into: &corev1.PodList{}, options: []client.ListOption{client.MatchingFields{"spec.nodeName": "a"}}},
		"two fields":                {into: &corev1.PodList{}, options: []client.ListOption{client.MatchingFields{gather.IndexPodLabel: "a=b", "b": "c"}}},
		"a page":                    {into: &corev1.PodList{}, options: []client.ListOption{client.Limit(1)}},
		"a page after another page": {into: &corev1.PodList{}, options: []client.ListOption{client.Continue("a")}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if err := mustRead(t, world).List(t.Context(), tc.into, tc.options...); err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestGet(t *testing.T) {
	reader := mustRead(t, world)
	var pod corev1.Pod
	if err := reader.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "a"}, &pod); err != nil {
		t.Fatal(err)
	}
	if pod.Name != "a" || pod.Labels["tier"] != "back" {
		t.Errorf("got %v, want pod shop/a", pod)
	}
	if err := reader.Get(t.Context(), client.ObjectKey{Namespace: "bank", Name: "a"}, &pod); !apierrors.IsNotFound(err) {
		t.Errorf("got %v, want not found", err)
	}
	if err := reader.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "a"}, &corev1.ServiceAccount{}); err == nil || apierrors.IsNotFound(err) {
		t.Errorf("got %v, want an error that is not: not found", err)
	}
}

func TestReaderHandsOutCopies(t *testing.T) {
	reader := mustRead(t, world)
	key := client.ObjectKey{Namespace: "shop", Name: "a"}
	var first, second corev1.Pod
	var list corev1.PodList
	for _, change := range []func() error{
		func() error { return reader.Get(t.Context(), key, &first) },
		func() error { first.Labels["app"] = "changed"; return reader.List(t.Context(), &list) },
		func() error { list.Items[1].Labels["app"] = "changed"; return reader.Get(t.Context(), key, &second) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
	}
	if second.Labels["app"] != "a" {
		t.Errorf("got label %q, want that nobody can change what the reader holds", second.Labels["app"])
	}
}

func TestControllersContributeAPod(t *testing.T) {
	const template = `template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: a, ports: [{containerPort: 8080}]}]}}`
	tests := map[string]struct {
		text string
		want []string
	}{
		"a Deployment":  {text: `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {` + template + `}}`, want: []string{"a-deployment-0"}},
		"a StatefulSet": {text: `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {` + template + `}}`, want: []string{"a-statefulset-0"}},
		"a DaemonSet":   {text: `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: {` + template + `}}`, want: []string{"a-daemonset-0"}},
		"a ReplicaSet":  {text: `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}, spec: {` + template + `}}`, want: []string{"a-replicaset-0"}},
		"a Job":         {text: `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {` + template + `}}`, want: []string{"a-job-0"}},
		"a CronJob": {
			text: `{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {jobTemplate: {spec: {` + template + `}}}}`,
			want: []string{"a-cronjob-0"},
		},
		"a ReplicaSet of a Deployment has no pods of its own": {
			text: `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, ownerReferences: [{apiVersion: apps/v1, kind: Deployment,
              name: a, uid: a, controller: true}]}, spec: {` + template + `}}`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			reader := mustRead(t, tc.text)
			var pods corev1.PodList
			if diff := cmp.Diff(tc.want, names(t, reader, &pods)); diff != "" {
				t.Fatalf("pods (-want +got):\n%s", diff)
			}
			for _, pod := range pods.Items {
				if pod.Namespace != "default" || pod.Labels["app"] != "a" || pod.Spec.Containers[0].Ports[0].ContainerPort != 8080 {
					t.Errorf("got %v, want the template's labels and containers in namespace default", pod)
				}
			}
		})
	}
}

func TestControllersAreThereToo(t *testing.T) {
	reader := mustRead(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}`)
	if diff := cmp.Diff([]string{"a"}, names(t, reader, &appsv1.DeploymentList{})); diff != "" {
		t.Errorf("deployments (-want +got):\n%s", diff)
	}
}
