package gather

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// uncapturedPorts returns the inbound ports that annotations keep from the pod's proxy: those that are excluded, and, where only some are
// included, the other ones that the pod declares.
// Source: istio tools/istio-iptables/pkg/capture/run.go, handleInboundPortsInclude.
func uncapturedPorts(pod *corev1.Pod) []int32 {
	if !hasProxy(pod) {
		return nil
	}
	uncaptured := portList(pod.Annotations[model.AnnotationExcludeInbound])
	if captured := capturedOnly(pod); captured != nil {
		uncaptured = nil // what is excluded counts only where all are included
		for _, port := range containerPorts(pod) {
			if !slices.Contains(captured, port.Number) {
				uncaptured = append(uncaptured, port.Number)
			}
		}
	}
	slices.Sort(uncaptured)
	return slices.Compact(uncaptured)
}

// capturedOnly returns the only inbound ports that the pod's annotations lead to the proxy; nil: they name none in particular.
func capturedOnly(pod *corev1.Pod) []int32 {
	include, some := pod.Annotations[model.AnnotationIncludeInbound]
	if !hasProxy(pod) || !some || include == "*" {
		return nil
	}
	captured := append([]int32{}, portList(include)...)
	slices.Sort(captured)
	return slices.Compact(captured)
}

// outboundOf reads which connections that the pod opens get to its sidecar.
// Source: istio tools/istio-iptables/pkg/capture/run.go, handleOutboundPortsInclude and handleOutboundIncludeRules.
func outboundOf(pod *corev1.Pod) model.OutboundCapture {
	if !hasProxy(pod) || IsGateway(pod) {
		return model.OutboundCapture{}
	}
	capture := model.OutboundCapture{
		ExcludeRanges: words(pod.Annotations[model.AnnotationExcludeOutboundRanges]),
		ExcludePorts:  portList(pod.Annotations[model.AnnotationExcludeOutboundPorts]),
		IncludePorts:  portList(pod.Annotations[model.AnnotationIncludeOutboundPorts]),
	}
	if ranges, some := pod.Annotations[model.AnnotationIncludeOutboundRanges]; some && !slices.Contains(words(ranges), "*") {
		capture.IncludeRanges = words(ranges)
		if capture.IncludeRanges == nil {
			capture.IncludeRanges = []string{}
		}
	}
	return capture
}

// words returns the words of a comma-separated list.
func words(list string) []string {
	var all []string
	for _, word := range strings.Split(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// portList reads a comma-separated list; what is no port is passed over, as Istio's injector refuses it.
func portList(list string) []int32 {
	var ports []int32
	for _, word := range strings.Split(list, ",") {
		if port, err := strconv.ParseUint(strings.TrimSpace(word), 10, 16); err == nil {
			ports = append(ports, int32(port))
		}
	}
	return ports
}
