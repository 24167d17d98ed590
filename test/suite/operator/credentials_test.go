package operator

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
)

const credentialInvalid = "False " + meshtlsv1alpha1.ReasonCredentialInvalid

var _ = Describe("The check of credentials", Ordered, Serial, func() {
	var address, allowed, notYet string

	BeforeAll(func(ctx SpecContext) {
		allowed, notYet = newNamespace(ctx), newNamespace(ctx)
		allowCredentials(ctx, allowed)
		running.stop()
		DeferCleanup(func() { running = startOperator(account) })
		address = controlplane.FreeAddress(GinkgoTB())
		startScraped(address, allowed, notYet)
		Eventually(answer(ctx, "http://"+address+"/metrics")).Should(Equal(200))
	})

	It("follows the Secret, and what it becomes", func(ctx SpecContext) {
		p := serving(ctx, allowed, "shop-cert")
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)).Should(Equal(credentialInvalid))

		secret := newCertificate(allowed, "shop-cert", "shop.example.com")
		Expect(admin.Create(ctx, secret)).To(Succeed())
		expectReady(ctx, p)

		By("asking clients for a certificate, without a CA")
		update(ctx, p, func() { p.Spec.Terminate[0].Mode = meshtlsv1alpha1.TerminateMutual })
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)).Should(Equal(credentialInvalid))
		authority := newCertificate(allowed, "shop-cert-cacert", "clients")
		authority.Type, authority.Data = corev1.SecretTypeOpaque, map[string][]byte{"cacert": authority.Data[corev1.TLSCertKey]}
		Expect(admin.Create(ctx, authority)).To(Succeed())
		expectReady(ctx, p)

		By("deleting it")
		Expect(admin.Delete(ctx, secret)).To(Succeed())
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)).Should(Equal(credentialInvalid))
		Expect(admin.Delete(ctx, p)).To(Succeed())
	})

	It("takes up a namespace when it may", func(ctx SpecContext) {
		p := serving(ctx, notYet, "shop-cert")
		expectReady(ctx, p)

		allowCredentials(ctx, notYet)
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionResolvedRefs)).WithTimeout(2 * time.Minute).Should(Equal(credentialInvalid))
		Expect(admin.Create(ctx, newCertificate(notYet, "shop-cert", "shop.example.com"))).To(Succeed())
		expectReady(ctx, p)
		Expect(admin.Delete(ctx, p)).To(Succeed())
	})
})

// allowCredentials lets the operator read the credentials of the namespace, as the component does.
func allowCredentials(ctx context.Context, namespace string) {
	GinkgoHelper()
	root, err := controlplane.Root()
	Expect(err).NotTo(HaveOccurred())
	for _, object := range documents(filepath.Join(root, "config", "components", "credentials", "role.yaml")) {
		object.SetNamespace(namespace)
		if subjects, bound, _ := unstructured.NestedSlice(object.Object, "subjects"); bound {
			subjects[0].(map[string]any)["name"] = "manager" // without the prefix of config/default
			Expect(unstructured.SetNestedSlice(object.Object, subjects, "subjects")).To(Succeed())
		}
		Expect(admin.Create(ctx, object)).To(Succeed())
	}
}

// serving returns a policy for a gateway of the namespace, with one server, and a pod for it.
func serving(ctx context.Context, namespace, credential string) *meshtlsv1alpha1.MeshTLSPolicy {
	GinkgoHelper()
	newGateway(ctx, namespace)
	p := policy(namespace, "edge")
	p.Spec.Gateway = &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: labels(namespace)}}
	p.Spec.Terminate = []meshtlsv1alpha1.Terminate{{
		GatewayServer: meshtlsv1alpha1.GatewayServer{Port: 443, Hosts: []string{"shop.example.com"}}, CredentialName: credential,
	}}
	create(ctx, p)
	return p
}

// newGateway is a gateway's pod, with a label of the namespace's own: Gateways select pods of all namespaces.
func newGateway(ctx context.Context, namespace string) {
	GinkgoHelper()
	Expect(admin.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "edge", Labels: labels(namespace)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy", Image: "proxy"}}},
	})).To(Succeed())
}

// certificateEnd is when the certificates of newCertificate expire.
var certificateEnd = time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC)

// newCertificate returns a Secret with a certificate for a host.
func newCertificate(namespace, name, host string) *corev1.Secret {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: certificateEnd,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	Expect(err).NotTo(HaveOccurred())
	private, err := x509.MarshalPKCS8PrivateKey(key)
	Expect(err).NotTo(HaveOccurred())
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: corev1.SecretTypeTLS}
	secret.Data = map[string][]byte{
		corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
	return secret
}
