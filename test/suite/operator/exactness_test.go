package operator

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

var _ = Describe("What is rendered", func() {
	var namespace string
	var strict *meshtlsv1alpha1.MeshTLSPolicy
	planned := map[uint32]string{0: "STRICT", 8080: "PERMISSIVE"}

	BeforeEach(func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		strict = strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, strict)
		Expect(modes(ctx, namespace)()).To(Equal(planned))
		expectReady(ctx, strict)
	})

	It("is put back when somebody edits it", func(ctx SpecContext) {
		edited := onlyPeerAuthentication(ctx, namespace)
		edited.Spec.Mtls.Mode = securityapi.PeerAuthentication_MutualTLS_DISABLE
		edited.Spec.PortLevelMtls = nil
		Expect(admin.Update(ctx, edited, client.FieldOwner("kubectl-edit"))).To(Succeed())

		Eventually(modes(ctx, namespace)).Should(Equal(planned))
		Expect(onlyPeerAuthentication(ctx, namespace).UID).To(Equal(edited.UID), "age is priority in Istio")
		Eventually(eventsOf(ctx, strict)).Should(ContainElements("Ready", "DriftCorrected"))
		Expect(condition(ctx, strict, meshtlsv1alpha1.ConditionReady)()).To(Equal(ready))
	})

	It("is contested when somebody edits it again and again, until they stop", Serial, func(ctx SpecContext) {
		running.traffic.forget()
		fight, stop := context.WithCancel(ctx)
		defer stop()
		began, fought := time.Now(), make(chan struct{})
		go func() {
			defer GinkgoRecover()
			defer close(fought)
			for fight.Err() == nil {
				found := peerAuthentications(ctx, namespace)
				if len(found) == 1 && found[0].Spec.GetMtls().GetMode() != securityapi.PeerAuthentication_MutualTLS_DISABLE {
					found[0].Spec.Mtls.Mode = securityapi.PeerAuthentication_MutualTLS_DISABLE
					_ = admin.Update(ctx, found[0], client.FieldOwner("intruder")) // it may lose the race
				}
			}
		}()
		Eventually(condition(ctx, strict, meshtlsv1alpha1.ConditionProgrammed)).WithTimeout(10 * time.Second).
			Should(Equal("False " + meshtlsv1alpha1.ReasonContested))
		Expect(strict.Status.Conditions[0].Message).To(ContainSubstring("field manager intruder"))
		Consistently(condition(ctx, strict, meshtlsv1alpha1.ConditionProgrammed)).WithTimeout(5 * time.Second).
			Should(Equal("False " + meshtlsv1alpha1.ReasonContested))
		stop()
		<-fought
		writes := slices.DeleteFunc(running.traffic.writes(), func(r string) bool { return !strings.Contains(r, "peerauthentications") })
		Expect(float64(len(writes))).To(BeNumerically("<=", 2*(1+time.Since(began).Seconds())), "an apply and a replacement a second")
		expectReady(ctx, strict)
		Expect(modes(ctx, namespace)()).To(Equal(planned))
	})

	It("loses the port that another field manager adds", func(ctx SpecContext) {
		widened := []byte(`{"apiVersion":"security.istio.io/v1","kind":"PeerAuthentication","spec":{"portLevelMtls":{"9999":{"mode":"DISABLE"}}}}`)
		other := onlyPeerAuthentication(ctx, namespace)
		patch := client.RawPatch("application/apply-patch+yaml", widened)
		Expect(admin.Patch(ctx, other, patch, client.FieldOwner("intruder"))).To(Succeed())
		Expect(other.Spec.PortLevelMtls).To(HaveKey(uint32(9999)))

		Eventually(modes(ctx, namespace)).Should(Equal(planned))
		Eventually(eventsOf(ctx, strict)).Should(ContainElement("DriftCorrected"))
	})

	It("loses the label that another field manager adds to the selector", func(ctx SpecContext) {
		narrowed := onlyPeerAuthentication(ctx, namespace)
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"selector":{"matchLabels":{"version":"none"}}}}`))
		Expect(admin.Patch(ctx, narrowed, patch, client.FieldOwner("intruder"))).To(Succeed())

		Eventually(func() map[string]string {
			return onlyPeerAuthentication(ctx, namespace).Spec.GetSelector().GetMatchLabels()
		}).Should(Equal(labels("shop")))
	})

	It("is created again when somebody deletes it", func(ctx SpecContext) {
		deleted := onlyPeerAuthentication(ctx, namespace)
		Expect(admin.Delete(ctx, deleted)).To(Succeed())

		Eventually(modes(ctx, namespace)).Should(Equal(planned))
		Expect(onlyPeerAuthentication(ctx, namespace).UID).NotTo(Equal(deleted.UID))
	})

	It("keeps the labels and annotations of others, at no cost", func(ctx SpecContext) {
		Eventually(running.traffic.quiet(namespace)).Should(BeTrue())
		running.traffic.forget()
		tracked := onlyPeerAuthentication(ctx, namespace)
		before := passes()
		tracked.Labels["argocd.argoproj.io/instance"] = "shop"
		tracked.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "shop:security.istio.io/PeerAuthentication"}
		Expect(admin.Update(ctx, tracked, client.FieldOwner("argocd-controller"))).To(Succeed())
		settle(before)
		Expect(running.traffic.in(namespace)).To(BeEmpty())

		update(ctx, strict, func() { strict.Spec.Accept.Ports[0].Mode = meshtlsv1alpha1.AcceptDisable })
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT", 8080: "DISABLE"}))
		Expect(onlyPeerAuthentication(ctx, namespace).Labels).To(HaveKey("argocd.argoproj.io/instance"))
		Expect(onlyPeerAuthentication(ctx, namespace).Annotations).To(HaveKey("argocd.argoproj.io/tracking-id"))
	})

	It("loses a revision that the policy does not have", func(ctx SpecContext) {
		moved := onlyPeerAuthentication(ctx, namespace)
		moved.Labels[meshtlsv1alpha1.LabelRevision] = "canary"
		Expect(admin.Update(ctx, moved, client.FieldOwner("kubectl-edit"))).To(Succeed())

		Eventually(func() map[string]string {
			return onlyPeerAuthentication(ctx, namespace).Labels
		}).ShouldNot(HaveKey(meshtlsv1alpha1.LabelRevision))
	})

	It("loses an owner that does not contribute", func(ctx SpecContext) {
		claimed := onlyPeerAuthentication(ctx, namespace)
		stranger := claimed.OwnerReferences[0]
		stranger.Name, stranger.UID = "stranger", "00000000-0000-0000-0000-000000000000"
		claimed.OwnerReferences = append(claimed.OwnerReferences, stranger)
		Expect(admin.Update(ctx, claimed, client.FieldOwner("kubectl-edit"))).To(Succeed())

		Eventually(func() []metav1.OwnerReference {
			return onlyPeerAuthentication(ctx, namespace).OwnerReferences
		}).Should(HaveLen(1))
	})

	It("goes when nothing asks for it any more", func(ctx SpecContext) {
		update(ctx, strict, func() {
			strict.Spec.Accept = nil
			strict.Spec.Send = []meshtlsv1alpha1.Send{{Hosts: []string{"shop"}}}
			strict.Spec.Send[0].Mode = meshtlsv1alpha1.SendIstioMutual
		})
		Expect(peerAuthentications(ctx, namespace)).To(BeEmpty())
		Expect(destinationRules(ctx, namespace)).To(HaveLen(1))
		Eventually(eventsOf(ctx, strict)).Should(ContainElement("Pruned"))
	})
})

var _ = Describe("An object that is not ours", func() {
	It("is not adopted when it takes the name before we do", Serial, func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		wanted := onlyPeerAuthentication(ctx, namespace)
		Expect(admin.Delete(ctx, p)).To(Succeed())
		Eventually(func() int { return len(peerAuthentications(ctx, namespace)) }).Should(BeZero())

		By("creating the same, between the operator's look and its write")
		theirs := &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: wanted.Name}}
		wanted.Spec.DeepCopyInto(&theirs.Spec)
		Eventually(idle).Should(BeTrue())
		running.stop()
		defer func() { running = restart() }()
		overtaking := &refusing{about: func(request *http.Request) bool {
			if request.Method == http.MethodPatch && strings.HasSuffix(request.URL.Path, "/peerauthentications/"+wanted.Name) {
				_ = admin.Create(ctx, theirs.DeepCopy(), client.FieldOwner("tenant")) // once: then it is there
			}
			return false
		}}
		startBehind(overtaking)
		p = strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		Expect(admin.Create(ctx, p)).To(Succeed())
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionProgrammed)).Should(Equal("False " + meshtlsv1alpha1.ReasonNotOwned))
		Expect(onlyPeerAuthentication(ctx, namespace).OwnerReferences).To(BeEmpty())
	})

	It("is left alone and reported, and hinders no other policy", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		newApplication(ctx, namespace, "cart")
		first := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, first)

		By("taking the name of our object, as if it had been there first")
		foreign := onlyPeerAuthentication(ctx, namespace)
		delete(foreign.Labels, meshtlsv1alpha1.LabelManagedBy)
		foreign.Spec.Mtls.Mode = securityapi.PeerAuthentication_MutualTLS_DISABLE
		foreign.OwnerReferences = nil
		Expect(admin.Update(ctx, foreign, client.FieldOwner("tenant"))).To(Succeed())
		Eventually(condition(ctx, first, meshtlsv1alpha1.ConditionProgrammed)).Should(Equal("False " + meshtlsv1alpha1.ReasonNotOwned))

		By("working on for the others")
		create(ctx, strictBut(namespace, "cart", meshtlsv1alpha1.AcceptPermissive))
		Expect(peerAuthentications(ctx, namespace)).To(HaveLen(2))
		var untouched istiosecurityv1.PeerAuthentication
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(foreign), &untouched)).To(Succeed())
		Expect(untouched.ResourceVersion).To(Equal(foreign.ResourceVersion))

		By("not taking the label for more than it is")
		labelled := foreign.DeepCopy()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(foreign), labelled)).To(Succeed())
		labelled.Labels = map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}
		Expect(admin.Update(ctx, labelled, client.FieldOwner("tenant"))).To(Succeed())
		copied := balanced(namespace, "shop", networkingapi.LoadBalancerSettings_RANDOM)
		copied.Labels = labelled.Labels
		Expect(admin.Create(ctx, copied, client.FieldOwner("tenant"))).To(Succeed())
		update(ctx, first, func() { first.Spec.Accept.Ports[0].Mode = meshtlsv1alpha1.AcceptDisable })
		Expect(condition(ctx, first, meshtlsv1alpha1.ConditionProgrammed)()).To(Equal("False " + meshtlsv1alpha1.ReasonNotOwned))
		Expect(destinationRules(ctx, namespace)).To(HaveLen(1))

		By("taking over when the foreign object goes")
		Expect(admin.Delete(ctx, foreign)).To(Succeed())
		expectReady(ctx, first)
		Expect(peerAuthentications(ctx, namespace)).To(HaveLen(2))
	})
})
