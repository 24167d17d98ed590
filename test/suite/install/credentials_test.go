package install

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

var _ = Describe("The component that checks credentials", func() {
	account := corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "meshtls-manager"}}
	user := "system:serviceaccount:" + account.Namespace + ":" + account.Name

	It("gives the rights that it takes, and has policies told of missing and of expired Secrets", func(ctx SpecContext) {
		rendered := kustomize("config/overlays/credentials")
		for _, object := range ofComponent(rendered) {
			create(ctx, object)
		}
		create(ctx, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: gatewayNamespace, Name: "gateway", Labels: map[string]string{"istio": "checked"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy", Image: "example/proxy"}}},
		})
		startOperator(ctx, &account, credentialFlags(rendered)...)

		policy := newPolicy(gatewayNamespace, "edge",
			"{gateway: {selector: {matchLabels: {istio: checked}}}, terminate: [{port: 443, hosts: [shop.example.com], credentialName: shop-cert}]}")
		create(ctx, policy)
		Eventually(resolvedRefs(ctx, policy)).Should(And(
			HaveField("Status", metav1.ConditionFalse), HaveField("Reason", meshtlsv1alpha1.ReasonCredentialInvalid),
			HaveField("Message", ContainSubstring("There is no Secret shop-cert in namespace istio-ingress"))))

		By("creating the Secret")
		const life = 20 * time.Second
		create(ctx, newCertificate("shop-cert", "shop.example.com", life))
		Eventually(resolvedRefs(ctx, policy)).Should(HaveField("Status", metav1.ConditionTrue))
		Expect(ready(ctx, policy)()).To(HaveField("Status", metav1.ConditionTrue))

		By("letting it expire, of which no event tells")
		Eventually(resolvedRefs(ctx, policy)).Should(And(
			HaveField("Reason", meshtlsv1alpha1.ReasonCredentialInvalid), HaveField("Message", ContainSubstring("expired on"))))

		By("putting another in its place, which is for another host")
		Expect(admin.Update(ctx, newCertificate("shop-cert", "other.example.com", 24*time.Hour))).To(Succeed())
		Eventually(ready(ctx, policy)).Should(HaveField("Status", metav1.ConditionTrue))
		Eventually(findings(ctx, policy)).Should(ContainElement("gateway-certificate-not-for-host"))

		answers, err := plane.Answers(user)
		Expect(err).NotTo(HaveOccurred())
		Expect(refused(answers)).To(BeEmpty())
		granted := slices.DeleteFunc(grantedTo(account.Name, rendered), func(r right) bool { return r.namespace != gatewayNamespace })
		Expect(granted).To(HaveLen(4))
		Eventually(func() []right { return unused(granted, user) }).Should(BeEmpty())
		Expect(secretsReadBy(user)).To(HaveEach(gatewayNamespace))
	})
})

// create makes an object that goes with the spec. What was made first goes last: the operator ends before its rights do.
func create(ctx SpecContext, object client.Object) {
	GinkgoHelper()
	Expect(admin.Create(ctx, object)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, object))).To(Succeed()) })
}

// ofComponent returns the objects that the component adds.
func ofComponent(rendered []*unstructured.Unstructured) []*unstructured.Unstructured {
	GinkgoHelper()
	var added []*unstructured.Unstructured
	for _, object := range rendered {
		if object.GetNamespace() == gatewayNamespace {
			added = append(added, object)
		}
	}
	Expect(added).NotTo(BeEmpty())
	return added
}

// credentialFlags returns those that the component adds to the Deployment's.
func credentialFlags(rendered []*unstructured.Unstructured) []string {
	GinkgoHelper()
	container := one[appsv1.Deployment](rendered, "Deployment", "meshtls-manager").Spec.Template.Spec.Containers[0]
	flags := slices.DeleteFunc(container.Args, func(flag string) bool { return !strings.HasPrefix(flag, "--credential") })
	Expect(flags).NotTo(BeEmpty())
	return flags
}

// newCertificate returns a Secret with a certificate for a host that is valid from an hour ago, for as long from now.
func newCertificate(name, host string, life time.Duration) *corev1.Secret {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	Expect(err).NotTo(HaveOccurred())
	private, err := x509.MarshalPKCS8PrivateKey(key)
	Expect(err).NotTo(HaveOccurred())
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: gatewayNamespace, Name: name},
		Type:       corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		},
	}
}

func statusOf(ctx SpecContext, policy client.Object) meshtlsv1alpha1.MeshTLSPolicyStatus {
	GinkgoHelper()
	var live meshtlsv1alpha1.MeshTLSPolicy
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(policy), &live)).To(Succeed())
	return live.Status
}

// condition returns a condition of the policy as it is now; the zero value: it has none yet.
func condition(ctx SpecContext, policy client.Object, name string) func() metav1.Condition {
	return func() metav1.Condition {
		GinkgoHelper()
		if found := apimeta.FindStatusCondition(statusOf(ctx, policy).Conditions, name); found != nil {
			return *found
		}
		return metav1.Condition{}
	}
}

func resolvedRefs(ctx SpecContext, policy client.Object) func() metav1.Condition {
	return condition(ctx, policy, meshtlsv1alpha1.ConditionResolvedRefs)
}

func ready(ctx SpecContext, policy client.Object) func() metav1.Condition {
	return condition(ctx, policy, meshtlsv1alpha1.ConditionReady)
}

// findings returns the names of the checks that found something.
func findings(ctx SpecContext, policy client.Object) func() []string {
	return func() []string {
		GinkgoHelper()
		var names []string
		for _, f := range statusOf(ctx, policy).Findings {
			names = append(names, f.Check)
		}
		return names
	}
}

// secretsReadBy returns the namespaces of the Secrets that the user asked for.
func secretsReadBy(user string) []string {
	GinkgoHelper()
	requests, err := plane.Requests(user)
	Expect(err).NotTo(HaveOccurred())
	var namespaces []string
	for _, request := range requests {
		if request.ObjectRef != nil && request.ObjectRef.Resource == "secrets" {
			namespaces = append(namespaces, request.ObjectRef.Namespace)
		}
	}
	Expect(namespaces).NotTo(BeEmpty())
	return namespaces
}
