package operator

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// later is a schema that takes anything: that of a field which Istio's types do not know yet.
var later = map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}

// extend gives a CRD of Istio's a field named later in the message at each path, as a newer Istio might.
func extend(ctx context.Context, name string, paths ...string) {
	GinkgoHelper()
	changeSchema(ctx, name, func(schema map[string]any) {
		for _, path := range paths {
			fields := append(strings.Fields(path), "properties", "later")
			Expect(unstructured.SetNestedField(schema, later, fields...)).To(Succeed())
		}
	})
}

// changeSchema changes the schema of each version of a CRD.
func changeSchema(ctx context.Context, name string, change func(schema map[string]any)) {
	GinkgoHelper()
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	Eventually(func() error {
		if err := admin.Get(ctx, client.ObjectKey{Name: name}, crd); err != nil {
			return err
		}
		versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
		if err != nil {
			return err
		}
		for _, version := range versions {
			content := version.(map[string]any)["schema"].(map[string]any)
			change(content["openAPIV3Schema"].(map[string]any))
		}
		if err := unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"); err != nil {
			return err
		}
		return admin.Update(ctx, crd)
	}).Should(Succeed())
}

// raw returns the specs of the objects of a kind in a namespace as the API server has them, by name.
func raw(ctx context.Context, group, kind, namespace string) map[string]map[string]any {
	GinkgoHelper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind + "List"})
	Expect(admin.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
	specs := map[string]map[string]any{}
	for _, item := range list.Items {
		specs[item.GetName()], _, _ = unstructured.NestedMap(item.Object, "spec")
	}
	return specs
}

// written creates an object as a file says it. The schema of a CRD that has changed is in force a moment later.
func written(ctx context.Context, text string) *unstructured.Unstructured {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	encoded, err := yaml.YAMLToJSON([]byte(text))
	Expect(err).NotTo(HaveOccurred())
	Expect(object.UnmarshalJSON(encoded)).To(Succeed())
	want := object.DeepCopy()
	Eventually(func() map[string]any {
		object = want.DeepCopy()
		if err := admin.Create(ctx, object); err != nil {
			return nil
		}
		if spec := object.Object["spec"].(map[string]any); spec["later"] == nil {
			Expect(admin.Delete(ctx, object)).To(Succeed())
		}
		return object.Object["spec"].(map[string]any)
	}).Should(Equal(want.Object["spec"]))
	return object
}

const (
	istioNetworking = "networking.istio.io"
	istioSecurity   = "security.istio.io"
	policyPath      = "properties spec properties trafficPolicy "
	subsetPath      = "properties spec properties subsets items "
)

// A newer Istio's CRDs have fields that the types here do not: nothing of them may be lost.
var _ = Describe("A mesh of a newer Istio", Serial, func() {
	var namespace, bank string

	BeforeEach(func(ctx SpecContext) {
		extend(ctx, "destinationrules."+istioNetworking, "properties spec", policyPath, policyPath+"properties loadBalancer",
			policyPath+"properties portLevelSettings items", subsetPath, subsetPath+"properties trafficPolicy")
		extend(ctx, "peerauthentications."+istioSecurity, "properties spec", "properties spec properties mtls")
		namespace, bank = newNamespace(ctx), newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		newApplication(ctx, bank, "ledger")
	})

	It("keeps its fields in what is composed, in the companion and in what is read for an import", func(ctx SpecContext) {
		owners := written(ctx, `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: owners, namespace: `+bank+`}
spec:
  host: ledger
  later: {top: true}
  trafficPolicy:
    later: {policy: 1}
    loadBalancer: {later: {balancer: [a, {b: 2}]}}
    portLevelSettings: [{port: {number: 80}, later: {port: x}}]
  subsets:
  - {name: v1, labels: {version: v1}, later: {subset: 0.5}, trafficPolicy: {later: {inner: ""}}}
`)
		p := policy(namespace, "shop")
		p.Spec.Workload = &meshtlsv1alpha1.Target{Service: "shop"}
		p.Spec.Send = []meshtlsv1alpha1.Send{{Hosts: []string{"ledger." + bank + ".svc.cluster.local"}}}
		p.Spec.Send[0].Mode = meshtlsv1alpha1.SendIstioMutual
		create(ctx, p)
		expectReady(ctx, p)

		want := owners.Object["spec"].(map[string]any)
		delete(want, "host")
		// The operator hears of the CRD's change at about the same time.
		Eventually(func() []map[string]any {
			var rules []map[string]any
			for _, rule := range raw(ctx, istioNetworking, "DestinationRule", namespace) {
				for _, ours := range []string{"host", "exportTo", "workloadSelector"} {
					delete(rule, ours)
				}
				withoutTLS(rule)
				rules = append(rules, rule)
			}
			return rules
		}).Should(Equal([]map[string]any{want, want}), "the rule of the pods, and the companion")

		By("reading the cluster as the plugin does")
		live, err := client.New(plane.Config, client.Options{Scheme: source.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		reader, err := source.Load(ctx, live, source.LoadOptions{IstioNamespace: istioNamespace})
		Expect(err).NotTo(HaveOccurred())
		read := &verbatim.DestinationRule{}
		Expect(reader.Get(ctx, client.ObjectKeyFromObject(owners), read)).To(Succeed())
		encoded, err := render.Encode(verbatim.Plain(read))
		Expect(err).NotTo(HaveOccurred())
		delete(encoded["spec"].(map[string]any), "host")
		Expect(encoded["spec"]).To(Equal(want))
	})

	It("loses the field that somebody adds to what is rendered", func(ctx SpecContext) {
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		expectReady(ctx, p)
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"mtls":{"later":{"loose":true}}}}`))
		Eventually(func() bool {
			edited := onlyPeerAuthentication(ctx, namespace)
			Expect(admin.Patch(ctx, edited, patch, client.FieldOwner("intruder"))).To(Succeed())
			mtls := raw(ctx, istioSecurity, "PeerAuthentication", namespace)[edited.Name]["mtls"].(map[string]any)
			return mtls["later"] != nil
		}).Should(BeTrue())
		Eventually(func() any {
			mtls := raw(ctx, istioSecurity, "PeerAuthentication", namespace)[onlyPeerAuthentication(ctx, namespace).Name]["mtls"]
			return mtls.(map[string]any)["later"]
		}).Should(BeNil())
		Eventually(eventsOf(ctx, p)).Should(ContainElement("DriftCorrected"))
	})
})

// withoutTLS takes out what a policy decides.
func withoutTLS(rule map[string]any) {
	policy, _ := rule["trafficPolicy"].(map[string]any)
	delete(policy, "tls")
	entries, _ := policy["portLevelSettings"].([]any)
	for _, entry := range entries {
		delete(entry.(map[string]any), "tls")
	}
}
