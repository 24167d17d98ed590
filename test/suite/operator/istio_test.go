package operator

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
)

// pickUp is how long the operator has to notice that Istio's kinds have come.
const pickUp = 30 * time.Second

// IstioCRDs returns the CRDs of the Istio kinds that the operator reads, from the module that it is built with. The others are left out:
// the API server may take minutes to let go of one that nobody used while it was there.
func IstioCRDs(ctx context.Context) []*unstructured.Unstructured {
	GinkgoHelper()
	folder, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	Expect(err).NotTo(HaveOccurred())
	all := documents(filepath.Join(strings.TrimSpace(string(folder)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	return slices.DeleteFunc(all, func(crd *unstructured.Unstructured) bool {
		return !slices.Contains([]string{
			"peerauthentications.security.istio.io", "destinationrules.networking.istio.io",
			"gateways.networking.istio.io", "serviceentries.networking.istio.io",
		}, crd.GetName())
	})
}

var _ = Describe("A cluster without Istio", Ordered, Serial, func() {
	var shared client.Client
	var namespace string
	var p *meshtlsv1alpha1.MeshTLSPolicy

	BeforeAll(func(ctx SpecContext) {
		shared = admin
		bare := startPlane(controlplane.Options{CRDs: []string{"config/crd/bases"}, WithoutIstio: true})
		admin = clientFor(bare.Config)
		DeferCleanup(func() { admin = shared })
		without := startOperator(grantRole(ctx, bare, admin))
		DeferCleanup(without.stop)
		namespace = newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p = strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
	})

	It("is no hindrance to the operator, and the policy is told", func(ctx SpecContext) {
		create(ctx, p)
		Expect(condition(ctx, p, meshtlsv1alpha1.ConditionProgrammed)()).To(Equal("False " + meshtlsv1alpha1.ReasonIstioCRDsMissing))
		Expect(kstatus(ctx, p)()).NotTo(Equal("Current"))
	})

	It("is picked up when Istio's kinds come", func(ctx SpecContext) {
		for _, crd := range IstioCRDs(ctx) {
			Expect(admin.Create(ctx, crd)).To(Succeed())
		}
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).WithTimeout(pickUp).Should(Equal(ready))
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT", 8080: "PERMISSIVE"}))
	})

	It("is told again when they go", func(ctx SpecContext) {
		for _, crd := range IstioCRDs(ctx) {
			Expect(admin.Delete(ctx, crd)).To(Succeed())
		}
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionProgrammed)).
			Should(Equal("False " + meshtlsv1alpha1.ReasonIstioCRDsMissing))
	})

	It("works on as before when they come once more", func(ctx SpecContext) {
		for _, crd := range IstioCRDs(ctx) {
			// The API server takes its time with the old ones, and a few at a time.
			Eventually(func() error { return admin.Create(ctx, crd.DeepCopy()) }).WithTimeout(2 * time.Minute).Should(Succeed())
		}
		Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).WithTimeout(pickUp).Should(Equal(ready))

		By("changing a port, which the operator must see itself do")
		update(ctx, p, func() { p.Spec.Accept.Ports[0].Mode = meshtlsv1alpha1.AcceptDisable })
		Expect(modes(ctx, namespace)()).To(Equal(map[uint32]string{0: "STRICT", 8080: "DISABLE"}))
		update(ctx, p, func() { p.Spec.Accept.Ports[0].Mode = meshtlsv1alpha1.AcceptPermissive })
		expectReady(ctx, p)
	})
})
