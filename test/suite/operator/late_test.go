package operator

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	networkingapi "istio.io/api/networking/v1alpha3"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
)

const (
	// cycles is how often a kind is taken away and put back while it is watched what stays behind.
	cycles = 3
	// bulk and heavy are the foreign objects that the operator holds of the kind: their number and size in bytes.
	bulk, heavy = 8, 100_000
	// strayGoroutines are what may be there more or less for other reasons: connections, timers.
	strayGoroutines = 5
	// strayHeap is less than what the objects of all cycles weigh: would they be kept, it would show.
	strayHeap = 2 * bulk * heavy
)

var _ = Describe("A cluster with a part of Istio", Ordered, Serial, func() {
	var shared client.Client
	var namespace string
	var accepting, sending *meshtlsv1alpha1.MeshTLSPolicy
	var crd *unstructured.Unstructured

	BeforeAll(func(ctx SpecContext) {
		shared = admin
		bare := startPlane(controlplane.Options{CRDs: []string{"config/crd/bases"}, WithoutIstio: true})
		admin = clientFor(bare.Config)
		DeferCleanup(func() { admin = shared })
		for _, known := range IstioCRDs(ctx) {
			if known.GetName() == "destinationrules.networking.istio.io" {
				crd = known
			} else if slices.Contains([]string{"security.istio.io", "networking.istio.io"}, groupOf(known)) {
				Expect(admin.Create(ctx, known)).To(Succeed())
			}
		}
		part := startOperator(grantRole(ctx, bare, admin))
		DeferCleanup(part.stop)
		namespace = newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		newApplication(ctx, namespace, "cart")
		accepting = strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		sending = strictBut(namespace, "cart", meshtlsv1alpha1.AcceptPermissive)
		sending.Spec.Send = []meshtlsv1alpha1.Send{{Hosts: []string{"shop"}}}
		sending.Spec.Send[0].Mode = meshtlsv1alpha1.SendIstioMutual
	})

	// gone and back take the kind away and put it back, and wait until both policies say so.
	gone := func(ctx SpecContext) {
		GinkgoHelper()
		Expect(admin.Delete(ctx, crd.DeepCopy())).To(Succeed())
		Eventually(condition(ctx, sending, meshtlsv1alpha1.ConditionProgrammed)).
			Should(Equal("False " + meshtlsv1alpha1.ReasonIstioCRDsMissing))
	}
	back := func(ctx SpecContext, crd *unstructured.Unstructured) {
		GinkgoHelper()
		Eventually(func() error { return admin.Create(ctx, crd.DeepCopy()) }).Should(Succeed(), "the old one must be gone first")
		Eventually(condition(ctx, sending, meshtlsv1alpha1.ConditionReady)).WithTimeout(pickUp).Should(Equal(ready))
	}

	It("holds up only the policy that needs the kind, and names the kind", func(ctx SpecContext) {
		create(ctx, accepting)
		expectReady(ctx, accepting)
		create(ctx, sending)
		Eventually(condition(ctx, sending, meshtlsv1alpha1.ConditionProgrammed)).
			Should(Equal("False " + meshtlsv1alpha1.ReasonIstioCRDsMissing))
		told := apimeta.FindStatusCondition(sending.Status.Conditions, meshtlsv1alpha1.ConditionProgrammed)
		Expect(told.Message).To(ContainSubstring("does not know the kind DestinationRule; install Istio's CRDs."))
		Expect(condition(ctx, accepting, meshtlsv1alpha1.ConditionReady)()).To(Equal(ready))
	})

	It("is made whole when the kind comes", func(ctx SpecContext) {
		back(ctx, crd)
		Expect(destinationRules(ctx, namespace)).To(HaveLen(1))
	})

	It("leaves nothing behind when the kind goes and comes", func(ctx SpecContext) {
		round := func() {
			GinkgoHelper()
			fill(ctx, namespace)
			gone(ctx)
			back(ctx, crd)
			Eventually(idle).Should(BeTrue())
		}
		round() // what is made once and stays, such as connections
		goroutines, heap := runtime.NumGoroutine(), heapInUse()
		for range cycles {
			round()
		}
		Eventually(runtime.NumGoroutine).Should(BeNumerically("<=", goroutines+strayGoroutines))
		Eventually(heapInUse).Should(BeNumerically("<=", heap+strayHeap))
		Expect(condition(ctx, accepting, meshtlsv1alpha1.ConditionReady)()).To(Equal(ready))
	})

	It("does not fight the fields and defaults of a newer Istio", func(ctx SpecContext) {
		gone(ctx)
		back(ctx, ofTomorrow(crd))
		rule := &unstructured.Unstructured{}
		rule.SetGroupVersionKind(istionetworkingv1.SchemeGroupVersion.WithKind("DestinationRule"))
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(destinationRules(ctx, namespace)[0]), rule)).To(Succeed())
		value, _, err := unstructured.NestedString(rule.Object, "spec", "fieldOfTomorrow")
		Expect(err).NotTo(HaveOccurred())
		Expect(value).To(Equal("default"))

		By("changing the policy, so that there are more passes")
		update(ctx, sending, func() { sending.Spec.Accept.Ports[0].Mode = meshtlsv1alpha1.AcceptDisable })
		expectReady(ctx, sending)
		generation := rule.GetGeneration()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(rule), rule)).To(Succeed())
		Expect(rule.GetGeneration()).To(Equal(generation))
	})
})

// groupOf returns the API group of the CRD's kind.
func groupOf(crd *unstructured.Unstructured) string {
	_, group, _ := strings.Cut(crd.GetName(), ".")
	return group
}

// fill creates foreign DestinationRules that are large in the operator's memory.
func fill(ctx context.Context, namespace string) {
	GinkgoHelper()
	for i := range bulk {
		rule := &istionetworkingv1.DestinationRule{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("foreign-%d", i)},
			Spec: networkingapi.DestinationRule{
				Host:    fmt.Sprintf("h%d.example.com", i),
				Subsets: []*networkingapi.Subset{{Name: "v1", Labels: map[string]string{"version": strings.Repeat("v", heavy)}}},
			},
		}
		Expect(admin.Create(ctx, rule)).To(Succeed())
	}
}

// heapInUse returns what is reachable.
func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// ofTomorrow returns the CRD as a newer Istio may have it: with one more field, which has a default.
func ofTomorrow(crd *unstructured.Unstructured) *unstructured.Unstructured {
	GinkgoHelper()
	newer := crd.DeepCopy()
	versions, _, err := unstructured.NestedSlice(newer.Object, "spec", "versions")
	Expect(err).NotTo(HaveOccurred())
	for _, version := range versions {
		field := map[string]any{"type": "string", "default": "default"}
		Expect(unstructured.SetNestedMap(version.(map[string]any), field,
			"schema", "openAPIV3Schema", "properties", "spec", "properties", "fieldOfTomorrow")).To(Succeed())
	}
	Expect(unstructured.SetNestedSlice(newer.Object, versions, "spec", "versions")).To(Succeed())
	return newer
}
