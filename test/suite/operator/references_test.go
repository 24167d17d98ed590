package operator

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

var _ = Describe("What a policy names and the cluster lacks", func() {
	var namespace string
	BeforeEach(func(ctx SpecContext) { namespace = newNamespace(ctx) })

	byService := func() *meshtlsv1alpha1.MeshTLSPolicy {
		p := policy(namespace, "shop")
		p.Spec.Workload = &meshtlsv1alpha1.Target{Service: "shop"}
		p.Spec.Accept = &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict}
		return p
	}

	It("a Service: accepted, reported, and right when the Service comes", func(ctx SpecContext) {
		newPod(ctx, namespace, "shop")
		p := byService()
		create(ctx, p)
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionAccepted)()).To(HavePrefix("True"))
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)()).To(Equal("False " + meshtlsv1alpha1.ReasonServiceNotFound))

		newService(ctx, namespace, "shop")
		expectReady(ctx, p)
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT"}))
	})

	It("a Service that goes: what was written for the policy stays", func(ctx SpecContext) {
		newApplication(ctx, namespace, "shop")
		p := byService()
		create(ctx, p)
		expectReady(ctx, p)
		written := onlyPeerAuthentication(ctx, namespace)

		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}}
		Expect(admin.Delete(ctx, service)).To(Succeed())
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)).Should(Equal("False " + meshtlsv1alpha1.ReasonServiceNotFound))
		Expect(onlyPeerAuthentication(ctx, namespace).ResourceVersion).To(Equal(written.ResourceVersion))
	})

	It("a port of a Service", func(ctx SpecContext) {
		newApplication(ctx, namespace, "shop")
		p := byService()
		unknown := intstr.FromString("metrics")
		p.Spec.Accept.Ports = []meshtlsv1alpha1.AcceptPort{{ServicePort: &unknown, Mode: meshtlsv1alpha1.AcceptDisable}}
		create(ctx, p)
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)).Should(Equal("False " + meshtlsv1alpha1.ReasonPortNotFound))
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT"}))

		By("naming a pod's port as the Service's port")
		service := &corev1.Service{}
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "shop"}, service)).To(Succeed())
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: "metrics", Port: 9100, TargetPort: intstr.FromString("admin")})
		Expect(admin.Update(ctx, service)).To(Succeed())
		Eventually(found(ctx, p)).Should(ContainElement("accept-port-waits"))
		becomesReady(ctx, namespace, "shop")
		expectReady(ctx, p)
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT", 9090: "DISABLE"}))
	})

	It("pods: written all the same, and right when they come", func(ctx SpecContext) {
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)()).To(Equal("False " + meshtlsv1alpha1.ReasonNoMatchingPods))
		Expect(peerAuthentications(ctx, namespace)).To(HaveLen(1))

		newPod(ctx, namespace, "shop")
		expectReady(ctx, p)
	})

	It("a host: right when another namespace declares it", func(ctx SpecContext) {
		p := policy(namespace, "partner")
		host := unique("api", namespace) + ".example"
		p.Spec.Send = []meshtlsv1alpha1.Send{{Hosts: []string{host}}}
		p.Spec.Send[0].Mode = meshtlsv1alpha1.SendSimple
		create(ctx, p)
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)()).To(Equal("False " + meshtlsv1alpha1.ReasonHostNotFound))

		Expect(admin.Create(ctx, externalHost(newNamespace(ctx), host))).To(Succeed())
		expectReady(ctx, p)
	})

	It("a Service of another namespace", func(ctx SpecContext) {
		elsewhere := newNamespace(ctx)
		p := policy(namespace, "upstream")
		p.Spec.Send = []meshtlsv1alpha1.Send{{Hosts: []string{"shop." + elsewhere + ".svc.cluster.local"}}}
		p.Spec.Send[0].Mode = meshtlsv1alpha1.SendIstioMutual
		create(ctx, p)
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)()).To(Equal("False " + meshtlsv1alpha1.ReasonHostNotFound))

		newApplication(ctx, elsewhere, "shop")
		expectReady(ctx, p)
	})

	It("the pods of a gateway in another namespace", func(ctx SpecContext) {
		p := policy(namespace, "edge")
		app := unique("edge", namespace)
		p.Spec.Gateway = &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: labels(app)}}
		p.Spec.Plaintext = []meshtlsv1alpha1.Plaintext{{
			GatewayServer: meshtlsv1alpha1.GatewayServer{Port: 80, Hosts: []string{"shop.example"}},
		}}
		create(ctx, p)
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)()).To(Equal("False " + meshtlsv1alpha1.ReasonNoMatchingPods))

		newGatewayPod(ctx, newNamespace(ctx), app)
		expectReady(ctx, p)
	})
})

