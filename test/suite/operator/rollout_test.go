package operator

import (
	"context"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	securityapi "istio.io/api/security/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

const rollingOut = "True " + meshtlsv1alpha1.ReasonRollingOut

// newServer is an application whose pod is ready.
func newServer(ctx context.Context, namespace string) {
	GinkgoHelper()
	newApplication(ctx, namespace, "shop")
	becomesReady(ctx, namespace, "shop")
}

// becomesReady makes the pod ready, and since an hour.
func becomesReady(ctx context.Context, namespace, name string) {
	GinkgoHelper()
	pod := &corev1.Pod{}
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, pod)).To(Succeed())
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(time.Now().Add(-time.Hour)),
	}}
	Expect(admin.Status().Update(ctx, pod)).To(Succeed())
}

// rollingTo returns a policy for the application with a rollout of a day.
func rollingTo(namespace string, change ...func(*meshtlsv1alpha1.Rollout)) *meshtlsv1alpha1.MeshTLSPolicy {
	p := policy(namespace, "shop")
	p.Spec.Workload = &meshtlsv1alpha1.Target{Service: "shop"}
	p.Spec.Accept = &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict, Rollout: &meshtlsv1alpha1.Rollout{Observe: "24h"}}
	for _, c := range change {
		c(p.Spec.Accept.Rollout)
	}
	return p
}

// everybodyWell are calls with mutual TLS to both ports.
func everybodyWell() []seenCall {
	return []seenCall{
		{client: "cart", workload: "shop", port: 8080, mutual: true}, {client: "cart", workload: "shop", port: 9090, mutual: true},
	}
}

// oneWithout returns the same with one client that has no proxy.
func oneWithout() []seenCall {
	return append(everybodyWell(), seenCall{client: "crawler", workload: "shop", port: 8080})
}

// phase is where the policy's rollout stands.
func phase(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy) func() meshtlsv1alpha1.RolloutPhase {
	return func() meshtlsv1alpha1.RolloutPhase {
		GinkgoHelper()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		if p.Status.Rollout == nil {
			return ""
		}
		return p.Status.Rollout.Phase
	}
}

// rolledOut returns what the condition says.
func rolledOut(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy) func() string {
	return func() string {
		GinkgoHelper()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		if c := apimeta.FindStatusCondition(p.Status.Conditions, meshtlsv1alpha1.ConditionRolledOut); c != nil {
			return c.Message
		}
		return ""
	}
}

