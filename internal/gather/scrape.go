package gather

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// The annotations by which pods ask Prometheus to read their metrics. They are a custom of its sample configuration.
const (
	annotationScrape       = "prometheus.io/scrape"
	annotationScrapePort   = "prometheus.io/port"
	annotationScrapeScheme = "prometheus.io/scheme"
	// annotationMergeMetrics, if false, keeps the injector from having the proxy's agent serve the metrics of all containers.
	annotationMergeMetrics = "prometheus.istio.io/merge-metrics"
)

// scrapedPort returns the port of the pod that Prometheus is asked to read over plain HTTP. Unless told not to, the injector leads it to
// the agent instead: until it has marked the pod, nothing is known.
// Source: istio pkg/kube/inject/webhook.go, applyPrometheusMerge.
func scrapedPort(pod *corev1.Pod) int32 {
	if asked, err := strconv.ParseBool(pod.Annotations[annotationScrape]); err != nil || !asked {
		return 0
	}
	merge, err := strconv.ParseBool(pod.Annotations[annotationMergeMetrics])
	_, injected := pod.Annotations[model.AnnotationSidecarStatus]
	if !injected && (err != nil || merge) || pod.Annotations[annotationScrapeScheme] == "https" {
		return 0
	}
	port, err := strconv.ParseUint(pod.Annotations[annotationScrapePort], 10, 16)
	if err != nil || port == agentPort {
		return 0
	}
	return int32(port)
}
