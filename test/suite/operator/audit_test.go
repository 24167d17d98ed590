package operator

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	securityapi "istio.io/api/security/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/controllers"
	"github.com/meshtls/meshtls/internal/model"
)

// counting is the annotation of what only counts.
var counting = map[string]string{model.AnnotationDryRun: "true"}

// audited asks for an audit policy.
func audited(r *meshtlsv1alpha1.Rollout) {
	r.Evidence = &meshtlsv1alpha1.RolloutEvidence{Audit: meshtlsv1alpha1.AuditEnabled}
}

// authorizations returns the annotations of the namespace's AuthorizationPolicies, those of a name aside.
func authorizations(ctx context.Context, namespace, besides string) func() []map[string]string {
	return func() []map[string]string {
		GinkgoHelper()
		var list istiosecurityv1.AuthorizationPolicyList
		Expect(admin.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
		var annotations []map[string]string
		for _, p := range list.Items {
			if p.Name != besides {
				annotations = append(annotations, p.Annotations)
			}
		}
		return annotations
	}
}

var _ = Describe("The audit policy of a rollout", Serial, func() {
	var namespace string
	BeforeEach(func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		newServer(ctx, namespace)
		prometheus.sees(namespace, everybodyWell()...)
	})

	// flagged runs the operator with the flag, as somebody with more rights or as itself.
	flagged := func(as *rest.Config) {
		GinkgoHelper()
		running.stop()
		running = startOperator(as, func(o *controllers.Options) { o.Evidence.Audit = true })
		DeferCleanup(func() {
			running.stop()
			running = startOperator(account)
		})
	}

	It("is told of, written, kept harmless, and gone with the last step", func(ctx SpecContext) {
		flagged(plane.Config)
		theirs := &istiosecurityv1.AuthorizationPolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "theirs", Labels: map[string]string{meshtlsv1alpha1.LabelManagedBy: "meshtls"}},
			Spec:       securityapi.AuthorizationPolicy{Action: securityapi.AuthorizationPolicy_DENY, Rules: []*securityapi.Rule{{}}},
		}
		Expect(admin.Create(ctx, theirs)).To(Succeed())
		p := rollingTo(namespace, audited)
		create(ctx, p)
		Eventually(rolledOut(ctx, p)).Should(ContainSubstring("the audit policy is written, which closes every connection to the target once"))
		written := authorizations(ctx, namespace, "theirs")
		Consistently(written).Should(BeEmpty())
		pass(ctx, p, 3*time.Minute)
		Eventually(written).Should(Equal([]map[string]string{counting}))
		Eventually(rolledOut(ctx, p)).Should(ContainSubstring("It goes with the last step"))
		Expect(p.Status.Objects).To(ContainElement(HaveField("Kind", model.KindAuthorizationPolicy)))

		var list istiosecurityv1.AuthorizationPolicyList
		Expect(admin.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
		for _, found := range list.Items {
			if found.Name != "theirs" {
				Expect(admin.Patch(ctx, found, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":null}}`)))).To(Succeed())
			}
		}
		Eventually(written).Should(Equal([]map[string]string{counting}))

		pass(ctx, p, 25*time.Hour)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutSwitching))
		Expect(written()).To(HaveLen(1))
		for range 3 {
			pass(ctx, p, 3*time.Minute)
			Eventually(rolledOut(ctx, p)).ShouldNot(BeEmpty())
		}
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutProbation))
		Eventually(written).Should(BeEmpty())
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(theirs), theirs)).To(Succeed())
	})

	It("goes with the request for it", func(ctx SpecContext) {
		flagged(plane.Config)
		p := rollingTo(namespace, audited)
		create(ctx, p)
		pass(ctx, p, 3*time.Minute)
		Eventually(authorizations(ctx, namespace, "")).Should(HaveLen(1))
		update(ctx, p, func() { p.Spec.Accept.Rollout.Evidence = nil })
		Eventually(authorizations(ctx, namespace, "")).Should(BeEmpty())
	})

	It("is not written without the right, which the policy says, and keeps the operator from nothing", func(ctx SpecContext) {
		flagged(account)
		p := rollingTo(namespace, audited)
		create(ctx, p)
		Eventually(rolledOut(ctx, p)).Should(ContainSubstring("There is no audit policy. The operator cannot read AuthorizationPolicies: give it the right"))
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "PERMISSIVE"}))
	})

	It("is not written without the flag, which the policy says, and the rollout goes on", func(ctx SpecContext) {
		p := rollingTo(namespace, audited)
		create(ctx, p)
		Eventually(rolledOut(ctx, p)).Should(ContainSubstring("There is no audit policy. The operator writes none: start it with --evidence-audit"))
		Expect(p.Status.Findings).To(ContainElement(HaveField("Check", model.CheckAuditNotWritten)))
		pass(ctx, p, 25*time.Hour)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutSwitching))
		Expect(authorizations(ctx, namespace, "")()).To(BeEmpty())
	})
})
