package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// meshConfig returns a ConfigMap with Istio's mesh config.
func meshConfig(name, text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: istioNamespace, Name: name},
		Data:       map[string]string{"mesh": text},
	}
}

var _ = Describe("The mesh config", Ordered, Serial, func() {
	const assumed = "so Istio's defaults are assumed."
	var namespace string
	var p *meshtlsv1alpha1.MeshTLSPolicy
	config := meshConfig("istio", "")

	BeforeAll(func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p = policy(namespace, "everything")
		p.Spec.Accept = &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict}
		create(ctx, p)
		expectReady(ctx, p)
		deleteAfter(config)
	})

	words := func(ctx SpecContext) func() string {
		return func() string {
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			return apimeta.FindStatusCondition(p.Status.Conditions, meshtlsv1alpha1.ConditionReady).Message
		}
	}
	say := func(ctx SpecContext, text string) {
		GinkgoHelper()
		config.Data = map[string]string{"mesh": text}
		Expect(admin.Update(ctx, config)).To(Succeed())
	}
	// Without auto mTLS the clients must be told, by a DestinationRule.
	rules := func(ctx SpecContext) func() int {
		return func() int { return len(destinationRules(ctx, namespace)) }
	}

	It("is assumed where it is missing, and the policy says so", func(ctx SpecContext) {
		Expect(words(ctx)()).To(HaveSuffix("There is no ConfigMap istio-system/istio with a key mesh, " + assumed))
		Expect(rules(ctx)()).To(BeZero())
	})

	It("is followed when it comes", func(ctx SpecContext) {
		config.Data["mesh"] = "enableAutoMtls: false"
		Expect(admin.Create(ctx, config)).To(Succeed())
		Eventually(rules(ctx)).Should(Equal(1))
		Eventually(words(ctx)).ShouldNot(ContainSubstring(assumed))
		expectReady(ctx, p)
	})

	It("is followed when it changes", func(ctx SpecContext) {
		say(ctx, "enableAutoMtls: true")
		Eventually(rules(ctx)).Should(BeZero())
	})

	It("may be of an Istio that knows more than we do", func(ctx SpecContext) {
		say(ctx, "fieldOfTomorrow: {mode: [1, 2]}\nenableAutoMtls: false")
		Eventually(rules(ctx)).Should(Equal(1))
		Eventually(words(ctx)).ShouldNot(ContainSubstring(assumed))
	})

	It("is told of where it makes no sense, and the operator works on", func(ctx SpecContext) {
		for _, malformed := range []string{"enableAutoMtls: [", "enableAutoMtls: perhaps", "- a\n- list"} {
			before := words(ctx)()
			say(ctx, malformed)
			Eventually(words(ctx)).Should(And(
				Not(Equal(before)), ContainSubstring("of ConfigMap istio-system/istio is not a mesh config"), HaveSuffix(assumed)), malformed)
		}
		update(ctx, p, func() { p.Spec.Accept.Mode = meshtlsv1alpha1.AcceptPermissive })
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "PERMISSIVE"}))
		expectReady(ctx, p)
	})

	It("is that of the namespace's revision where there is one", func(ctx SpecContext) {
		say(ctx, "enableAutoMtls: true")
		canary := meshConfig("istio-canary", "enableAutoMtls: false")
		Expect(admin.Create(ctx, canary)).To(Succeed())
		deleteAfter(canary)
		Eventually(words(ctx)).ShouldNot(ContainSubstring(assumed))
		Expect(rules(ctx)()).To(BeZero())

		moved := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"istio.io/rev":"canary"}}}`))
		Expect(admin.Patch(ctx, moved, patch)).To(Succeed())
		Eventually(rules(ctx)).Should(Equal(1))
	})

	It("is assumed again when it goes", func(ctx SpecContext) {
		Expect(admin.Delete(ctx, config)).To(Succeed())
		Eventually(words(ctx)).Should(HaveSuffix(assumed))
		Expect(rules(ctx)()).To(BeZero())
	})
})