var _ = Describe("The root namespace", Serial, func() {
	It("binds the others: a floor lowers what is below it, and goes again", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptDisable)
		create(ctx, p)
		expectReady(ctx, p)

		floor := policy(istioNamespace, "floor")
		floor.Spec.Accept = &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict, Floor: meshtlsv1alpha1.FloorPermissive}
		create(ctx, floor)
		deleteAfter(floor)
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "STRICT"}))
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).ShouldNot(Equal(ready))

		Expect(admin.Delete(ctx, floor)).To(Succeed())
		expectReady(ctx, p)
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT", 8080: "DISABLE"}))
	})

	It("lets a policy below its floor by an exception, and tells that it ends", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptDisable)
		create(ctx, p)
		expectReady(ctx, p)
		inDays := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
		exception := meshtlsv1alpha1.FloorException{Policy: p.Name, Namespace: namespace, Until: inDays(365), Reason: "of the spec"}
		floor := policy(istioNamespace, "floor")
		floor.Spec.Accept = &meshtlsv1alpha1.Accept{
			Floor: meshtlsv1alpha1.FloorPermissive, FloorExceptions: []meshtlsv1alpha1.FloorException{exception},
		}
		create(ctx, floor)
		deleteAfter(floor)
		lastsUntil := func(day string) {
			GinkgoHelper()
			before := floor.DeepCopy()
			floor.Spec.Accept.FloorExceptions[0].Until = day
			Expect(admin.Patch(ctx, floor, client.MergeFrom(before))).To(Succeed())
		}
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			g.Expect(p.Status.Accepts).To(HaveSuffix("below the floor until " + exception.Until))
		}).Should(Succeed())
		expectReady(ctx, p)
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT", 8080: "DISABLE"}))

		By("coming to the last days")
		lastsUntil(inDays(2))
		Eventually(eventsOf(ctx, p)).Should(ContainElement("FloorExceptionEnds"))
		Eventually(eventsOf(ctx, floor)).Should(ContainElement("FloorExceptionEnds"))

		By("being over")
		lastsUntil(inDays(-1))
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "STRICT"}))
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).ShouldNot(Equal(ready))
	})

	It("is what the mesh config says", func(ctx SpecContext) {
		namespace, root := newNamespace(ctx), newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptDisable)
		create(ctx, p)
		floor := policy(root, "floor")
		floor.Spec.Accept = &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict, Floor: meshtlsv1alpha1.FloorPermissive}
		create(ctx, floor)
		expectReady(ctx, p)

		config := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: istioNamespace, Name: "istio"},
			Data:       map[string]string{"mesh": "rootNamespace: " + root},
		}
		Expect(admin.Create(ctx, config)).To(Succeed())
		deleteAfter(config)
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "STRICT"}))

		Expect(admin.Delete(ctx, config)).To(Succeed())
		expectReady(ctx, p)
	})
})

var _ = Describe("A named port", func() {
	It("follows the pods that declare it", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newService(ctx, namespace, "shop")
		p := policy(namespace, "shop")
		p.Spec.Workload = &meshtlsv1alpha1.Target{Service: "shop"}
		p.Spec.Accept = &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict, Ports: []meshtlsv1alpha1.AcceptPort{
			{ServicePort: ptr.To(intstr.FromInt32(90)), Mode: meshtlsv1alpha1.AcceptDisable},
		}}
		create(ctx, p)
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "STRICT"}))

		newPod(ctx, namespace, "shop")
		Eventually(found(ctx, p)).Should(ContainElement("accept-port-waits"))
		becomesReady(ctx, namespace, "shop")
		expectReady(ctx, p)
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT", 9090: "DISABLE"}))
		Expect(p.Status.AcceptPorts).To(ContainElement(meshtlsv1alpha1.AcceptPortStatus{
			Port: 9090, ServicePorts: []string{"shop:admin"}, Mode: meshtlsv1alpha1.AcceptDisable, Origin: "spec.accept.ports[0]",
		}))
	})
})
