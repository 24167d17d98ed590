package install

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

var policyKind = meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy")

// The groups and the resources that a policy becomes.
const (
	networking = "networking.istio.io"
	security   = "security.istio.io"

	peerAuthentications = "peerauthentications"
	destinationRules    = "destinationrules"
	gateways            = "gateways"

	authorizationPolicies = "authorizationpolicies"
)

var groups = map[string]string{
	peerAuthentications: security, destinationRules: networking, gateways: networking,
	authorizationPolicies: security,
	"meshtlspolicies":     policyKind.Group, "meshtlspolicies/status": policyKind.Group,
}

// newTenant is somebody who may write policies in a namespace, and has no other right.
func newTenant(ctx SpecContext, name, namespace string) client.Client {
	GinkgoHelper()
	user, err := plane.AddUser(name)
	Expect(err).NotTo(HaveOccurred())
	allow(ctx, name, namespace, "meshtlspolicies")
	as, err := client.New(user.Config, client.Options{})
	Expect(err).NotTo(HaveOccurred())
	return as
}

// allow lets a user create and update objects of a resource in a namespace.
func allow(ctx SpecContext, user, namespace, resource string) {
	GinkgoHelper()
	meta := metav1.ObjectMeta{Namespace: namespace, Name: user + "-" + strings.ReplaceAll(resource, "/", "-")}
	Expect(admin.Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{groups[resource]}, Resources: []string{resource}, Verbs: []string{"create", "get", "update"},
	}}})).To(Succeed())
	Expect(admin.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
}

// newPolicy returns a policy with a spec that is written as YAML.
func newPolicy(namespace, name, spec string) *unstructured.Unstructured {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(policyKind)
	object.SetNamespace(namespace)
	object.SetName(name)
	setSpec(object, spec)
	return object
}

func setSpec(object *unstructured.Unstructured, spec string) {
	GinkgoHelper()
	var content map[string]any
	Expect(yaml.Unmarshal([]byte(spec), &content)).To(Succeed())
	object.Object["spec"] = content
}

// expectRefused waits until the API server refuses a write with this sentence: rights and admission policies take a moment to be
// known to it.
func expectRefused(write func() error, sentence string) {
	GinkgoHelper()
	Eventually(write).Should(SatisfyAll(Satisfy(apierrors.IsForbidden), MatchError(ContainSubstring(sentence))))
}

const (
	accepts     = "{accept: {mode: Strict}}"
	audits      = "{workload: {service: a}, accept: {mode: Strict, rollout: {evidence: {audit: Enabled}}}}"
	sends       = "{send: [{hosts: [api.partner.example], mode: Simple}]}"
	terminates  = "{gateway: {selector: {matchLabels: {istio: edge}}}, terminate: [{port: 443, hosts: [shop.example.com], credentialName: cert}]}"
	passes      = "{gateway: {service: edge}, passthrough: [{port: 443, hosts: [shop.example.com]}]}"
	plain       = "{gateway: {service: edge}, plaintext: [{port: 80, hosts: [shop.example.com]}]}"
	allOfServer = "{gateway: {service: edge}, passthrough: [{port: 443, hosts: [shop.example.com]}], plaintext: [{port: 80, hosts: [a.b]}]}"
)

