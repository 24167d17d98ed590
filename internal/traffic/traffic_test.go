package traffic_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/traffic"
	"github.com/meshtls/meshtls/test/manifests"
)

// world is a shop whose catalog is called in many ways.
const world = `
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: legacy}}
---
apiVersion: v1
kind: Service
metadata: {name: catalog, namespace: shop}
spec:
  selector: {app: catalog}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-db, port: 90, targetPort: 9000}, {name: https-hook, port: 443, targetPort: 8443}]
---
{apiVersion: v1, kind: Service, metadata: {name: alias, namespace: shop}, spec: {selector: {app: catalog}, ports: [{name: http, port: 8080}]}}
---
apiVersion: v1
kind: Pod
metadata:
  name: catalog-1
  namespace: shop
  labels: {app: catalog}
  annotations: {sidecar.istio.io/status: '{}', prometheus.io/scrape: "true", prometheus.io/port: "9102", traffic.sidecar.istio.io/excludeInboundPorts: "7000"}
spec:
  containers: [{name: app, image: a, ports: [{containerPort: 8080}, {containerPort: 9102}, {containerPort: 7000}]}, {name: istio-proxy, image: p}]
status: {podIP: 10.0.0.1}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: front, namespace: shop}, spec: {selector: {matchLabels: {app: front}}, template: {metadata: {labels: {app: front}}, spec: {containers: [{name: a, image: a}]}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: around, namespace: shop}
spec:
  selector: {matchLabels: {app: around}}
  template:
    metadata: {labels: {app: around}, annotations: {traffic.sidecar.istio.io/excludeOutboundPorts: "80"}}
    spec: {containers: [{name: a, image: a}]}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: disabled, namespace: shop}, spec: {selector: {matchLabels: {app: disabled}}, template: {metadata: {labels: {app: disabled}}, spec: {containers: [{name: a, image: a}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: crawler, namespace: legacy}, spec: {selector: {matchLabels: {app: crawler}}, template: {metadata: {labels: {app: crawler}}, spec: {containers: [{name: a, image: a}]}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: plain, namespace: shop}
spec: {host: catalog, workloadSelector: {matchLabels: {app: disabled}}, exportTo: ["."], trafficPolicy: {tls: {mode: DISABLE}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: prices}
webhooks: [{name: prices.shop.example, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {service: {namespace: shop, name: catalog, port: 443}}}]
`

func view(t *testing.T) *mesh.View {
	t.Helper()
	return mesh.New(manifests.Read(t, time.Time{}, world).Inventory, "")
}

// named returns the workloads of shop of a name.
func named(v *mesh.View, name string) []*model.Workload {
	return traffic.Named(v, evidence.Workload{Namespace: "shop", Name: name})
}

func TestReasons(t *testing.T) {
	t.Parallel()
	v := view(t)
	catalog := evidence.Workload{Namespace: "shop", Name: "catalog-1"}
	tests := map[string]struct {
		call evidence.Call
		want []string
	}{
		"a client without a proxy": {
			evidence.Call{Client: evidence.Workload{Namespace: "legacy", Name: "crawler"}}, []string{"Its pods have no proxy"},
		},
		"a client that is gone": {
			evidence.Call{Client: evidence.Workload{Namespace: "shop", Name: "job"}}, []string{"There is no pod of it any more"},
		},
		"a client whose rule disables it": {
			evidence.Call{Client: evidence.Workload{Namespace: "shop", Name: "disabled"}}, []string{"DestinationRule shop/plain (spec.trafficPolicy.tls) says DISABLE"},
		},
		"a client whose proxy is passed by": {
			evidence.Call{Client: evidence.Workload{Namespace: "shop", Name: "around"}}, []string{"keeps what it sends to port 80 from its proxy"},
		},
		"a client whose proxy would use mutual TLS": {
			evidence.Call{Client: evidence.Workload{Namespace: "shop", Name: "front"}}, []string{"it calls an address that its proxy does not know"},
		},
		"nobody knows whom": {
			evidence.Call{}, []string{"Prometheus: annotations ask it to read port 9102", "pods without a proxy: legacy/crawler", "the API server"},
		},
		"nobody knows whom, at a port that no webhook leads to": {evidence.Call{Port: 9000}, []string{"pods without a proxy: legacy/crawler"}},
		"nobody knows whom, at the webhook's port": {
			evidence.Call{Candidates: []int32{8080, 8443}}, []string{"pods without a proxy", "ValidatingWebhookConfiguration prices leads here"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.call.Server = catalog
			got := traffic.Explain(v, evidence.Observation{Refusable: []evidence.Call{tc.call}}).Refusable[0].Why
			if len(got) != len(tc.want) {
				t.Fatalf("got %q, want %q", got, tc.want)
			}
			for i, want := range tc.want {
				if !strings.Contains(got[i], want) || !strings.HasSuffix(got[i], ".") {
					t.Errorf("got %q, want a sentence with %q", got[i], want)
				}
			}
		})
	}
}

func TestTargetOf(t *testing.T) {
	t.Parallel()
	v := view(t)
	ready := metav1.NewTime(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "catalog-1"}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: ready}}
	got := traffic.TargetOf(v, named(v, "catalog-1"), traffic.NewPods([]corev1.Pod{pod}))
	want := evidence.Target{
		Namespace: "shop", Workloads: []string{"catalog-1"},
		Pods: []evidence.Pod{{Namespace: "shop", Name: "catalog-1", Since: ready.Time, Proxy: evidence.Proxy{Namespace: "shop", Name: "catalog-1", IP: "10.0.0.1"}}},
		Ports: []evidence.Port{
			{Number: 8080, Protocol: "HTTP", Services: []string{"alias", "catalog"}}, {Number: 8443, Protocol: "HTTPS", Services: []string{"catalog"}},
			{Number: 9000, Protocol: "TCP", Services: []string{"catalog"}}, {Number: 9102},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPods are ready or not, and in ambient mode reported on by the ztunnel of their node.
func TestPods(t *testing.T) {
	t.Parallel()
	v := view(t)
	node := func(name, node string, status corev1.ConditionStatus) corev1.Pod {
		pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.PodSpec{NodeName: node}}
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
		return pod
	}
	ztunnel := node("ztunnel-a", "a", corev1.ConditionTrue)
	ztunnel.Labels, ztunnel.Status.PodIP = map[string]string{"app": "ztunnel"}, "10.0.9.1"
	pods := traffic.NewPods([]corev1.Pod{ztunnel, node("one", "a", corev1.ConditionTrue), node("two", "b", corev1.ConditionFalse)})
	ambient := &model.Workload{Namespace: "shop", Dataplane: model.DataplaneAmbient, Pods: []model.Pod{{Name: "one"}, {Name: "two"}}}
	bare := &model.Workload{Namespace: "shop", Dataplane: model.DataplaneNone, Pods: []model.Pod{{Name: "three"}}}
	got := traffic.TargetOf(v, []*model.Workload{ambient, bare}, pods)
	want := []evidence.Pod{{Namespace: "shop", Name: "one", Proxy: evidence.Proxy{Namespace: "shop", Name: "ztunnel-a", IP: "10.0.9.1", Ztunnel: true}}}
	if diff := cmp.Diff(want, got.Pods); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want := []string{"one", "three", "two"}; !slices.Equal(got.Workloads, want) {
		t.Errorf("got the workloads %v, want %v", got.Workloads, want)
	}
}
