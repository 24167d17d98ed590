package operator

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// restart starts an operator in the place of one that was stopped, for the specs that follow.
func restart() *operator {
	GinkgoHelper()
	var policies meshtlsv1alpha1.MeshTLSPolicyList
	Expect(admin.List(context.Background(), &policies)).To(Succeed())
	before := passes()
	started := startOperator(account)
	if len(policies.Items) > 0 { // without any, there is nothing to pass over
		settle(before)
	}
	return started
}

var _ = Describe("The cost of a pass", func() {
	var namespace string
	var p *meshtlsv1alpha1.MeshTLSPolicy

	BeforeEach(func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p = strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		p.Spec.Send = []meshtlsv1alpha1.Send{{Hosts: []string{"shop"}}}
		p.Spec.Send[0].Mode = meshtlsv1alpha1.SendIstioMutual
		create(ctx, p)
		expectReady(ctx, p)
		Eventually(eventsOf(ctx, p)).Should(ContainElement("Ready"))
		Eventually(running.traffic.quiet(namespace)).Should(BeTrue())
	})

	It("is nothing where nothing is to be done", func(ctx SpecContext) {
		running.traffic.forget()
		before := passes()
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"a":"b"}}}`))
		Expect(admin.Patch(ctx, p.DeepCopy(), patch)).To(Succeed())
		settle(before)
		Consistently(func() []string { return running.traffic.in(namespace) }).Should(BeEmpty())
	})

	It("is two writes for a changed port: the PeerAuthentication and the status", func(ctx SpecContext) {
		running.traffic.forget()
		update(ctx, p, func() { p.Spec.Accept.Ports[0].Mode = meshtlsv1alpha1.AcceptStrict })
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT", 8080: "STRICT"}))
		name := onlyPeerAuthentication(ctx, namespace).Name
		Consistently(func() []string { return running.traffic.in(namespace) }).Should(Equal([]string{
			"PATCH /apis/security.istio.io/v1/namespaces/" + namespace + "/peerauthentications/" + name,
			"PATCH /apis/security.meshtls.dev/v1alpha1/namespaces/" + namespace + "/meshtlspolicies/shop/status",
		}))
	})

	It("is two writes for a port less", func(ctx SpecContext) {
		running.traffic.forget()
		update(ctx, p, func() { p.Spec.Accept.Ports = nil })
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT"}))
		Consistently(func() []string { return running.traffic.in(namespace) }).Should(HaveLen(2))
	})

	It("is no write after a restart", Serial, func(ctx SpecContext) {
		alone(ctx, namespace)
		running.stop()
		running = restart()
		Consistently(running.traffic.writes).Should(BeEmpty())
	})
})
