package gather_test

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
)

// readsOf returns the reads that the snapshot of a namespace is made of.
func readsOf(t *testing.T, reader client.Reader, namespace string) map[gather.Read]bool {
	t.Helper()
	made := map[gather.Read]bool{}
	snapshotOf(t, reader, namespace, gather.Options{Note: func(read gather.Read) { made[read] = true }})
	return made
}

// concerned returns the namespaces, of those with policies, whose snapshots depend on the object.
func concerned(t *testing.T, reader client.Reader, object client.Object) []string {
	t.Helper()
	gvk, err := apiutil.GVKForObject(object, source.Scheme())
	if err != nil {
		t.Fatal(err)
	}
	namespaces, err := gather.Namespaces(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, namespace := range namespaces {
		made := readsOf(t, reader, namespace)
		if slices.ContainsFunc(gather.ReadsOf(gvk.Kind, object), func(r gather.Read) bool { return made[r] }) {
			found = append(found, namespace)
		}
	}
	return found
}

// readers has policies in five namespaces: shop accepts, client sends to the Service cart of shop and to *.example, all sends to it for
// all clients, edge has a gateway by labels, and edge2 one by the Service ingress.
const readers = `
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: a, namespace: shop}, spec: {accept: {mode: Strict}}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: a, namespace: client}, spec: {
  send: [{hosts: [cart.shop.svc.cluster.local, "*.example"], mode: Disable}]}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: a, namespace: edge}, spec: {
  gateway: {selector: {matchLabels: {istio: ingress, tier: edge}}}, plaintext: [{port: 80, hosts: [a.example.com]}]}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: a, namespace: edge2}, spec: {
  gateway: {service: ingress}, plaintext: [{port: 80, hosts: [a.example.com]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {selector: {app: cart}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: ingress, namespace: edge2}, spec: {selector: {istio: egress}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: cart, namespace: shop, labels: {app: cart}}, spec: {containers: [{name: a}]}, status: {podIPs: [{ip: 10.0.0.1}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: edge, namespace: pods, labels: {istio: ingress, tier: edge}}, spec: {containers: [{name: istio-proxy}]}}
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: outside, namespace: bank}, spec: {
  hosts: [api.example], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 10.0.0.9}]}}
`

func TestWhomAnObjectConcerns(t *testing.T) {
	istio := func(kind, namespace, spec string) string {
		group := "networking.istio.io"
		if kind == "PeerAuthentication" {
			group = "security.istio.io"
		}
		return "{apiVersion: " + group + "/v1, kind: " + kind + ", metadata: {name: x, namespace: " + namespace + "}, spec: " + spec + "}"
	}
	labelled := func(kind, namespace, labels string) string {
		return "{apiVersion: v1, kind: " + kind + ", metadata: {name: x, namespace: " + namespace + ", labels: {" + labels + "}}}"
	}
	tests := map[string]struct {
		object string
		want   string
	}{
		"a policy":                                    {"{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: x, namespace: shop}, spec: {accept: {}}}", "shop"},
		"a policy of the root namespace":              {"{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: x, namespace: istio-system}, spec: {accept: {}}}", "client edge edge2 shop"},
		"a PeerAuthentication of a namespace":         {istio("PeerAuthentication", "shop", "{}"), "client shop"},
		"one of a namespace of no interest":           {istio("PeerAuthentication", "other", "{}"), ""},
		"one of the namespace of gateway pods":        {istio("PeerAuthentication", "pods", "{}"), "edge"},
		"one of the root namespace":                   {istio("PeerAuthentication", "istio-system", "{}"), "client edge edge2 shop"},
		"a DestinationRule of the host's namespace":   {istio("DestinationRule", "shop", "{host: cart}"), "client shop"},
		"one that a client has":                       {istio("DestinationRule", "other", "{host: cart.shop.svc.cluster.local}"), "shop"},
		"one for a wildcard that a client has":        {istio("DestinationRule", "other", "{host: \"*.svc.cluster.local\"}"), "shop"},
		"one for nobody's host":                       {istio("DestinationRule", "other", "{host: cart}"), ""},
		"one of the namespace of an entry":            {istio("DestinationRule", "bank", "{host: api.example}"), "client"},
		"a Gateway for the pods of a policy":          {istio("Gateway", "other", "{selector: {istio: ingress}}"), "edge"},
		"a Gateway for all pods":                      {istio("Gateway", "other", "{}"), "edge"},
		"a Gateway for other pods":                    {istio("Gateway", "other", "{selector: {istio: other}}"), ""},
		"a VirtualService of a policy's Gateway":      {istio("VirtualService", "other", "{hosts: [b.com], gateways: [edge/"+render.GatewayName("a")+"]}"), "edge"},
		"a VirtualService that routes a host":         {istio("VirtualService", "other", "{hosts: [cart.shop.svc.cluster.local]}"), "client shop"},
		"a VirtualService below a wildcard":           {istio("VirtualService", "other", "{hosts: [b.example]}"), "client"},
		"a VirtualService of nobody's host":           {istio("VirtualService", "other", "{hosts: [b.com]}"), ""},
		"a ServiceEntry below a wildcard":             {istio("ServiceEntry", "other", "{hosts: [b.example]}"), "client"},
		"a ServiceEntry for a pod's address":          {istio("ServiceEntry", "other", "{hosts: [b.com], resolution: STATIC, endpoints: [{address: 10.0.0.1}]}"), "shop"},
		"a ServiceEntry for somebody else":            {istio("ServiceEntry", "other", "{hosts: [b.com], resolution: STATIC, endpoints: [{address: 10.0.0.2}]}"), ""},
		"a WorkloadEntry behind a Service":            {istio("WorkloadEntry", "shop", "{address: 10.0.0.3, labels: {app: cart}}"), "client shop"},
		"a WorkloadEntry for a pod's address":         {istio("WorkloadEntry", "other", "{address: 10.0.0.1}"), "shop"},
		"a WorkloadEntry of no interest":              {istio("WorkloadEntry", "other", "{address: 10.0.0.2}"), ""},
		"a Sidecar":                                   {istio("Sidecar", "client", "{}"), "client"},
		"a Sidecar of the root namespace":             {istio("Sidecar", "istio-system", "{}"), "client edge edge2 shop"},
		"a Service that is sent to":                   {"{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}}", "client shop"},
		"another one there":                           {"{apiVersion: v1, kind: Service, metadata: {name: other, namespace: shop}}", "shop"},
		"a Service that nobody sends to":              {"{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: other}}", ""},
		"a Service before the pods of a gateway":      {"{apiVersion: v1, kind: Service, metadata: {name: x, namespace: pods}}", "edge"},
		"a pod where there are policies":              {labelled("Pod", "shop", ""), "shop"},
		"a pod that is sent to":                       {labelled("Pod", "shop", "app: cart"), "client shop"},
		"a pod of a gateway by labels":                {labelled("Pod", "other", "istio: ingress, tier: edge"), "edge"},
		"a pod of a gateway by Service":               {labelled("Pod", "other", "istio: egress"), "edge2"},
		"a pod at the address of an entry":            {"{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: other}, status: {podIP: 10.0.0.9}}", "client"},
		"a pod of no interest":                        {labelled("Pod", "other", "app: cart"), ""},
		"a namespace with policies":                   {"{apiVersion: v1, kind: Namespace, metadata: {name: shop}}", "client shop"},
		"a namespace with pods of a gateway":          {"{apiVersion: v1, kind: Namespace, metadata: {name: pods}}", "edge"},
		"a namespace of no interest":                  {"{apiVersion: v1, kind: Namespace, metadata: {name: other}}", ""},
		"the mesh config":                             {"{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}}", "client edge edge2 shop"},
		"a ConfigMap elsewhere":                       {"{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: shop}}", ""},
		"an EndpointSlice for a pod's address":        {"{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {name: x, namespace: other}, endpoints: [{addresses: [10.0.0.1]}]}", "shop"},
		"an EndpointSlice of no interest":             {"{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {name: x, namespace: other}, endpoints: [{addresses: [10.0.0.2]}]}", ""},
		"an Ingress where there are gateways":         {"{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: x, namespace: other}}", "edge"},
		"the injector of a revision":                  {"{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: x, labels: {istio.io/rev: a}}}", "client edge edge2 shop"},
		"another webhook":                             {"{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: x}}", ""},
		"a webhook that is called in a namespace":     {"{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: x}, webhooks: [{name: w, clientConfig: {service: {namespace: shop, name: s}}}]}", "shop"},
		"the webhook that names the default revision": {"{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: istiod-default-validator}}", "client edge edge2 shop"},
		"an EnvoyFilter":                              {"{apiVersion: networking.istio.io/v1alpha3, kind: EnvoyFilter, metadata: {name: x, namespace: edge}}", "edge"},
	}
	reader := world(t, readers)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(concerned(t, reader, single(t, tc.object)), " "); got != tc.want {
				t.Errorf("concerned: got %q, want %q", got, tc.want)
			}
		})
	}
}

// single returns the object that is written down.
func single(t *testing.T, text string) client.Object {
	t.Helper()
	objects := world(t, text).(*source.Reader).Objects()
	if len(objects) != 1 {
		t.Fatalf("objects in %s: %d, want one", text, len(objects))
	}
	return objects[0]
}
