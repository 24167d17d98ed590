package gather_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
)

const sendingPolicy = `
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: sends, namespace: shop}
spec: {send: [{hosts: [api.bank.svc.cluster.local, own, '*.example'], mode: Simple}]}
`

func TestSnapshotBesideDeclarations(t *testing.T) {
	tests := map[string]struct {
		world string
		want  []string
	}{
		"a Service of another namespace": {world: service("bank", "api", ""), want: []string{"Service bank/api"}},
		"not the namespace's own":        {world: service("shop", "own", "")},
		"not one that nobody sends to":   {world: service("bank", "db", "")},
		"one that the namespace cannot see": {
			world: service("bank", "api", ", annotations: {networking.istio.io/exportTo: .}"), want: []string{"Service bank/api"},
		},
		"a Service before gateway pods of another namespace": {
			world: gatewayOfEdge + edgePods + selecting("edge", "ingress", "{istio: ingress}") + selecting("edge", "other", "{app: other}") +
				selecting("bank", "ingress", "{istio: ingress}"),
			want: []string{"Service edge/ingress", "Service edge/other"},
		},
		"one before gateway pods that is sent to, once": {
			world: gatewayOfEdge + edgePods + selecting("edge", "ingress", "{istio: ingress}") + sendingPolicyTo("ingress.edge.svc.cluster.local"),
			want:  []string{"Service edge/ingress"},
		},
		"ServiceEntries, by namespace": {
			world: serviceEntry("shop", "b.example", "") + serviceEntry("bank", "c.example", ""),
			want:  []string{"ServiceEntry bank/c.example", "ServiceEntry shop/b.example"},
		},
		"one that is found by two hosts, once": {
			world: serviceEntry("shop", "*.example", "") + sendingPolicyTo("a.example"),
			want:  []string{"ServiceEntry shop/any.example"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, namesOf(snapshot(t, sendingPolicy+tc.world))); diff != "" {
				t.Errorf("declarations (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	gatewayOfEdge = `
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: edge, namespace: shop}
spec: {gateway: {selector: {matchLabels: {istio: ingress}}}, plaintext: [{port: 80, hosts: [a.example]}]}
`
	edgePods = `
---
apiVersion: v1
kind: Pod
metadata: {name: ingress, namespace: edge, labels: {istio: ingress}}
spec: {containers: [{name: istio-proxy}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: edge, labels: {app: other}}
spec: {containers: [{name: istio-proxy}]}
`
)

func selecting(namespace, name, selector string) string {
	return "\n---\n{apiVersion: v1, kind: Service, metadata: {name: " + name + ", namespace: " + namespace + "}, spec: {selector: " + selector +
		", ports: [{port: 80}]}}"
}

func sendingPolicyTo(host string) string {
	return `
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: more, namespace: shop}
spec: {send: [{hosts: [` + host + `], mode: Simple}]}
`
}

// namesOf returns the objects of the snapshot that nothing is rendered from: Services of other namespaces, and the rest.
func namesOf(b model.Snapshot) []string {
	var names []string
	for _, s := range b.Services {
		if s.Namespace == b.Namespace {
			continue
		}
		names = append(names, "Service "+s.Namespace+"/"+s.Name)
	}
	for _, e := range b.ServiceEntries {
		names = append(names, "ServiceEntry "+e.Namespace+"/"+e.Name)
	}
	for _, vs := range b.VirtualServices {
		names = append(names, "VirtualService "+vs.Namespace+"/"+vs.Name)
	}
	for _, w := range b.Webhooks {
		names = append(names, w.Kind+" "+w.Configuration+" "+w.Name)
	}
	return names
}

const gatewayOfA = `
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: a, namespace: shop}
spec: {gateway: {service: edge}, plaintext: [{port: 80, hosts: [a.example]}]}
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: no-gateway, namespace: shop}
spec: {accept: {mode: Strict}}
`

func TestSnapshotBesideVirtualServices(t *testing.T) {
	routed := func(namespace, gateway string) string {
		return "\n---\n{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: r, namespace: " + namespace +
			"}, spec: {hosts: [a.example], gateways: [mesh, '" + gateway + "']}}"
	}
	ours := render.GatewayName("a")
	tests := map[string]struct {
		world string
		want  []string
	}{
		"of the namespace, by name":             {world: routed("shop", ours), want: []string{"VirtualService shop/r"}},
		"of the namespace, with a dot":          {world: routed("shop", "./"+ours), want: []string{"VirtualService shop/r"}},
		"of another namespace":                  {world: routed("bank", "shop/"+ours), want: []string{"VirtualService bank/r"}},
		"of another namespace, in the old way":  {world: routed("bank", ours+".shop.svc.cluster.local"), want: []string{"VirtualService bank/r"}},
		"in order":                              {world: routed("shop", ours) + routed("bank", "shop/"+ours), want: []string{"VirtualService bank/r", "VirtualService shop/r"}},
		"one of the same name elsewhere":        {world: routed("bank", ours)},
		"the Gateway of somebody else":          {world: routed("shop", "theirs")},
		"a policy without a gateway has none":   {world: routed("shop", render.GatewayName("no-gateway"))},
		"the sidecars' are for no Gateway":      {world: routed("shop", "mesh")},
		"another namespace's, of the same name": {world: routed("shop", "bank/"+ours)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, namesOf(snapshot(t, gatewayOfA+tc.world))); diff != "" {
				t.Errorf("VirtualServices (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSnapshotBesideWebhooks(t *testing.T) {
	got := snapshot(t, policyA+`
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: checks, labels: {l: v}, annotations: {a: v}}
webhooks:
- {name: elsewhere, clientConfig: {service: {namespace: bank, name: api}}}
- {name: here, clientConfig: {service: {namespace: shop, name: api, port: 8443}}}
- {name: by-url, clientConfig: {url: 'https://api.example'}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: changes}
webhooks: [{name: here, clientConfig: {service: {namespace: shop, name: api}}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: elsewhere}
webhooks: [{name: there, clientConfig: {service: {namespace: bank, name: api}}}]
`).Webhooks
	service := client.ObjectKey{Namespace: "shop", Name: "api"}
	want := []model.Webhook{
		{Kind: model.KindMutatingWebhook, Configuration: "changes", Name: "here", Service: service, Port: 443},
		{
			Kind: model.KindValidatingWebhook, Configuration: "checks", Name: "here", Service: service, Port: 8443,
			Labels: map[string]string{"l": "v"}, Annotations: map[string]string{"a": "v"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestTrimDropsWhatNoSnapshotNeeds(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "shop", Name: "r", ResourceVersion: "1"}
	hook := admissionregistrationv1.WebhookClientConfig{Service: &admissionregistrationv1.ServiceReference{Namespace: "shop", Name: "api"}}
	long, byURL := hook, admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://a.example")}
	long.CABundle = []byte("long")
	rules := []admissionregistrationv1.RuleWithOperations{{Operations: []admissionregistrationv1.OperationType{"*"}}}
	to := []*networkingapi.HTTPRouteDestination{{Destination: &networkingapi.Destination{Host: "api"}, Weight: 1}}
	tests := map[string]struct {
		whole, want client.Object
	}{
		"what a route does on the way": {
			whole: &istionetworkingv1.VirtualService{ObjectMeta: meta, Spec: networkingapi.VirtualService{
				Hosts: []string{"a.example"}, Gateways: []string{"edge/gateway"}, ExportTo: []string{"."},
				Http: []*networkingapi.HTTPRoute{{
					Name: "api", Route: to, Rewrite: &networkingapi.HTTPRewrite{Uri: "/"},
					Match: []*networkingapi.HTTPMatchRequest{{Port: 80, Headers: map[string]*networkingapi.StringMatch{"h": {}}}},
				}},
				Tls: []*networkingapi.TLSRoute{{Match: []*networkingapi.TLSMatchAttributes{{SniHosts: []string{"b.example"}}}}},
				Tcp: []*networkingapi.TCPRoute{{Match: []*networkingapi.L4MatchAttributes{{Port: 81}}}},
			}},
			want: &istionetworkingv1.VirtualService{ObjectMeta: meta, Spec: networkingapi.VirtualService{
				Hosts: []string{"a.example"}, Gateways: []string{"edge/gateway"}, ExportTo: []string{"."},
				Http: []*networkingapi.HTTPRoute{{Name: "api", Route: to, Match: []*networkingapi.HTTPMatchRequest{{Port: 80}}}},
				Tls:  []*networkingapi.TLSRoute{{Match: []*networkingapi.TLSMatchAttributes{{SniHosts: []string{"b.example"}}}}},
				Tcp:  []*networkingapi.TCPRoute{{Match: []*networkingapi.L4MatchAttributes{{Port: 81}}}},
			}},
		},
		"what nobody reads of a Service": {
			whole: &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: "shop", Name: "a", UID: "u", ResourceVersion: "1", Generation: 3,
					Labels:      map[string]string{"helm.sh/chart": "long", model.LabelUseWaypoint: "w"},
					Annotations: map[string]string{"prometheus.io/scrape": "true", model.AnnotationExportTo: "."},
				},
				Spec: corev1.ServiceSpec{
					Selector: map[string]string{"app": "a"}, Ports: []corev1.ServicePort{{Port: 80}}, ClusterIP: "10.0.0.1",
					ClusterIPs: []string{"10.0.0.1"}, SessionAffinity: corev1.ServiceAffinityNone,
				},
				Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "10.1.1.1"}}}},
			},
			want: &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: "shop", Name: "a", UID: "u", ResourceVersion: "1", Labels: map[string]string{model.LabelUseWaypoint: "w"},
					Annotations: map[string]string{model.AnnotationExportTo: "."},
				},
				Spec: corev1.ServiceSpec{
					Selector: map[string]string{"app": "a"}, Ports: []corev1.ServicePort{{Port: 80}}, ClusterIP: "10.0.0.1",
					ClusterIPs: []string{"10.0.0.1"},
				},
			},
		},
		"what an EnvoyFilter does": {
			whole: &istionetworkingv1alpha3.EnvoyFilter{ObjectMeta: meta, Spec: networkingapi.EnvoyFilter{
				WorkloadSelector: &networkingapi.WorkloadSelector{Labels: map[string]string{"app": "a"}},
				ConfigPatches:    []*networkingapi.EnvoyFilter_EnvoyConfigObjectPatch{{}},
			}},
			want: &istionetworkingv1alpha3.EnvoyFilter{ObjectMeta: meta, Spec: networkingapi.EnvoyFilter{
				WorkloadSelector: &networkingapi.WorkloadSelector{Labels: map[string]string{"app": "a"}},
			}},
		},
		"what an HTTPRoute does": {
			whole: &unstructured.Unstructured{Object: map[string]any{"kind": "HTTPRoute", "apiVersion": "gateway.networking.k8s.io/v1",
				"metadata": map[string]any{"name": "r"}, "spec": map[string]any{"parentRefs": []any{}, "rules": []any{}}}},
			want: &unstructured.Unstructured{Object: map[string]any{"kind": "HTTPRoute", "apiVersion": "gateway.networking.k8s.io/v1",
				"metadata": map[string]any{"name": "r"}, "spec": map[string]any{"parentRefs": []any{}}}},
		},
		"routes of sidecars only": {
			whole: &istionetworkingv1.VirtualService{ObjectMeta: meta, Spec: networkingapi.VirtualService{
				Hosts: []string{"a.example"}, Gateways: []string{"mesh"}, Http: []*networkingapi.HTTPRoute{{Route: to}},
			}},
			want: &istionetworkingv1.VirtualService{ObjectMeta: meta, Spec: networkingapi.VirtualService{
				Hosts: []string{"a.example"}, Gateways: []string{"mesh"}, Http: []*networkingapi.HTTPRoute{{Route: to}},
			}},
		},
		"what a mutating webhook is called for": {
			whole: &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: meta, Webhooks: []admissionregistrationv1.MutatingWebhook{
				{Name: "api", ClientConfig: long, Rules: rules}, {Name: "by-url", ClientConfig: byURL},
			}},
			want: &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: meta, Webhooks: []admissionregistrationv1.MutatingWebhook{
				{Name: "api", ClientConfig: hook},
			}},
		},
		"what a validating webhook is called for": {
			whole: &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: meta, Webhooks: []admissionregistrationv1.ValidatingWebhook{
				{Name: "api", ClientConfig: long, Rules: rules}, {Name: "by-url", ClientConfig: byURL},
			}},
			want: &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: meta, Webhooks: []admissionregistrationv1.ValidatingWebhook{
				{Name: "api", ClientConfig: hook},
			}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			whole := tc.whole.DeepCopyObject()
			got, err := gather.Trim(tc.whole)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("trimmed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(whole, tc.whole, protocmp.Transform()); diff != "" {
				t.Errorf("the object itself (-before +after):\n%s", diff)
			}
		})
	}
}
