package operator

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
)

// An older Istio's Gateways do not have what a policy asks for: the policy is told so, and nothing is dropped without a word.
var _ = Describe("A mesh of an older Istio", Serial, func() {
	const gateways = "gateways." + istioNetworking
	tls := []string{"properties", "spec", "properties", "servers", "items", "properties", "tls", "properties"}

	DescribeTable("refuses each field that its CRD lacks, and takes it when the CRD has it",
		func(ctx SpecContext, downgrade func(schema map[string]any), lacks ...string) {
			var newest map[string]any
			changeSchema(ctx, gateways, func(schema map[string]any) {
				newest = runtime.DeepCopyJSON(schema)
				downgrade(schema)
			})
			upgrade := func(ctx context.Context) {
				changeSchema(ctx, gateways, func(schema map[string]any) { replace(schema, newest) })
			}
			DeferCleanup(upgrade)

			refused := serversThatAsk(ctx, lacks...)
			for name, p := range refused {
				Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionAccepted)).Should(Equal("False "+meshtlsv1alpha1.ReasonUnsupported), name)
				told := p.Status.Conditions[0].Message
				Expect(told).To(ContainSubstring(name + " needs spec.servers.tls."))
				Expect(told).To(MatchRegexp(`which came with Istio 1\.\d\d and which the mesh's CRD does not have`))
				Expect(p.Status.Serves).To(BeEmpty())
			}
			namespace := refused[lacks[0]].Namespace
			Expect(raw(ctx, istioNetworking, "Gateway", namespace)).To(BeEmpty())

			By("upgrading the CRD")
			upgrade(ctx)
			for name, p := range refused {
				Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionAccepted)).Should(HavePrefix("True"), name)
			}
			Eventually(func() int { return len(raw(ctx, istioNetworking, "Gateway", namespace)) }).Should(Equal(len(refused)))
		},
		Entry("of 1.30, by its own CRD", func(schema map[string]any) { replace(schema, schemaOf130(gateways)) },
			"ecdhCurves", "alpnProtocols", "profile"),
		Entry("of before 1.28, which has no credential for authorities alone", func(schema map[string]any) {
			unstructured.RemoveNestedField(schema, append(tls, "caCertCredentialName")...)
		}, "caCertCredentialName"),
	)
})

// serversThatAsk returns policies of a new namespace, with a gateway, each with a server that asks for one thing, by its name.
func serversThatAsk(ctx context.Context, names ...string) map[string]*meshtlsv1alpha1.MeshTLSPolicy {
	GinkgoHelper()
	namespace := newNamespace(ctx)
	edge := unique("edge", namespace)
	newGatewayPod(ctx, namespace, edge)
	newService(ctx, namespace, edge)
	policies := map[string]*meshtlsv1alpha1.MeshTLSPolicy{}
	for i, name := range names {
		t := meshtlsv1alpha1.Terminate{GatewayServer: meshtlsv1alpha1.GatewayServer{Hosts: []string{"shop.example.com"}}, CredentialName: "c"}
		t.Port = int32(8000 + i) // #nosec G115 -- a small number
		switch name {
		case "ecdhCurves":
			t.ECDHCurves = []meshtlsv1alpha1.ECDHCurve{meshtlsv1alpha1.X25519}
		case "alpnProtocols":
			t.ALPNProtocols = []string{"h2"}
		case "profile":
			t.Profile = meshtlsv1alpha1.ProfilePostQuantum
		case "caCertCredentialName":
			t.Mode, t.CACertCredentialName = meshtlsv1alpha1.TerminateMutual, "a-cacert"
		}
		p := policy(namespace, strings.ToLower(name))
		p.Spec.Gateway = &meshtlsv1alpha1.Target{Service: edge}
		p.Spec.Terminate = []meshtlsv1alpha1.Terminate{t}
		create(ctx, p)
		policies[name] = p
	}
	return policies
}

// replace makes a schema another.
func replace(schema, by map[string]any) {
	clear(schema)
	maps.Copy(schema, runtime.DeepCopyJSON(by))
}

// schemaOf130 returns the schema of a CRD as Istio 1.30 ships it: that of the module with which the tests of test/conformance ask that Istio.
func schemaOf130(name string) map[string]any {
	GinkgoHelper()
	root, err := controlplane.Root()
	Expect(err).NotTo(HaveOccurred())
	download := exec.Command("go", "mod", "download", "-json", "-modfile=istio-1.30.mod", "istio.io/api")
	download.Dir = filepath.Join(root, "test", "conformance", "istiod")
	output, err := download.Output()
	Expect(err).NotTo(HaveOccurred())
	var module struct{ Dir, Version string }
	Expect(json.Unmarshal(output, &module)).To(Succeed())
	Expect(module.Version).To(HavePrefix("v1.30."))
	text, err := os.ReadFile(filepath.Join(module.Dir, "kubernetes", "customresourcedefinitions.gen.yaml"))
	Expect(err).NotTo(HaveOccurred())
	for document := range strings.SplitSeq(string(text), "\n---") {
		crd := &unstructured.Unstructured{}
		Expect(yaml.Unmarshal([]byte(document), &crd.Object)).To(Succeed())
		if crd.GetName() != name {
			continue
		}
		versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
		Expect(err).NotTo(HaveOccurred())
		schema, found, err := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema")
		Expect(found, err).To(BeTrue())
		return schema
	}
	Fail("Istio 1.30 has no " + name)
	return nil
}
