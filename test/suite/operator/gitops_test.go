package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

var _ = Describe("A policy that Argo CD manages", func() {
	It("keeps the marks of Argo CD to itself, at no cost", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		p.Labels = map[string]string{"app.kubernetes.io/instance": "shop", "argocd.argoproj.io/instance": "shop"}
		p.Annotations = map[string]string{
			"argocd.argoproj.io/tracking-id":  "shop:security.meshtls.dev/MeshTLSPolicy:" + namespace + "/shop",
			"argocd.argoproj.io/sync-wave":    "2",
			"argocd.argoproj.io/sync-options": "Prune=false",
		}
		create(ctx, p)
		expectReady(ctx, p)

		rendered := onlyPeerAuthentication(ctx, namespace)
		Expect(rendered.Labels).To(Equal(map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}))
		Expect(rendered.Annotations).To(BeEmpty())

		By("moving the policy to another Application")
		Eventually(running.traffic.quiet(namespace)).Should(BeTrue())
		running.traffic.forget()
		before := passes()
		moved := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"app.kubernetes.io/instance":"cart"}}}`))
		Expect(admin.Patch(ctx, p.DeepCopy(), moved)).To(Succeed())
		settle(before)
		Expect(running.traffic.in(namespace)).To(BeEmpty())
		Expect(onlyPeerAuthentication(ctx, namespace).ResourceVersion).To(Equal(rendered.ResourceVersion))
	})

	It("hands its revision to what is rendered, and that alone", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		p.Labels = map[string]string{meshtlsv1alpha1.LabelRevision: "canary", "team": "shop"}
		create(ctx, p)
		expectReady(ctx, p)
		Expect(onlyPeerAuthentication(ctx, namespace).Labels).To(Equal(map[string]string{
			meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy,
			meshtlsv1alpha1.LabelRevision:  "canary",
		}))
	})
})
