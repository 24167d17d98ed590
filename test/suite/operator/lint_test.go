package operator

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	networkingapi "istio.io/api/networking/v1alpha3"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// found returns the checks that have a finding in the policy's status.
func found(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy) func() []string {
	return func() []string {
		GinkgoHelper()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		checks := []string{}
		for _, f := range p.Status.Findings {
			checks = append(checks, f.Check)
		}
		return checks
	}
}

// terminating returns a policy that ends TLS for shop.example.com at the pods of an application, of any namespace.
func terminating(namespace, app string) *meshtlsv1alpha1.MeshTLSPolicy {
	p := policy(namespace, "web")
	p.Spec.Gateway = &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: labels(app)}}
	p.Spec.Terminate = []meshtlsv1alpha1.Terminate{{
		GatewayServer: meshtlsv1alpha1.GatewayServer{Port: 443, Hosts: []string{"shop.example.com"}}, CredentialName: "shop",
	}}
	return p
}

// gatewayOf returns the name of the Gateway that is rendered for the policy.
func gatewayOf(p *meshtlsv1alpha1.MeshTLSPolicy) string {
	GinkgoHelper()
	Expect(p.Status.Objects).To(HaveLen(1))
	return p.Status.Objects[0].Name
}

// callsOf returns a webhook configuration of the namespace's own: no request leads to a call, but it is said that it may.
func callsOf(namespace, service string) *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name:                    "check.shop.example",
			AdmissionReviewVersions: []string{"v1"},
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				Service: &admissionregistrationv1.ServiceReference{Namespace: namespace, Name: service, Port: ptr.To[int32](90)},
			},
		}},
	}
}

var _ = Describe("What is found in the objects of policies", func() {
	var namespace, other string

	BeforeEach(func(ctx SpecContext) {
		namespace, other = newNamespace(ctx), newNamespace(ctx)
	})

	It("tells of a route that does not fit the Gateway, and follows the VirtualService", func(ctx SpecContext) {
		edge := unique("edge", namespace)
		newGatewayPod(ctx, namespace, edge)
		p := terminating(namespace, edge)
		create(ctx, p)
		expectReady(ctx, p)

		By("binding a route by server names, in another namespace")
		route := &istionetworkingv1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: other, Name: "shop"}}
		route.Spec.Hosts, route.Spec.Gateways = []string{"shop.example.com"}, []string{namespace + "/" + gatewayOf(p)}
		route.Spec.Tls = []*networkingapi.TLSRoute{{
			Match: []*networkingapi.TLSMatchAttributes{{SniHosts: []string{"shop.example.com"}}},
			Route: []*networkingapi.RouteDestination{{Destination: &networkingapi.Destination{Host: "shop"}}},
		}}
		Expect(admin.Create(ctx, route)).To(Succeed())
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).Should(Equal("False " + meshtlsv1alpha1.ReasonInert))
		Expect(p.Status.Conditions[0].Message).To(And(
			ContainSubstring("VirtualService "+other+"/shop"), ContainSubstring("has only tls routes: Istio uses none of them")))
		Expect(found(ctx, p)()).To(Equal([]string{"gateway-route-kind-mismatch"}))

		By("routing by http")
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(route), route)).To(Succeed())
		route.Spec.Http = []*networkingapi.HTTPRoute{{
			Route: []*networkingapi.HTTPRouteDestination{{Destination: &networkingapi.Destination{Host: "shop"}}},
		}}
		route.Spec.Tls = nil
		Expect(admin.Update(ctx, route)).To(Succeed())
		expectReady(ctx, p)
		Eventually(running.traffic.quiet(namespace)).Should(BeTrue())

		By("changing what bears on nothing")
		running.traffic.forget()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(route), route)).To(Succeed())
		route.Spec.Http[0].Rewrite = &networkingapi.HTTPRewrite{Uri: "/"}
		Expect(admin.Update(ctx, route)).To(Succeed())
		Consistently(func() []string { return running.traffic.in(namespace) }).Should(BeEmpty())
	})

	It("warns of a webhook at a Strict port, and follows its configuration", func(ctx SpecContext) {
		newApplication(ctx, namespace, "hooks")
		p := strictBut(namespace, "hooks", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		expectReady(ctx, p)
		Expect(found(ctx, p)()).To(BeEmpty())

		calls := callsOf(namespace, "hooks")
		Expect(admin.Create(ctx, calls)).To(Succeed())
		deleteAfter(calls)
		Eventually(found(ctx, p)).Should(Equal([]string{"peerauthentication-refuses-webhook"}))
		Expect(p.Status.Findings[0].Message).To(ContainSubstring("ValidatingWebhookConfiguration " + namespace))
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionReady)()).To(Equal(ready), "a warning lowers nothing")

		By("calling the port that accepts plaintext")
		calls.Webhooks[0].ClientConfig.Service.Port = ptr.To[int32](80)
		Expect(admin.Update(ctx, calls)).To(Succeed())
		Eventually(found(ctx, p)).Should(BeEmpty())

		By("calling the Strict one again, and no more")
		calls.Webhooks[0].ClientConfig.Service.Port = ptr.To[int32](90)
		Expect(admin.Update(ctx, calls)).To(Succeed())
		Eventually(found(ctx, p)).ShouldNot(BeEmpty())
		Expect(admin.Delete(ctx, calls)).To(Succeed())
		Eventually(found(ctx, p)).Should(BeEmpty())
	})

	It("warns of a port that no Service before the gateway has, and follows the Service", func(ctx SpecContext) {
		edge := unique("remote-edge", namespace)
		newGatewayPod(ctx, other, edge)
		service := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: other, Name: edge},
			Spec:       corev1.ServiceSpec{Selector: labels(edge), Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
		}
		Expect(admin.Create(ctx, service)).To(Succeed())
		p := terminating(namespace, edge)
		create(ctx, p)
		Eventually(found(ctx, p)).Should(ContainElement("gateway-port-not-exposed"))
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionReady)()).To(Equal(ready))

		By("giving the Service the port")
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: "https", Port: 443})
		Expect(admin.Update(ctx, service)).To(Succeed())
		Eventually(found(ctx, p)).ShouldNot(ContainElement("gateway-port-not-exposed"))
	})
})
