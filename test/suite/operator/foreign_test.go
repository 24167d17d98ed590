package operator

import (
	"context"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// balanced returns an owner's rule for a Service with a load balancer.
func balanced(namespace, service string, simple networkingapi.LoadBalancerSettings_SimpleLB) *istionetworkingv1.DestinationRule {
	rule := &istionetworkingv1.DestinationRule{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "owners"}}
	rule.Spec.Host = service
	rule.Spec.TrafficPolicy = &networkingapi.TrafficPolicy{LoadBalancer: &networkingapi.LoadBalancerSettings{
		LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: simple},
	}}
	return rule
}

// balancers returns the load balancers of the namespace's rules, with the TLS mode where there is one, in order.
func balancers(ctx context.Context, namespace string) func() []string {
	return func() []string {
		var all []string
		for _, rule := range destinationRules(ctx, namespace) {
			policy := rule.Spec.GetTrafficPolicy()
			words := policy.GetLoadBalancer().GetSimple().String()
			if policy.GetTls() != nil {
				words += " " + policy.GetTls().GetMode().String()
			}
			all = append(all, words)
		}
		slices.Sort(all)
		return all
	}
}

var _ = Describe("A mesh with rules of other people", func() {
	var namespace string

	BeforeEach(func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
	})

	It("has its DestinationRules taken along, and followed", func(ctx SpecContext) {
		bank := newNamespace(ctx)
		newApplication(ctx, bank, "ledger")
		owners := balanced(bank, "ledger", networkingapi.LoadBalancerSettings_RANDOM)
		Expect(admin.Create(ctx, owners)).To(Succeed())
		p := policy(namespace, "shop")
		p.Spec.Workload = &meshtlsv1alpha1.Target{Service: "shop"}
		p.Spec.Send = []meshtlsv1alpha1.Send{{Hosts: []string{"ledger." + bank + ".svc.cluster.local"}}}
		p.Spec.Send[0].Mode = meshtlsv1alpha1.SendIstioMutual
		create(ctx, p)
		expectReady(ctx, p)
		Eventually(balancers(ctx, namespace)).Should(Equal([]string{"RANDOM", "RANDOM ISTIO_MUTUAL"}), "the companion, and the rule of the pods")

		By("changing the owner's rule")
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(owners), owners)).To(Succeed())
		owners.Spec.TrafficPolicy = balanced(bank, "ledger", networkingapi.LoadBalancerSettings_LEAST_REQUEST).Spec.TrafficPolicy
		Expect(admin.Update(ctx, owners)).To(Succeed())
		Eventually(balancers(ctx, namespace)).Should(Equal([]string{"LEAST_REQUEST", "LEAST_REQUEST ISTIO_MUTUAL"}))

		By("taking the owner's rule away")
		Expect(admin.Delete(ctx, owners)).To(Succeed())
		Eventually(balancers(ctx, namespace)).Should(Equal([]string{"UNSPECIFIED ISTIO_MUTUAL"}))
		expectReady(ctx, p)
	})

	It("says which older PeerAuthentication decides, and is in force without a write when it goes", func(ctx SpecContext) {
		older := &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "legacy"}}
		older.Spec.Selector = &typeapi.WorkloadSelector{MatchLabels: labels("shop")}
		older.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: securityapi.PeerAuthentication_MutualTLS_PERMISSIVE}
		Expect(admin.Create(ctx, older)).To(Succeed())
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).Should(Equal("False " + meshtlsv1alpha1.ReasonShadowed))
		Expect(p.Status.Conditions[0].Message).To(ContainSubstring("PeerAuthentication " + namespace + "/legacy"))
		Expect(peerAuthentications(ctx, namespace)).To(HaveLen(2), "ours is written all the same")
		Eventually(idle).Should(BeTrue())

		running.traffic.forget()
		Expect(admin.Delete(ctx, older)).To(Succeed())
		expectReady(ctx, p)
		Expect(running.traffic.in(namespace)).NotTo(ContainElement(ContainSubstring("peerauthentications")))
	})

	It("says which older Gateway has a host", func(ctx SpecContext) {
		edge := unique("edge", namespace)
		newGatewayPod(ctx, namespace, edge)
		newService(ctx, namespace, edge)
		other := newNamespace(ctx)
		// Of objects of one second Istio takes the first by name.
		older := &istionetworkingv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: other, Name: "a-gateway"}}
		older.Spec.Selector = labels(edge)
		older.Spec.Servers = []*networkingapi.Server{{
			Port:  &networkingapi.Port{Number: 443, Name: "https", Protocol: "HTTPS"},
			Hosts: []string{"shop.example.com"},
			Tls:   &networkingapi.ServerTLSSettings{Mode: networkingapi.ServerTLSSettings_SIMPLE, CredentialName: "theirs"},
		}}
		Expect(admin.Create(ctx, older)).To(Succeed())
		p := policy(namespace, "edge")
		p.Spec.Gateway = &meshtlsv1alpha1.Target{Service: edge}
		p.Spec.Terminate = []meshtlsv1alpha1.Terminate{{
			GatewayServer: meshtlsv1alpha1.GatewayServer{Port: 443, Hosts: []string{"shop.example.com"}}, CredentialName: "ours",
		}}
		create(ctx, p)
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).Should(Equal("False " + meshtlsv1alpha1.ReasonShadowed))
		Expect(p.Status.Conditions[0].Message).To(ContainSubstring("Gateway " + other + "/a-gateway"))

		Expect(admin.Delete(ctx, older)).To(Succeed())
		expectReady(ctx, p)
	})
})
