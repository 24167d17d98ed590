package operator

import (
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/controllers"
)

var _ = Describe("The settle time", Ordered, Serial, func() {
	const settleTime = 2 * time.Second
	var namespace string
	var p *meshtlsv1alpha1.MeshTLSPolicy

	BeforeAll(func() {
		running.stop()
		running = startOperator(account, func(o *controllers.Options) { o.Settle = settleTime })
		DeferCleanup(func() {
			running.stop()
			running = restart()
		})
	})

	BeforeEach(func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p = strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		p.Spec.Accept.Ports = nil
	})

	// told are the writes of statuses.
	told := func() []string {
		return slices.DeleteFunc(running.traffic.in(namespace), func(request string) bool { return !strings.HasSuffix(request, "/status") })
	}

	It("passes before a status says Ready, and that is written once", func(ctx SpecContext) {
		Expect(admin.Create(ctx, p)).To(Succeed())
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionReady)()).To(Equal("Unknown "+meshtlsv1alpha1.ReasonPending), "a policy is born with it")
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "STRICT"}))
		Consistently(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).WithTimeout(settleTime / 2).Should(Equal("Unknown " + meshtlsv1alpha1.ReasonPending))
		expectReady(ctx, p)
		Eventually(running.traffic.quiet(namespace)).Should(BeTrue())
		Expect(told()).To(HaveLen(1))
	})

	It("passes between the steps of a rollout, each of which the status tells before it is made", func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		newServer(ctx, namespace)
		p = rollingTo(namespace, func(r *meshtlsv1alpha1.Rollout) { r.Gate = meshtlsv1alpha1.GateTimer })
		create(ctx, p)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutObserving))
		pass(ctx, p, 25*time.Hour)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutSwitching))
		pass(ctx, p, 3*time.Minute)
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "PERMISSIVE", 8080: "STRICT"}))
		Expect(phase(ctx, p)()).To(Equal(meshtlsv1alpha1.RolloutSwitching))
		Expect(p.Status.Rollout.StrictPorts).To(ConsistOf(int32(8080)))
		Consistently(modes(ctx, namespace)).WithTimeout(2 * settleTime).Should(HaveKeyWithValue(uint32(0), "PERMISSIVE"))
		pass(ctx, p, 3*time.Minute)
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "STRICT"}))
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutProbation))
	})

	It("does not keep a failure from being told", func(ctx SpecContext) {
		taken := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, taken)
		expectReady(ctx, taken)
		object := onlyPeerAuthentication(ctx, namespace)
		object.OwnerReferences = nil // nobody's, so it is not ours any more
		Expect(admin.Update(ctx, object)).To(Succeed())
		Eventually(condition(ctx, taken, meshtlsv1alpha1.ConditionReady)).WithTimeout(settleTime / 2).
			Should(Equal("False " + meshtlsv1alpha1.ReasonNotOwned))
	})

	It("tells steps apart on the way through Disable, where clients are held to plaintext", func(ctx SpecContext) {
		create(ctx, p)
		expectReady(ctx, p)
		Eventually(running.traffic.quiet(namespace)).Should(BeTrue())
		running.traffic.forget()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		p.Spec.Accept.Mode = meshtlsv1alpha1.AcceptDisable
		Expect(admin.Update(ctx, p)).To(Succeed())

		var seen []string
		var since []time.Time
		Eventually(func() bool {
			state := modes(ctx, namespace)()[0]
			if len(destinationRules(ctx, namespace)) > 0 {
				state += ", held"
			}
			if state != "STRICT" && (len(seen) == 0 || seen[len(seen)-1] != state) {
				seen, since = append(seen, state), append(since, time.Now())
			}
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			return p.Status.ObservedGeneration == p.Generation
		}).Should(BeTrue())
		Expect(seen).To(Equal([]string{"PERMISSIVE", "PERMISSIVE, held", "DISABLE, held", "DISABLE"}))
		for i := 1; i < len(since); i++ {
			Expect(since[i].Sub(since[i-1])).To(BeNumerically(">", settleTime-100*time.Millisecond), seen[i])
		}
		expectReady(ctx, p)
		Eventually(running.traffic.quiet(namespace)).Should(BeTrue())
		Expect(told()).To(HaveLen(1))
	})
})
