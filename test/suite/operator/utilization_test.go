package operator

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/importer"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
)

// An owner's rule with a load balancer that came with Istio 1.32, on an API server with the CRDs of 1.32.
var _ = Describe("A load balancer of Istio 1.32", func() {
	const owners = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: owners}
spec:
  host: ledger
  trafficPolicy:
    tls: {mode: ISTIO_MUTUAL}
    loadBalancer: {backendUtilization: {errorUtilizationPenaltyPercent: 50, weightExpirationPeriod: 60s}}
`
	It("is kept in what is composed, in the companion, over an import, and against drift", func(ctx SpecContext) {
		namespace, bank := newNamespace(ctx), newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		newApplication(ctx, bank, "ledger")
		rule := &unstructured.Unstructured{}
		Expect(yaml.Unmarshal([]byte(owners), &rule.Object)).To(Succeed())
		rule.SetNamespace(bank)
		Expect(admin.Create(ctx, rule)).To(Succeed())
		want := runtime.DeepCopyJSON(raw(ctx, istioNetworking, "DestinationRule", bank)["owners"])
		Expect(want["trafficPolicy"]).To(HaveKeyWithValue("loadBalancer", HaveKey("backendUtilization")), "the API server keeps it")
		delete(want, "host")
		withoutTLS(want)

		By("composing a rule for some clients, and a companion for the others")
		p := policy(namespace, "shop")
		p.Spec.Workload = &meshtlsv1alpha1.Target{Service: "shop"}
		p.Spec.Send = []meshtlsv1alpha1.Send{{Hosts: []string{"ledger." + bank + ".svc.cluster.local"}}}
		p.Spec.Send[0].Mode = meshtlsv1alpha1.SendDisable
		create(ctx, p)
		composed := func() []map[string]any { return besidesTLS(ctx, namespace) }
		Eventually(composed).Should(Equal([]map[string]any{want, want}))

		By("importing the owner's rule from the cluster")
		Expect(restOf(ctx, bank)).To(Equal(want))

		By("having somebody edit it")
		patch := client.RawPatch("application/merge-patch+json",
			[]byte(`{"spec":{"trafficPolicy":{"loadBalancer":{"backendUtilization":{"errorUtilizationPenaltyPercent":1,"weightExpirationPeriod":null}}}}}`))
		for name := range raw(ctx, istioNetworking, "DestinationRule", namespace) {
			ours := rule.DeepCopy()
			ours.SetNamespace(namespace)
			ours.SetName(name)
			Expect(admin.Patch(ctx, ours, patch, client.FieldOwner("intruder"))).To(Succeed())
		}
		Eventually(eventsOf(ctx, p)).Should(ContainElement("DriftCorrected"))
		Eventually(composed).Should(Equal([]map[string]any{want, want}))
	})
})

// besidesTLS returns what the DestinationRules of a namespace say besides TLS, and whom they are for.
func besidesTLS(ctx context.Context, namespace string) []map[string]any {
	GinkgoHelper()
	var rules []map[string]any
	for _, rule := range raw(ctx, istioNetworking, "DestinationRule", namespace) {
		for _, ours := range []string{"host", "exportTo", "workloadSelector"} {
			delete(rule, ours)
		}
		withoutTLS(rule)
		rules = append(rules, rule)
	}
	return rules
}

// restOf imports the only rule of a namespace, and returns what is to stay of it besides the policy, without its host.
func restOf(ctx context.Context, namespace string) any {
	GinkgoHelper()
	live, err := client.New(plane.Config, client.Options{Scheme: source.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	reader, err := source.Load(ctx, live, source.LoadOptions{IstioNamespace: istioNamespace})
	Expect(err).NotTo(HaveOccurred())
	mesh, err := gather.Inventory(ctx, reader, clock.now(), gather.Options{IstioNamespace: istioNamespace})
	Expect(err).NotTo(HaveOccurred())
	imported, err := importer.Policies(importer.Input{
		Mesh: mesh, Namespace: namespace, Admit: func(p *meshtlsv1alpha1.MeshTLSPolicy) error { return source.Admit(ctx, p) },
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(imported.Policies).To(HaveLen(1))
	Expect(imported.Policies[0].Rest).NotTo(BeNil())
	encoded, err := render.Encode(imported.Policies[0].Rest)
	Expect(err).NotTo(HaveOccurred())
	spec := encoded["spec"].(map[string]any)
	delete(spec, "host")
	delete(spec, "exportTo")
	return spec
}
