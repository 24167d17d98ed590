package install

import (
	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// helm is what helm makes of the chart with some values, in a namespace.
func helm(namespace string, values ...string) []*unstructured.Unstructured {
	GinkgoHelper()
	return objects(output("internal/tools/helm", append([]string{"run", ".", path("charts/meshtls"), namespace}, values...)...))
}

// byName are the objects by what they are called. Namespaces are left out: helm makes them, not a chart.
func byName(rendered []*unstructured.Unstructured) map[string]any {
	GinkgoHelper()
	named := map[string]any{}
	for _, object := range rendered {
		if object.GetKind() == "Namespace" {
			continue
		}
		name := object.GetKind() + " " + client.ObjectKeyFromObject(object).String()
		Expect(named).NotTo(HaveKey(name))
		named[name] = object.Object
	}
	return named
}

var _ = Describe("What helm makes", func() {
	DescribeTable("is what kustomize makes", func(folder, namespace string, values ...string) {
		Expect(cmp.Diff(byName(kustomize(folder)), byName(helm(namespace, values...)))).To(BeEmpty(), "-kustomize +helm")
	},
		Entry("of config/default", "config/default", operatorNamespace),
		Entry("for high availability", "config/overlays/high-availability", operatorNamespace, "highAvailability=true"),
		Entry("for other namespaces", "config/overlays/namespace", "tls-operator", "istioNamespace=istio-control"),
		Entry("that checks credentials", "config/overlays/credentials", operatorNamespace, "credentialNamespaces[0]=istio-ingress"),
		Entry("for some namespaces", "config/overlays/watch-namespaces", operatorNamespace, "watchNamespaces[0]=shop"),
	)

	It("is taken by the API server with every value set", func(ctx SpecContext) {
		rendered := helm(operatorNamespace, "image.pullPolicy=Always", "imagePullSecrets[0].name=pull", "replicas=3", "highAvailability=true",
			"extraArgs[0]=--zap-log-level=debug", "priorityClassName=system-cluster-critical", "nodeSelector.disk=ssd",
			"tolerations[0].operator=Exists")
		for _, object := range rendered {
			Expect(apply(ctx, object, client.DryRunAll, client.ForceOwnership)).To(Succeed(), "%s %s", object.GetKind(), object.GetName())
		}
		pod := one[appsv1.Deployment](rendered, "Deployment", "meshtls-manager").Spec.Template.Spec
		Expect(pod.Containers[0].Args).To(ContainElement("--zap-log-level=debug"))
		Expect(pod.PriorityClassName).To(Equal("system-cluster-critical"))
		Expect(pod.NodeSelector).To(HaveKeyWithValue("disk", "ssd"))
		Expect(pod.Tolerations).To(HaveLen(1))
		Expect(pod.ImagePullSecrets).To(HaveLen(1))
	})

	It("leaves out what is turned off", func() {
		rendered := byName(helm(operatorNamespace, "admission.enabled=false", "networkPolicy.enabled=false"))
		for name := range rendered {
			Expect(name).NotTo(Or(HavePrefix("ValidatingAdmissionPolicy"), HavePrefix("NetworkPolicy")))
		}
	})
})
