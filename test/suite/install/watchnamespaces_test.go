package install

import (
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// watchedNamespace is the one that config/overlays/watch-namespaces names.
const watchedNamespace = "shop"

var _ = Describe("The component that watches some namespaces", func() {
	// An account of the spec's own: the one of config/default may do more.
	account := corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "meshtls-narrow"}}
	user := "system:serviceaccount:" + account.Namespace + ":" + account.Name

	It("gives the rights that it takes, and has the operator leave the others alone", func(ctx SpecContext) {
		rendered := kustomize("config/overlays/watch-namespaces")
		createNamespaces(ctx, rendered)
		create(ctx, account.DeepCopy())
		for _, object := range rightsFor(account.Name, rendered) {
			create(ctx, object)
		}
		deployment := one[appsv1.Deployment](rendered, "Deployment", "meshtls-manager")
		flags := slices.DeleteFunc(deployment.Spec.Template.Spec.Containers[0].Args, func(flag string) bool {
			return !strings.HasPrefix(flag, "--watch")
		})
		Expect(flags).To(HaveLen(1))
		newNamespace(ctx, "elsewhere")
		outside := newPolicy("elsewhere", "accepts", accepts)
		create(ctx, outside)
		metrics := startOperator(ctx, &account, flags...)

		doAllThereIs(ctx, watchedNamespace)
		scrape(ctx, metrics)

		floor := newPolicy(istioNamespace, "floor", "{accept: {mode: Strict, floor: Strict}}")
		create(ctx, floor)

		By("telling what it does not see, and holding to the floor of the mesh")
		seeing := newPolicy(watchedNamespace, "sees", "{send: [{hosts: [db.elsewhere.svc.cluster.local], mode: IstioMutual}]}")
		create(ctx, seeing)
		Eventually(ready(ctx, seeing)).Should(HaveField("Reason", "HostNotFound"), "what is elsewhere is not seen")
		below := newPolicy(watchedNamespace, "below", "{workload: {selector: {matchLabels: {app: x}}}, accept: {mode: Permissive}}")
		create(ctx, below)
		Eventually(ready(ctx, below)).Should(HaveField("Reason", "BelowFloor"))
		told := newPolicy(watchedNamespace, "told", accepts)
		create(ctx, told)
		Eventually(ready(ctx, told)).Should(And(
			HaveField("Status", metav1.ConditionTrue), HaveField("Message", ContainSubstring("sees only the namespaces istio-system, shop,"))))
		Expect(statusOf(ctx, outside).ObservedGeneration).To(BeZero())
		Expect(statusOf(ctx, floor).ObservedGeneration).To(BeZero(), "it is read, and another operator's to compile")

		answers, err := plane.Answers(user)
		Expect(err).NotTo(HaveOccurred())
		Expect(refused(answers)).To(BeEmpty())
		granted := grantedTo("meshtls-manager", rendered)
		Expect(granted).NotTo(BeEmpty())
		Eventually(func() []right { return unused(granted, user) }).Should(BeEmpty())
	})
})

// rightsFor returns the roles of the manifests that are not there yet, and the bindings of all, for another account.
func rightsFor(account string, rendered []*unstructured.Unstructured) []*unstructured.Unstructured {
	GinkgoHelper()
	var rights []*unstructured.Unstructured
	for _, object := range rendered {
		switch {
		case strings.HasSuffix(object.GetKind(), "RoleBinding"):
			object = object.DeepCopy()
			object.SetName(strings.Replace(object.GetName(), "meshtls-", account+"-", 1))
			subject := map[string]any{"kind": "ServiceAccount", "name": account, "namespace": operatorNamespace}
			Expect(unstructured.SetNestedSlice(object.Object, []any{subject}, "subjects")).To(Succeed())
			rights = append(rights, object)
		case slices.Contains([]string{"meshtls-mesh", "meshtls-cluster"}, object.GetName()):
			rights = append(rights, object)
		}
	}
	return rights
}
