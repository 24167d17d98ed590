package gather

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// Istio's marks on pods and namespaces.
const (
	// LabelDataplaneMode, on a namespace or a pod, says whether the pods are part of the ambient mesh.
	LabelDataplaneMode = "istio.io/dataplane-mode"
	// annotationRedirection is set on a pod whose traffic has been handed to ztunnel.
	annotationRedirection = "ambient.istio.io/redirection"
	// annotationSidecarStatus is set by the injector on a pod that it gave a proxy.
	annotationSidecarStatus = "sidecar.istio.io/status"
	// annotationExcludeInbound, on a pod, names inbound ports that its proxy does not see, comma-separated.
	annotationExcludeInbound = "traffic.sidecar.istio.io/excludeInboundPorts"
	// annotationIncludeInbound names the only ones that it sees; "*" are all.
	annotationIncludeInbound = "traffic.sidecar.istio.io/includeInboundPorts"
	// proxyContainer is the proxy that is injected into a pod, or that a gateway is.
	proxyContainer = "istio-proxy"
)

// dataplaneOf says what carries the pod's traffic. A sidecar takes precedence, as it does for Istio.
func (g *gathering) dataplaneOf(ctx context.Context, pod *corev1.Pod) (model.Dataplane, error) {
	if hasProxy(pod) {
		return model.DataplaneSidecar, nil
	}
	ambient, err := g.ambient(ctx, pod)
	if err != nil || !ambient {
		return model.DataplaneNone, err
	}
	return model.DataplaneAmbient, nil
}

func hasProxy(pod *corev1.Pod) bool {
	isProxy := func(c corev1.Container) bool { return c.Name == proxyContainer }
	_, injected := pod.Annotations[annotationSidecarStatus]
	return injected || slices.ContainsFunc(pod.Spec.Containers, isProxy) || slices.ContainsFunc(pod.Spec.InitContainers, isProxy)
}

// ambient trusts what was done to the pod, then what the pod asks for, then what its namespace does.
func (g *gathering) ambient(ctx context.Context, pod *corev1.Pod) (bool, error) {
	if pod.Annotations[annotationRedirection] == "enabled" {
		return true, nil
	}
	if pod.Spec.HostNetwork {
		return false, nil // there is no network of its own to redirect
	}
	if mode, ok := pod.Labels[LabelDataplaneMode]; ok {
		return mode == "ambient", nil
	}
	namespace, err := g.readNamespace(ctx, pod.Namespace)
	return namespace.Labels[LabelDataplaneMode] == "ambient", err
}

// readNamespace returns the namespace with its labels; one that does not exist has none.
func (g *gathering) readNamespace(ctx context.Context, name string) (model.Namespace, error) {
	if known, read := g.namespaces[name]; read || name == corev1.NamespaceAll {
		return known, nil
	}
	var namespace corev1.Namespace
	if _, err := g.get(ctx, "", name, &namespace); err != nil {
		return model.Namespace{}, err
	}
	g.namespaces[name] = model.Namespace{Name: name, Labels: namespace.Labels}
	return g.namespaces[name], nil
}

// containerPorts are the ports that the pod's containers declare, ordered by number. Those of an injected proxy are not the
// workload's; a pod that is nothing but a proxy is a gateway, and its ports are.
func containerPorts(pod *corev1.Pod) []model.ContainerPort {
	var ports []model.ContainerPort
	for _, c := range servingContainers(pod) {
		if c.Name == proxyContainer && !isGateway(pod) {
			continue
		}
		for _, p := range c.Ports {
			if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
				ports = append(ports, model.ContainerPort{Name: p.Name, Number: p.ContainerPort})
			}
		}
	}
	slices.SortFunc(ports, func(a, b model.ContainerPort) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(a.Name, b.Name))
	})
	return slices.Compact(ports)
}

// isGateway says whether the pod is nothing but a proxy.
func isGateway(pod *corev1.Pod) bool {
	return len(pod.Spec.Containers) == 1 && pod.Spec.Containers[0].Name == proxyContainer
}

// uncapturedPorts are the inbound ports that annotations keep from the pod's proxy: those that are excluded, and, where only some are
// included, the other ones that the pod declares.
// Source: istio tools/istio-iptables/pkg/capture/run.go, handleInboundPortsInclude.
func uncapturedPorts(pod *corev1.Pod) []int32 {
	if !hasProxy(pod) {
		return nil
	}
	uncaptured := portList(pod.Annotations[annotationExcludeInbound])
	if include, some := pod.Annotations[annotationIncludeInbound]; some && include != "*" {
		captured := portList(include)
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

// servingContainers are those that run as long as the pod does: its containers, and the init containers that are sidecars.
func servingContainers(pod *corev1.Pod) []corev1.Container {
	serving := slices.Clone(pod.Spec.Containers)
	for _, c := range pod.Spec.InitContainers {
		if c.Name != proxyContainer && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			serving = append(serving, c)
		}
	}
	return serving
}
