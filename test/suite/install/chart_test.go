package install

import (
	"os"
	"strings"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// helm returns what helm makes of the chart with some values, in a namespace.
func helm(namespace string, values ...string) []*unstructured.Unstructured {
	GinkgoHelper()
	return objects(output("internal/tools/helm", append([]string{"run", ".", path("charts/meshtls"), namespace}, values...)...))
}

// tryHelm returns what helm makes of the chart, or why it makes nothing.
func tryHelm(namespace string, values ...string) ([]byte, error) {
	GinkgoHelper()
	return tryTool("internal/tools/helm", append([]string{"run", ".", path("charts/meshtls"), namespace}, values...)...)
}

// appVersion returns the version of the operator that the chart installs.
func appVersion() string {
	GinkgoHelper()
	text, err := os.ReadFile(path("charts/meshtls/Chart.yaml"))
	Expect(err).NotTo(HaveOccurred())
	var chart struct{ AppVersion string }
	Expect(yaml.Unmarshal(text, &chart)).To(Succeed())
	Expect(chart.AppVersion).NotTo(BeEmpty())
	return chart.AppVersion
}

// withoutNameLabel leaves out of an object the label that all of the chart's have: kustomize's generator gives none.
func withoutNameLabel(object any) map[string]any {
	GinkgoHelper()
	bare := (&unstructured.Unstructured{Object: object.(map[string]any)}).DeepCopy()
	labels := bare.GetLabels()
	delete(labels, "app.kubernetes.io/name")
	bare.SetLabels(labels)
	return bare.Object
}

// expectLabelled looks for a label on all objects but the CRD, which no value changes.
func expectLabelled(rendered []*unstructured.Unstructured, key, value string) {
	GinkgoHelper()
	for _, object := range rendered {
		if object.GetKind() != "CustomResourceDefinition" {
			Expect(object.GetLabels()).To(HaveKeyWithValue(key, value), "%s %s", object.GetKind(), object.GetName())
		}
	}
}

// byName returns the objects by what they are called. Namespaces are left out: helm makes them, not a chart.
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

// unreleased takes from objects what only a release of helm's has: kustomize does not know its name, nor the chart's version.
func unreleased(rendered []*unstructured.Unstructured) []*unstructured.Unstructured {
	GinkgoHelper()
	for _, object := range rendered {
		for _, at := range [][]string{{"metadata", "labels"}, {"spec", "template", "metadata", "labels"}} {
			labels, found, err := unstructured.NestedMap(object.Object, at...)
			Expect(err).NotTo(HaveOccurred())
			if !found {
				continue
			}
			for _, label := range releaseLabels {
				delete(labels, label)
			}
			Expect(unstructured.SetNestedMap(object.Object, labels, at...)).To(Succeed())
		}
	}
	return rendered
}

var releaseLabels = []string{
	"app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by", "helm.sh/chart",
}

var _ = Describe("What helm makes", func() {
	DescribeTable("is what kustomize makes", func(folder, namespace string, values ...string) {
		// The image of config/default is what make docker-build makes; the chart's is that of its release.
		rendered := unreleased(helm(namespace, append(values, "image.tag=latest")...))
		Expect(cmp.Diff(byName(kustomize(folder)), byName(rendered))).To(BeEmpty(), "-kustomize +helm")
	},
		Entry("of config/default", "config/default", operatorNamespace),
		Entry("for high availability", "config/overlays/high-availability", operatorNamespace, "highAvailability=true"),
		Entry("for other namespaces", "config/overlays/namespace", "tls-operator", "istioNamespace=istio-control"),
		Entry("that checks credentials", "config/overlays/credentials", operatorNamespace, "credentialNamespaces[0]=istio-ingress"),
		Entry("with a source of evidence", "config/overlays/evidence", operatorNamespace,
			"evidence.prometheusURL=http://prometheus.istio-system:9090"),
		Entry("for some namespaces", "config/overlays/watch-namespaces", operatorNamespace, "watchNamespaces[0]=shop"),
		Entry("that writes audit policies", "config/overlays/audit", operatorNamespace, "evidence.audit=true"),
	)

	It("watches the operator as config/prometheus does", func() {
		rendered := byName(unreleased(helm(operatorNamespace, "metrics.serviceMonitor.enabled=true", "metrics.rules.enabled=true",
			"metrics.dashboards.enabled=true")))
		for name, object := range byName(kustomize("config/prometheus")) {
			Expect(rendered).To(HaveKey(name))
			Expect(cmp.Diff(withoutNameLabel(object), withoutNameLabel(rendered[name]))).To(BeEmpty(), "-kustomize +helm")
		}
	})

	It("has Prometheus verify the certificate that is given for the metrics", func() {
		rendered := helm(operatorNamespace, "metrics.serviceMonitor.enabled=true", "metrics.certificateSecret=metrics-cert")
		monitor := find(rendered, "ServiceMonitor", "meshtls")
		endpoints, _, err := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
		Expect(err).NotTo(HaveOccurred())
		Expect(endpoints).To(ConsistOf(HaveKeyWithValue("tlsConfig", map[string]any{
			"serverName": "meshtls-metrics." + operatorNamespace + ".svc",
			"ca":         map[string]any{"secret": map[string]any{"name": "metrics-cert", "key": "ca.crt"}},
		})))
		pod := one[appsv1.Deployment](rendered, "Deployment", "meshtls-manager").Spec.Template.Spec
		Expect(pod.Volumes).To(ConsistOf(HaveField("Secret.SecretName", "metrics-cert")))
		Expect(pod.Containers[0].Args).To(ContainElement("--metrics-cert-path=" + pod.Containers[0].VolumeMounts[0].MountPath))
	})

	It("takes the image by the chart's version, by tag, or by digest", func() {
		image := func(values ...string) string {
			return one[appsv1.Deployment](helm(operatorNamespace, values...), "Deployment", "meshtls-manager").Spec.Template.Spec.Containers[0].Image
		}
		digest := "sha256:" + strings.Repeat("0", 64)
		Expect(image()).To(Equal("meshtls/manager:" + appVersion()))
		Expect(image("image.tag=v9")).To(Equal("meshtls/manager:v9"))
		Expect(image("image.tag=v9", "image.digest="+digest)).To(Equal("meshtls/manager@" + digest))
	})

	DescribeTable("is refused with words", func(value, words string) {
		_, err := tryHelm(operatorNamespace, value)
		Expect(err).To(MatchError(ContainSubstring(words)))
	},
		Entry("where a value is unknown", "replicaCount=5", "additional properties 'replicaCount' not allowed"),
		Entry("where a value of the image is unknown", "image.registry=x", "at '/image': additional properties 'registry' not allowed"),
		Entry("where a number is a word", "replicas=two", "at '/replicas': got string, want integer"),
		Entry("where a list is a word", "credentialNamespaces=istio-ingress", "at '/credentialNamespaces': got string, want array"),
		Entry("where a namespace cannot be one", "watchNamespaces[0]=*", "at '/watchNamespaces/0': '*' does not match"),
		Entry("where a digest is a tag", "image.digest=latest", "at '/image/digest': 'latest' does not match"),
	)

	It("is taken by the API server with every value set", func(ctx SpecContext) {
		rendered := helm(operatorNamespace, "image.pullPolicy=Always", "imagePullSecrets[0].name=pull", "replicas=3", "highAvailability=true",
			"extraArgs[0]=--zap-log-level=debug", "evidence.scrape=true", "priorityClassName=system-cluster-critical", "nodeSelector.disk=ssd",
			"tolerations[0].operator=Exists", "commonLabels.team=mesh", "podLabels.tier=control", "podAnnotations.note=seen",
			"serviceAccount.annotations.note=seen", "extraEnv[0].name=A", "extraEnv[0].value=b", "extraVolumes[0].name=scratch",
			"extraVolumeMounts[0].name=scratch", "extraVolumeMounts[0].mountPath=/scratch", "metrics.certificateSecret=metrics-cert",
			"affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1",
			"affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey=zone",
			"topologySpreadConstraints[0].maxSkew=2", "topologySpreadConstraints[0].topologyKey=zone",
			"topologySpreadConstraints[0].whenUnsatisfiable=DoNotSchedule")
		for _, object := range rendered {
			Expect(apply(ctx, object, client.DryRunAll, client.ForceOwnership)).To(Succeed(), "%s %s", object.GetKind(), object.GetName())
		}
		deployment := one[appsv1.Deployment](rendered, "Deployment", "meshtls-manager")
		expectLabelled(rendered, "team", "mesh")
		Expect(deployment.Spec.Selector.MatchLabels).To(HaveLen(1), "a selector cannot change")
		Expect(deployment.Spec.Template.Labels).To(And(HaveKeyWithValue("team", "mesh"), HaveKeyWithValue("tier", "control")))
		Expect(deployment.Spec.Template.Annotations).To(HaveKeyWithValue("note", "seen"))
		Expect(find(rendered, "ServiceAccount", "meshtls-manager").GetAnnotations()).To(HaveKeyWithValue("note", "seen"))
		pod := deployment.Spec.Template.Spec
		Expect(pod.Volumes).To(HaveLen(2))
		Expect(pod.Containers[0].VolumeMounts).To(HaveLen(2))
		Expect(pod.Containers[0].Env).To(ContainElement(HaveField("Name", "A")))
		Expect(pod.Affinity.PodAffinity).NotTo(BeNil())
		Expect(pod.Affinity.PodAntiAffinity).NotTo(BeNil(), "highAvailability goes with an affinity of one's own")
		Expect(pod.TopologySpreadConstraints).To(ConsistOf(HaveField("MaxSkew", BeEquivalentTo(2))))
		Expect(pod.Containers[0].Args).To(ContainElements("--evidence-scrape", "--zap-log-level=debug"))
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
