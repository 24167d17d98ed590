package operator

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

var _ = Describe("Two policies for the same pods", func() {
	It("are one object, and when one goes only its ports do", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		stays := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, stays)
		goes := policy(namespace, "admin")
		goes.Spec.Workload = &meshtlsv1alpha1.Target{Service: "shop"}
		goes.Spec.Accept = &meshtlsv1alpha1.Accept{
			Ports: []meshtlsv1alpha1.AcceptPort{{Port: ptr.To[int32](9090), Mode: meshtlsv1alpha1.AcceptDisable}},
		}
		create(ctx, goes)
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "STRICT", 8080: "PERMISSIVE", 9090: "DISABLE"}))
		folded := onlyPeerAuthentication(ctx, namespace)
		Expect(folded.OwnerReferences).To(HaveLen(2))

		Expect(admin.Delete(ctx, goes)).To(Succeed())
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "STRICT", 8080: "PERMISSIVE"}))
		Expect(onlyPeerAuthentication(ctx, namespace).UID).To(Equal(folded.UID), "age is priority in Istio")
		Eventually(func() int { return len(onlyPeerAuthentication(ctx, namespace).OwnerReferences) }).Should(Equal(1))
	})
})

var _ = Describe("A policy that is deleted", func() {
	It("takes its objects along", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		Expect(peerAuthentications(ctx, namespace)).To(HaveLen(1))

		Expect(admin.Delete(ctx, p)).To(Succeed())
		Eventually(func() int { return len(peerAuthentications(ctx, namespace)) }).Should(BeZero())
	})

	It("has them collected by Kubernetes when the operator is away", Serial, func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		running.stop()
		defer func() { running = restart() }()

		Expect(admin.Delete(ctx, p)).To(Succeed())
		Eventually(func() int { return len(peerAuthentications(ctx, namespace)) }).WithTimeout(time.Minute).Should(BeZero())
	})
})