var _ = Describe("Who writes a policy", func() {
	tenants := 0
	var user, namespace string
	var tenant client.Client

	BeforeEach(func(ctx SpecContext) {
		tenants++
		user, namespace = fmt.Sprintf("tenant-%d", tenants), fmt.Sprintf("tenancy-%d", tenants)
		newNamespace(ctx, namespace)
		tenant = newTenant(ctx, user, namespace)
	})

	writes := func(ctx SpecContext, spec string) func() error {
		return func() error { return tenant.Create(ctx, newPolicy(namespace, "policy", spec)) }
	}

	DescribeTable("needs the right to create what it becomes", func(ctx SpecContext, spec, sentence, missing string, others ...string) {
		for _, resource := range others {
			allow(ctx, user, namespace, resource)
		}
		expectRefused(writes(ctx, spec), fmt.Sprintf(sentence+", and user %s may not create %s.%s in namespace %s: ask for that right, or leave",
			user, missing, groups[missing], namespace))
		allow(ctx, user, namespace, missing)
		Eventually(writes(ctx, spec)).Should(Succeed())
	},
		Entry("accept", accepts, "spec.accept becomes a PeerAuthentication", peerAuthentications, destinationRules),
		Entry("accept, whose clients are told", accepts,
			"spec.accept may become a DestinationRule beside the PeerAuthentication", destinationRules, peerAuthentications),
		Entry("an audit policy", audits, "spec.accept.rollout.evidence.audit becomes an AuthorizationPolicy in dry-run", authorizationPolicies,
			peerAuthentications, destinationRules),
		Entry("send", sends, "spec.send becomes a DestinationRule", destinationRules, peerAuthentications, gateways),
		Entry("terminate", terminates, "spec.terminate becomes a Gateway", gateways, peerAuthentications, destinationRules),
		Entry("passthrough", passes, "spec.passthrough becomes a Gateway", gateways, peerAuthentications, destinationRules),
		Entry("plaintext", plain, "spec.plaintext becomes a Gateway", gateways, peerAuthentications, destinationRules),
		Entry("several verbs", allOfServer, "spec.passthrough and spec.plaintext become a Gateway", gateways),
	)

	It("is held to the namespace of the policy", func(ctx SpecContext) {
		allow(ctx, user, namespace, destinationRules)
		Eventually(writes(ctx, sends)).Should(Succeed())
		elsewhere := namespace + "-of-others"
		newNamespace(ctx, elsewhere)
		write := func(into string) func() error {
			return func() error { return tenant.Create(ctx, newPolicy(into, "intruder", sends)) }
		}
		Expect(write(elsewhere)()).To(Satisfy(apierrors.IsForbidden))
		allow(ctx, user, elsewhere, "meshtlspolicies")
		expectRefused(write(elsewhere), "may not create destinationrules.networking.istio.io in namespace "+elsewhere)
		allow(ctx, user, istioNamespace, "meshtlspolicies") // a policy there is the mesh's
		expectRefused(write(istioNamespace), "may not create destinationrules.networking.istio.io in namespace "+istioNamespace)
	})

	Context("when there is a policy of somebody else", func() {
		var policy *unstructured.Unstructured
		BeforeEach(func(ctx SpecContext) {
			policy = newPolicy(namespace, "policy", accepts)
			policy.SetLabels(map[string]string{"team": "mesh"})
			Expect(admin.Create(ctx, policy)).To(Succeed())
		})

		updates := func(ctx SpecContext, change func(*unstructured.Unstructured)) func() error {
			return func() error {
				live := policy.DeepCopy()
				if err := tenant.Get(ctx, client.ObjectKeyFromObject(policy), live); err != nil {
					return err
				}
				change(live)
				return tenant.Update(ctx, live)
			}
		}

		DescribeTable("may not change what it becomes", func(ctx SpecContext, change func(*unstructured.Unstructured)) {
			expectRefused(updates(ctx, change), "spec.accept becomes a PeerAuthentication, and user "+user+" may not create")
		},
			Entry("the mode", func(p *unstructured.Unstructured) { setSpec(p, "{accept: {mode: Disable}}") }),
			Entry("the verb, which goes away", func(p *unstructured.Unstructured) { setSpec(p, sends) }),
			Entry("the revision that reads it",
				func(p *unstructured.Unstructured) {
					p.SetLabels(map[string]string{meshtlsv1alpha1.LabelRevision: "other"})
				}),
		)

		It("may write its status, with that right alone", func(ctx SpecContext) {
			allow(ctx, user, namespace, "meshtlspolicies/status")
			Eventually(func() error {
				live := policy.DeepCopy()
				Expect(admin.Get(ctx, client.ObjectKeyFromObject(policy), live)).To(Succeed())
				live.Object["status"] = map[string]any{"target": "namespace"}
				return tenant.Status().Update(ctx, live)
			}).Should(Succeed())
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(policy), policy)).To(Succeed())
			Expect(policy.Object).To(HaveKeyWithValue("status", HaveKeyWithValue("target", "namespace")))
		})

		DescribeTable("may change the rest", func(ctx SpecContext, change func(*unstructured.Unstructured)) {
			Eventually(updates(ctx, change)).Should(Succeed())
		},
			Entry("nothing", func(*unstructured.Unstructured) {}),
			Entry("labels", func(p *unstructured.Unstructured) { p.SetLabels(nil) }),
			Entry("finalizers, as the garbage collector does", func(p *unstructured.Unstructured) {
				p.SetFinalizers([]string{"example.com/held"})
				DeferCleanup(func(ctx SpecContext) {
					Expect(admin.Patch(ctx, policy, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).
						To(Succeed())
				})
			}),
		)
	})
})

var _ = Describe("The admission policy", func() {
	It("fits the CRD, by the API server's own type check", func(ctx SpecContext) {
		policy := &admissionv1.ValidatingAdmissionPolicy{}
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKey{Name: "meshtls-policy-authors"}, policy)).To(Succeed())
			g.Expect(policy.Status.TypeChecking).NotTo(BeNil())
		}).Should(Succeed())
		Expect(policy.Status.TypeChecking.ExpressionWarnings).To(BeEmpty())
	})
})
