package gather_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

func TestSnapshotMesh(t *testing.T) {
	defaults := model.Mesh{
		RootNamespace: "istio-system", AutoMTLS: true, TrustDomain: "cluster.local", ClusterDomain: "cluster.local",
		Ingress: model.IngressSettings{
			Mode: model.IngressStrict, Class: "istio", Namespace: "istio-system", Service: "istio-ingressgateway",
		},
		Outbound: model.OutboundAllowAny,
	}
	with := func(change func(*model.Mesh)) model.Mesh {
		mesh := defaults
		change(&mesh)
		return mesh
	}
	rootIs := func(namespace string) model.Mesh {
		return with(func(m *model.Mesh) { m.RootNamespace = namespace })
	}
	problem := func(words string) model.Mesh {
		return with(func(m *model.Mesh) { m.Problem = words })
	}
	tests := map[string]struct {
		world   string
		options gather.Options
		want    model.Mesh
	}{
		"no mesh config": {
			want: problem("There is no ConfigMap istio-system/istio with a key mesh, so Istio's defaults are assumed."),
		},
		"a mesh config without its key": {
			world: `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {other: ""}}`,
			want:  problem("There is no ConfigMap istio-system/istio with a key mesh, so Istio's defaults are assumed."),
		},
		"an empty mesh config": {
			world: `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: ""}}`,
			want:  defaults,
		},
		"a value of the wrong type": {
			world: `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: "enableAutoMtls: maybe"}}`,
			want: problem(`The key mesh of ConfigMap istio-system/istio is not a mesh config (proto: (line 1:19): invalid value for bool field value: "maybe"), ` +
				`so Istio's defaults are assumed.`),
		},
		"no YAML": {
			world: `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: "a: b: c"}}`,
			want: problem("The key mesh of ConfigMap istio-system/istio is not a mesh config (yaml: mapping values are not allowed in this context), " +
				"so Istio's defaults are assumed."),
		},
		"everything that TLS depends on": {
			world: `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    rootNamespace: mesh-root
    enableAutoMtls: false
    trustDomain: corp.example
    trustDomainAliases: [old.example]
    discoverySelectors: [{matchLabels: {istio: "on"}, matchExpressions: [{key: env, operator: In, values: [prod]}]}]
    ingressControllerMode: DEFAULT
    ingressClass: mesh
    ingressService: edge
    ingressSelector: edge
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
    meshMTLS: {minProtocolVersion: TLSV1_3}
    defaultDestinationRuleExportTo: [".", other]
    defaultVirtualServiceExportTo: ["."]
    defaultConfig: {discoveryAddress: "istiod:15012"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-sidecar-injector, namespace: istio-system}
data: {values: '{"global": {"proxy": {"clusterDomain": "corp.local", "image": "proxyv2"}}}'}
`,
			want: model.Mesh{
				RootNamespace: "mesh-root", TrustDomain: "corp.example", MinProtocolVersion: "TLSV1_3",
				TrustDomainAliases: []string{"old.example"}, ClusterDomain: "corp.local",
				DefaultDestinationRuleExportTo: []string{".", "other"}, DefaultVirtualServiceExportTo: []string{"."},
				DiscoverySelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"istio": "on"}, MatchExpressions: []metav1.LabelSelectorRequirement{
					{Key: "env", Operator: metav1.LabelSelectorOpIn, Values: []string{"prod"}},
				}}},
				Ingress: model.IngressSettings{
					Mode: model.IngressDefault, Class: "mesh", Namespace: "istio-system", Service: "edge", Selector: "edge",
				},
				Outbound: model.OutboundRegistryOnly,
			},
		},
		"what another version of Istio knows is passed over": {
			world: `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    rootNamespace: mesh-root
    fieldOfTomorrow: {a: 1}
    meshMTLS: {minProtocolVersion: TLSV9_9}
`,
			want: rootIs("mesh-root"),
		},
		"the option overrides the root namespace": {
			world:   meshA,
			options: gather.Options{RootNamespace: "b"},
			want:    rootIs("b"),
		},
		"the control plane lives elsewhere": {
			world:   strings.Replace(meshA, "istio-system", "mesh", 1),
			options: gather.Options{IstioNamespace: "mesh"},
			want:    rootIs("a"),
		},
		"the root namespace is by default where the control plane lives": {
			world:   `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: mesh}, data: {mesh: ""}}`,
			options: gather.Options{IstioNamespace: "mesh"},
			want:    rootIs("mesh"),
		},
		"the namespace's revision has its own": {
			world: meshA + "\n---\n" + revision("one", "b") + "\n---\n" + revision("two", "c") +
				"\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/rev: two}}}",
			want: rootIs("c"),
		},
		"the namespace's revision has none": {
			world: revision("aaa", "b") + "\n---\n" + meshA +
				"\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/rev: two}}}",
			want: rootIs("a"),
		},
		"only revisions have any": {
			world: revision("two", "c") + "\n---\n" + revision("one", "b"),
			want:  rootIs("b"),
		},
		"Istio's other ConfigMaps are none": {
			world: "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio-sidecar-injector, namespace: istio-system}, data: {config: a}}" +
				"\n---\n" + revision("two", "c"),
			want: rootIs("c"),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := snapshotOf(t, world(t, tc.world), "shop", tc.options).Mesh
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("mesh (-want +got):\n%s", diff)
			}
		})
	}
}

// revision returns the mesh config of a revision with a root namespace of its own.
func revision(name, root string) string {
	return strings.NewReplacer("name: istio,", "name: istio-"+name+",", "rootNamespace: a", "rootNamespace: "+root).Replace(meshA)
}
