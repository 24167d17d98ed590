package source

import (
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
)

const (
	// labelInjection, on a namespace, is enabled or disabled; labelInject, on a pod, is true or false, and was an annotation once.
	labelInjection = "istio-injection"
	labelInject    = "sidecar.istio.io/inject"
	// annotationInjected is what the injector leaves on a pod.
	annotationInjected = "sidecar.istio.io/status"
)

// neverInjected are the namespaces that Istio's injector passes over.
// Source: istio pkg/kube/inject/initializer.go, IgnoredNamespaces.
var neverInjected = []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}

// inject gives the pods of controllers' templates the sidecar that Istio would, once all Namespaces are known.
func (r *reading) inject() {
	for _, pod := range r.templates {
		if !isInjected(pod, r.namespaceOf(pod)) {
			continue
		}
		annotations := maps.Clone(pod.Annotations)
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[annotationInjected] = ""
		mergeMetrics(annotations)
		pod.Annotations = annotations
	}
}

// mergeMetrics leads Prometheus to the agent of the sidecar, unless the pod asks not to. A mesh can have it off for all; that is not
// looked at, and nothing is then said about it.
// Source: istio pkg/kube/inject/webhook.go, applyPrometheusMerge.
func mergeMetrics(annotations map[string]string) {
	scraped, err := strconv.ParseBool(annotations["prometheus.io/scrape"])
	if err != nil || !scraped {
		return
	}
	if merge, err := strconv.ParseBool(annotations["prometheus.istio.io/merge-metrics"]); err == nil && !merge {
		return
	}
	annotations["prometheus.io/port"] = "15020"
}

// namespaceOf is nil where no Namespace is among the manifests.
func (r *reading) namespaceOf(pod *corev1.Pod) *corev1.Namespace {
	found, exists, err := r.reader.objects[namespaceKind].GetByKey(pod.Namespace)
	namespace, ok := found.(*corev1.Namespace)
	if err != nil || !exists || !ok {
		return nil
	}
	return namespace
}

// isInjected says whether Istio's injector would give the pod a sidecar, as it is installed by default: with the policy that
// namespaces are injected on request, and without selectors of its own. Of a namespace that is nil nothing is known: it is taken to
// be one that is injected, unless the pod asks for ambient mode.
// Source: istio pkg/kube/inject/inject.go, injectRequired.
func isInjected(pod *corev1.Pod, namespace *corev1.Namespace) bool {
	if pod.Spec.HostNetwork || slices.Contains(neverInjected, pod.Namespace) {
		return false
	}
	wanted, said := pod.Labels[labelInject]
	if said && wanted == "false" {
		return false // no webhook selects it
	}
	if !said && pod.Annotations[labelInject] == "false" {
		return false
	}
	if namespace == nil {
		return wanted == "true" || pod.Labels[gather.LabelDataplaneMode] != "ambient"
	}
	return isSelected(pod, namespace)
}

// isSelected says whether one of the webhooks of Istio's injector selects the pod.
// Source: istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml.
func isSelected(pod *corev1.Pod, namespace *corev1.Namespace) bool {
	if injection, ok := namespace.Labels[labelInjection]; ok {
		return injection == "enabled"
	}
	_, ofNamespace := namespace.Labels[meshtlsv1alpha1.LabelRevision]
	_, ofPod := pod.Labels[meshtlsv1alpha1.LabelRevision]
	return ofNamespace || ofPod || pod.Labels[labelInject] == "true"
}