// pass lets time pass, and has the operator look at the policy.
func pass(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy, length time.Duration) {
	GinkgoHelper()
	clock.passes(length)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"looked-at":%q}}}`, clock.now().Format(time.RFC3339Nano))
	Expect(admin.Patch(ctx, p.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
}

var _ = Describe("A rollout", Serial, func() {
	var namespace string
	BeforeEach(func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		newServer(ctx, namespace)
	})

	permissive := map[uint32]string{0: "PERMISSIVE"}
	oneStrict := map[uint32]string{0: "PERMISSIVE", 8080: "STRICT"}
	strict := map[uint32]string{0: "STRICT"}

	// walk goes through all phases, and does something in each.
	walk := func(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy, inEach func(meshtlsv1alpha1.RolloutPhase)) {
		GinkgoHelper()
		at := func(want meshtlsv1alpha1.RolloutPhase, wantModes map[uint32]string) {
			GinkgoHelper()
			Eventually(phase(ctx, p)).Should(Equal(want))
			Eventually(modes(ctx, namespace)).Should(Equal(wantModes))
			inEach(want)
			Consistently(phase(ctx, p)).Should(Equal(want))
			Expect(modes(ctx, namespace)()).To(Equal(wantModes))
		}
		prometheus.sees(namespace, oneWithout()...)
		create(ctx, p)
		at(meshtlsv1alpha1.RolloutBlocked, permissive)
		prometheus.sees(namespace, everybodyWell()...)
		at(meshtlsv1alpha1.RolloutObserving, permissive)
		pass(ctx, p, 25*time.Hour)
		at(meshtlsv1alpha1.RolloutSwitching, permissive)
		pass(ctx, p, 3*time.Minute)
		Eventually(modes(ctx, namespace)).Should(Equal(oneStrict))
		at(meshtlsv1alpha1.RolloutSwitching, oneStrict)
		pass(ctx, p, 3*time.Minute)
		at(meshtlsv1alpha1.RolloutProbation, strict)
		pass(ctx, p, 31*time.Minute)
		at(meshtlsv1alpha1.RolloutCompleted, strict)
	}

	It("goes from Permissive to Strict because of what is called", func(ctx SpecContext) {
		p := rollingTo(namespace)
		walk(ctx, p, func(at meshtlsv1alpha1.RolloutPhase) {
			if at == meshtlsv1alpha1.RolloutBlocked {
				Expect(p.Status.Rollout.Blockers).To(ConsistOf(And(
					HaveField("Client", "legacy/crawler"), HaveField("Ports", []int32{8080}), HaveField("Hint", ContainSubstring("no pod of it any more")),
				)))
				Expect(p.Status.Rollout.Summary).To(Equal("Blocked: 1 client"))
				Expect(p.Status.Accepts).To(Equal("Permissive (Strict after rollout)"))
			}
			if at != meshtlsv1alpha1.RolloutCompleted {
				Expect(condition(ctx, p, meshtlsv1alpha1.ConditionReady)()).To(Equal(rollingOut))
			}
		})
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).Should(Equal(ready))
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionRolledOut)()).To(Equal("True Completed"))
		Eventually(eventsOf(ctx, p)).Should(ContainElements("Blocked", "Observing", "Switching", "Probation", "Completed"))
	})

	It("loses nothing when the operator restarts in each phase, and writes nothing then", func(ctx SpecContext) {
		p := rollingTo(namespace)
		alone(ctx, namespace)
		walk(ctx, p, func(meshtlsv1alpha1.RolloutPhase) {
			Eventually(running.traffic.quiet(namespace)).Should(BeTrue())
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			before := p.Status.DeepCopy()
			running.stop()
			running = restart()
			Consistently(running.traffic.writes).Should(BeEmpty())
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			Expect(p.Status).To(Equal(*before))
		})
	})

	It("writes nothing because time passes, or because more is called", func(ctx SpecContext) {
		p := rollingTo(namespace)
		prometheus.sees(namespace, everybodyWell()...)
		create(ctx, p)
		Eventually(rolledOut(ctx, p)).Should(ContainSubstring("the clean time is over at"))
		Eventually(running.traffic.quiet(namespace)).Should(BeTrue())
		running.traffic.forget()
		for range 5 {
			asked := prometheus.count()
			pass(ctx, p, 2*time.Hour)
			Eventually(prometheus.count).Should(BeNumerically(">", asked+10))
		}
		Consistently(func() []string { return running.traffic.in(namespace) }).Should(BeEmpty())
	})

	It("writes nothing for each call that blocks it", func(ctx SpecContext) {
		p := rollingTo(namespace)
		prometheus.sees(namespace, oneWithout()...)
		create(ctx, p)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutBlocked))
		Eventually(running.traffic.quiet(namespace)).Should(BeTrue())
		running.traffic.forget()
		for range 5 {
			asked := prometheus.count()
			pass(ctx, p, 10*time.Minute)
			Eventually(prometheus.count).Should(BeNumerically(">", asked+10))
		}
		Consistently(func() []string { return running.traffic.in(namespace) }).Should(BeEmpty())
		for range 48 {
			asked := prometheus.count()
			pass(ctx, p, 30*time.Minute)
			Eventually(prometheus.count).Should(BeNumerically(">", asked+10))
		}
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).Should(Equal("False " + meshtlsv1alpha1.ReasonRolloutBlocked))
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionStalled)()).To(Equal("True " + meshtlsv1alpha1.ReasonRolloutBlocked))
	})

	DescribeTable("does not take for clean what it does not know",
		func(ctx SpecContext, trouble func(), words string) {
			p := rollingTo(namespace)
			prometheus.sees(namespace, everybodyWell()...)
			trouble()
			create(ctx, p)
			Eventually(rolledOut(ctx, p)).Should(ContainSubstring(words))
			Expect(p.Status.Rollout.StoppedAt).NotTo(BeNil())
			Expect(p.Status.Rollout.Summary).To(Equal("Observing: not known"))
			Expect(condition(ctx, p, meshtlsv1alpha1.ConditionReady)()).To(Equal(rollingOut))
			pass(ctx, p, 48*time.Hour)
			Consistently(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutObserving))
			Expect(modes(ctx, namespace)()).To(Equal(permissive))

			prometheus.answers(nil)
			prometheus.begins(time.Time{}, "90d")
			Eventually(func() *metav1.Time { phase(ctx, p)(); return p.Status.Rollout.StoppedAt }).Should(BeNil())
			Expect(p.Status.Rollout.Phase).To(Equal(meshtlsv1alpha1.RolloutObserving), "the time in which nothing was known does not count")
		},
		Entry("Prometheus is away", func() { prometheus.answers(away) }, "fails: server error: 502"),
		Entry("Prometheus has no metrics of Istio", func() { prometheus.answers(empty) }, "it does not scrape them"),
		Entry("a proxy in between answers HTML", func() { prometheus.answers(html) }, "is not Prometheus"),
		Entry("Prometheus keeps a quarter of the day", func() { prometheus.begins(time.Time{}, "6h") }, "keeps series for 6h"),
	)

	It("does not hold up a pass while Prometheus is slow", func(ctx SpecContext) {
		release := make(chan struct{})
		DeferCleanup(func() { close(release) })
		prometheus.answers(func(http.ResponseWriter, *http.Request) { <-release })
		p := rollingTo(namespace)
		create(ctx, p)
		Eventually(modes(ctx, namespace)).Should(Equal(permissive))
		update(ctx, p, func() {
			p.Spec.Accept.Ports = []meshtlsv1alpha1.AcceptPort{{Port: ptr.To[int32](9090), Mode: meshtlsv1alpha1.AcceptStrict}}
		})
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "PERMISSIVE", 9090: "STRICT"}))
	})

	It("does not loosen what is Strict already", func(ctx SpecContext) {
		foreign := &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "by-hand"}}
		foreign.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: securityapi.PeerAuthentication_MutualTLS_STRICT}
		Expect(admin.Create(ctx, foreign)).To(Succeed())
		p := rollingTo(namespace)
		prometheus.sees(namespace, oneWithout()...)
		create(ctx, p)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutCompleted))
		Expect(admin.Delete(ctx, foreign)).To(Succeed())
		Consistently(modes(ctx, namespace)).Should(Equal(strict))
	})

	It("stays Strict when its status is lost", func(ctx SpecContext) {
		p := rollingTo(namespace, func(r *meshtlsv1alpha1.Rollout) { r.Gate = meshtlsv1alpha1.GateTimer })
		create(ctx, p)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutObserving))
		pass(ctx, p, 25*time.Hour)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutSwitching))
		pass(ctx, p, 3*time.Minute)
		Eventually(modes(ctx, namespace)).Should(Equal(oneStrict))
		lose := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"rollout":null}}`))
		Expect(admin.Status().Patch(ctx, p.DeepCopy(), lose)).To(Succeed())
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutObserving))
		Expect(modes(ctx, namespace)()).To(Equal(oneStrict), "a port that is Strict stays so")
		pass(ctx, p, 25*time.Hour)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutSwitching))
		pass(ctx, p, 3*time.Minute)
		Eventually(modes(ctx, namespace)).Should(Equal(strict))
		Expect(admin.Status().Patch(ctx, p.DeepCopy(), lose)).To(Succeed())
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutCompleted))
		Consistently(modes(ctx, namespace)).Should(Equal(strict))
	})

	It("waits for approval where the gate is Manual, and holds where it is paused", func(ctx SpecContext) {
		p := rollingTo(namespace, func(r *meshtlsv1alpha1.Rollout) { r.Gate, r.Approve = meshtlsv1alpha1.GateManual, "2026-11-01" })
		prometheus.sees(namespace, everybodyWell()...)
		create(ctx, p)
		Eventually(rolledOut(ctx, p)).Should(ContainSubstring("the clean time is over at"))
		pass(ctx, p, 25*time.Hour)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutAwaitingApproval))
		update(ctx, p, func() { p.Spec.Accept.Rollout.Approve = "2026-12-01" })
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutSwitching))
		update(ctx, p, func() { p.Spec.Accept.Rollout.Paused = true })
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutPaused))
		pass(ctx, p, time.Hour)
		Consistently(modes(ctx, namespace)).Should(Equal(permissive))
		update(ctx, p, func() { p.Spec.Accept.Rollout = nil })
		Eventually(modes(ctx, namespace)).Should(Equal(strict), "without a rollout it is Strict at once")
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionRolledOut)).Should(Equal("absent"))
	})
})
