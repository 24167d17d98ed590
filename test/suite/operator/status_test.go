package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// kstatus returns what kstatus makes of the policy.
func kstatus(ctx SpecContext, p *meshtlsv1alpha1.MeshTLSPolicy) func() status.Status {
	return func() status.Status {
		GinkgoHelper()
		obj := &unstructured.Unstructured{}
		obj.SetGroupVersionKind(meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy"))
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), obj)).To(Succeed())
		result, err := status.Compute(obj)
		Expect(err).NotTo(HaveOccurred())
		return result.Status
	}
}

var _ = Describe("The status", func() {
	var namespace string
	BeforeEach(func(ctx SpecContext) { namespace = newNamespace(ctx) })

	It("is Current for kstatus where the policy is ready", func(ctx SpecContext) {
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		expectReady(ctx, p)
		Expect(kstatus(ctx, p)()).To(Equal(status.CurrentStatus))
		for _, c := range p.Status.Conditions {
			Expect(c.ObservedGeneration).To(Equal(p.Generation), c.Type)
			Expect(c.Message).To(HaveSuffix("."), c.Type)
		}
	})

	It("is InProgress for kstatus while the policy waits for something that it names", func(ctx SpecContext) {
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		Expect(kstatus(ctx, p)()).To(Equal(status.InProgressStatus))
	})

	It("is Failed for kstatus where the user must act", func(ctx SpecContext) {
		newApplication(ctx, namespace, "shop")
		create(ctx, strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive))
		loser := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptDisable)
		loser.Name = "zz-younger"
		loser.Spec.Accept.Mode = meshtlsv1alpha1.AcceptPermissive
		create(ctx, loser)
		Expect(kstatus(ctx, loser)()).To(Equal(status.FailedStatus))
		Expect(condition(ctx, loser, meshtlsv1alpha1.ConditionAccepted)()).To(Equal("False " + meshtlsv1alpha1.ReasonConflicted))
	})

	It("keeps a condition's transition time while its status stays", func(ctx SpecContext) {
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		expectReady(ctx, p)
		before := p.Status.Conditions
		update(ctx, p, func() { p.Spec.Accept.Ports[0].Mode = meshtlsv1alpha1.AcceptDisable })
		for i, c := range p.Status.Conditions {
			Expect(c.LastTransitionTime).To(Equal(before[i].LastTransitionTime), c.Type)
			Expect(c.ObservedGeneration).To(Equal(p.Generation), c.Type)
		}
	})

	It("is put right when somebody else writes it", func(ctx SpecContext) {
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		expectReady(ctx, p)
		told := p.Status
		p.Status.Target, p.Status.Conditions = "everything", p.Status.Conditions[:1]
		Expect(admin.Status().Update(ctx, p)).To(Succeed())

		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			g.Expect(p.Status.Target).To(Equal(told.Target))
			g.Expect(p.Status.Conditions).To(HaveLen(len(told.Conditions)))
		}).Should(Succeed())
	})

	It("has an event for each transition, and for nothing else", func(ctx SpecContext) {
		newService(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		Eventually(eventsOf(ctx, p)).Should(ConsistOf(meshtlsv1alpha1.ReasonNoMatchingPods))

		newPod(ctx, namespace, "shop")
		expectReady(ctx, p)
		Eventually(eventsOf(ctx, p)).Should(ConsistOf(meshtlsv1alpha1.ReasonNoMatchingPods, meshtlsv1alpha1.ReasonReady))

		update(ctx, p, func() { p.Spec.Accept.Ports[0].Mode = meshtlsv1alpha1.AcceptDisable })
		Consistently(eventsOf(ctx, p)).Should(HaveLen(2))
	})
})
