package install

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("What kustomize makes", func() {
	DescribeTable("is taken by the API server, pods included", func(ctx SpecContext, folder, namespace string) {
		rendered := kustomize(folder)
		createNamespaces(ctx, rendered)
		for _, object := range rendered {
			Expect(apply(ctx, object, client.DryRunAll, client.ForceOwnership)).To(Succeed(), "%s %s", object.GetKind(), object.GetName())
		}
		deployment := one[appsv1.Deployment](rendered, "Deployment", "meshtls-manager")
		Expect(deployment.Namespace).To(Equal(namespace))
		expectRestricted(ctx, rendered, deployment)
	},
		Entry("of config/default", "config/default", operatorNamespace),
		Entry("for high availability", "config/overlays/high-availability", operatorNamespace),
		Entry("for other namespaces", "config/overlays/namespace", "tls-operator"),
		Entry("that checks credentials", "config/overlays/credentials", operatorNamespace),
		Entry("with a source of evidence", "config/overlays/evidence", operatorNamespace),
		Entry("for some namespaces", "config/overlays/watch-namespaces", operatorNamespace),
		Entry("that writes audit policies", "config/overlays/audit", operatorNamespace),
	)

	It("keeps replicas apart and lets one at a time be evicted, for high availability", func() {
		rendered := kustomize("config/overlays/high-availability")
		deployment := one[appsv1.Deployment](rendered, "Deployment", "meshtls-manager")
		Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(2)))
		Expect(deployment.Spec.Template.Spec.Containers[0].Args).To(ContainElement("--leader-elect"))
		pods := deployment.Spec.Template.Labels
		budget := one[policyv1.PodDisruptionBudget](rendered, "PodDisruptionBudget", "meshtls-manager")
		expectSelects(budget.Spec.Selector, pods)
		Expect(budget.Spec.MaxUnavailable.IntValue()).To(Equal(1))
		apart := deployment.Spec.Template.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		Expect(apart).To(HaveLen(1))
		Expect(apart[0].TopologyKey).To(Equal(corev1.LabelHostname))
		expectSelects(apart[0].LabelSelector, pods)
	})

	It("names no namespace but those that were chosen", func() {
		rendered := kustomize("config/overlays/namespace")
		named := sets.New[string]()
		for _, object := range rendered {
			named.Insert(object.GetNamespace())
			subjects, _, err := unstructured.NestedSlice(object.Object, "subjects")
			Expect(err).NotTo(HaveOccurred())
			for _, subject := range subjects {
				Expect(subject).To(HaveKeyWithValue("namespace", "tls-operator"), "%s %s", object.GetKind(), object.GetName())
			}
		}
		Expect(sets.List(named)).To(Equal([]string{"", "istio-control", "tls-operator"}))
		Expect(find(rendered, "Role", "meshtls-mesh-config").GetNamespace()).To(Equal("istio-control"))
		Expect(find(rendered, "RoleBinding", "meshtls-mesh-config").GetNamespace()).To(Equal("istio-control"))
		Expect(find(rendered, "Namespace", "tls-operator")).NotTo(BeNil())
	})
})

// createNamespaces makes the namespaces that objects are in, since a dry run does not: those of the objects, as they are there.
func createNamespaces(ctx SpecContext, rendered []*unstructured.Unstructured) {
	GinkgoHelper()
	missing := sets.New[string]()
	for _, object := range rendered {
		if name := object.GetNamespace(); name != "" {
			missing.Insert(name)
		}
	}
	missing.Delete(operatorNamespace, istioNamespace, gatewayNamespace)
	for name := range missing {
		newNamespace(ctx, name)
	}
}

// expectRestricted has the API server judge a pod of the Deployment by the Pod Security that the rendered Namespace asks for.
func expectRestricted(ctx SpecContext, rendered []*unstructured.Unstructured, deployment *appsv1.Deployment) {
	GinkgoHelper()
	namespace := find(rendered, "Namespace", deployment.Namespace)
	Expect(namespace.GetLabels()).To(HaveKeyWithValue("pod-security.kubernetes.io/enforce", "restricted"))
	Expect(apply(ctx, namespace, client.ForceOwnership)).To(Succeed())
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: deployment.Namespace, Name: "replica", Labels: deployment.Spec.Template.Labels},
		Spec:       deployment.Spec.Template.Spec,
	}
	Expect(admin.Create(ctx, pod.DeepCopy(), client.DryRunAll)).To(Succeed())
	pod.Spec.Containers[0].SecurityContext = nil
	Expect(admin.Create(ctx, pod, client.DryRunAll)).To(MatchError(ContainSubstring("violates PodSecurity")))
}

func expectSelects(selector *metav1.LabelSelector, pods map[string]string) {
	GinkgoHelper()
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	Expect(err).NotTo(HaveOccurred())
	Expect(parsed.Matches(labels.Set(pods))).To(BeTrue(), "%s does not select %v", parsed, pods)
}

// find returns the object of a kind and name.
func find(from []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	GinkgoHelper()
	for _, object := range from {
		if object.GetKind() == kind && object.GetName() == name {
			return object
		}
	}
	Fail("there is no " + kind + " " + name)
	return nil
}

// one returns the object of a kind and name, with its type.
func one[T any](from []*unstructured.Unstructured, kind, name string) *T {
	GinkgoHelper()
	typed := new(T)
	Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(find(from, kind, name).Object, typed)).To(Succeed())
	return typed
}
