package source

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
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
		annotations[model.AnnotationSidecarStatus] = ""
		mergeMetrics(annotations)
		pod.Annotations = annotations
		rewriteProbes(pod)
	}
}

// agentPort is where the agent of a sidecar serves the metrics, and asks the application how it is.
const agentPort = 15020

// rewriteProbes leads the kubelet's probes to the agent of the sidecar, unless the pod asks not to.
// Source: istio pkg/kube/inject/app_probe.go, ShouldRewriteAppHTTPProbers and convertAppProber.
func rewriteProbes(pod *corev1.Pod) {
	if rewrite, err := strconv.ParseBool(pod.Annotations[model.AnnotationRewriteProbes]); err == nil && !rewrite {
		return
	}
	pod.Spec = *pod.Spec.DeepCopy()
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			for _, probe := range []*corev1.Probe{containers[i].ReadinessProbe, containers[i].LivenessProbe, containers[i].StartupProbe} {
				rewriteProbe(probe)
			}
		}
	}
}

func rewriteProbe(probe *corev1.Probe) {
	switch {
	case probe == nil:
	case probe.HTTPGet != nil:
		probe.HTTPGet.Port, probe.HTTPGet.Scheme = intstr.FromInt32(agentPort), corev1.URISchemeHTTP
	case probe.TCPSocket != nil:
		probe.TCPSocket.Port = intstr.FromInt32(agentPort)
	case probe.GRPC != nil:
		probe.GRPC.Port = agentPort
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
	annotations["prometheus.io/port"] = strconv.Itoa(agentPort)
}

// namespaceOf is nil where no Namespace is among the manifests, nor in the cluster that they are laid on.
func (r *reading) namespaceOf(pod *corev1.Pod) *corev1.Namespace {
	namespace := r.reader.namespaceNamed(pod.Namespace)
	if r.beside == nil {
		return namespace
	}
	live := r.beside.namespaceNamed(pod.Namespace)
	if live == nil || namespace == nil {
		return cmp.Or(namespace, live)
	}
	return labelled(live, namespace)
}

// namespaceNamed returns the namespace; nil: it was not read.
func (r *Reader) namespaceNamed(name string) *corev1.Namespace {
	found, _, _ := r.objects[namespaceKind].GetByKey(name)
	namespace, _ := found.(*corev1.Namespace)
	return namespace
}

// isInjected reports whether Istio's injector would give the pod a sidecar, as it is installed by default: with the policy that
// namespaces are injected on request, and without selectors of its own. Of a namespace that is nil nothing is known: it is taken to
// be one that is injected, unless the pod asks for ambient mode.
// Source: istio pkg/kube/inject/inject.go, injectRequired.
func isInjected(pod *corev1.Pod, namespace *corev1.Namespace) bool {
	if pod.Spec.HostNetwork || slices.Contains(neverInjected, pod.Namespace) {
		return false
	}
	wanted, said := pod.Labels[model.LabelInject]
	if said && wanted == "false" {
		return false // no webhook selects it
	}
	if !said && pod.Annotations[model.LabelInject] == "false" {
		return false
	}
	if namespace == nil {
		return wanted == "true" || pod.Labels[model.LabelDataplaneMode] != "ambient"
	}
	return isSelected(pod, namespace)
}

// isSelected reports whether one of the webhooks of Istio's injector selects the pod.
// Source: istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml.
func isSelected(pod *corev1.Pod, namespace *corev1.Namespace) bool {
	if injection, ok := namespace.Labels[model.LabelInjection]; ok {
		return injection == "enabled"
	}
	_, ofNamespace := namespace.Labels[meshtlsv1alpha1.LabelRevision]
	_, ofPod := pod.Labels[meshtlsv1alpha1.LabelRevision]
	return ofNamespace || ofPod || pod.Labels[model.LabelInject] == "true"
}
