package gather

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// proxylessTemplates are the templates of the injector that give a pod an agent without a proxy: the application's gRPC library is
// configured in its place.
// Source: istio manifests/charts/istio-control/istio-discovery/files/grpc-agent.yaml and grpc-simple.yaml.
var proxylessTemplates = []string{"grpc-agent", "grpc-simple"}

// dataplaneOf returns what carries the pod's traffic. A sidecar takes precedence, as it does for Istio.
func (g *gathering) dataplaneOf(ctx context.Context, pod *corev1.Pod) (model.Dataplane, error) {
	switch {
	case isWaypoint(pod):
		return model.DataplaneWaypoint, nil
	case isProxyless(pod):
		return model.DataplaneProxyless, nil
	case hasProxy(pod):
		return model.DataplaneSidecar, nil
	}
	ambient, err := g.ambient(ctx, pod)
	if err != nil || !ambient {
		return model.DataplaneNone, err
	}
	return model.DataplaneAmbient, nil
}

func hasProxy(pod *corev1.Pod) bool {
	_, injected := pod.Annotations[model.AnnotationSidecarStatus]
	return injected || proxyOf(pod) != nil
}

// proxyOf returns the proxy's container; nil: the pod has none that is known.
func proxyOf(pod *corev1.Pod) *corev1.Container {
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			if containers[i].Name == model.ProxyContainer {
				return &containers[i]
			}
		}
	}
	return nil
}

func isProxyless(pod *corev1.Pod) bool {
	return hasProxy(pod) && slices.ContainsFunc(templatesOf(pod), func(name string) bool {
		return slices.Contains(proxylessTemplates, name)
	})
}

func isWaypoint(pod *corev1.Pod) bool {
	return pod.Labels[model.LabelGatewayClass] == model.WaypointClass || roleOf(pod) == roleWaypoint
}

func templatesOf(pod *corev1.Pod) []string {
	return words(pod.Annotations[model.AnnotationTemplates])
}

// The roles in which a proxy starts.
// Source: istio pilot/cmd/pilot-agent/app/cmd.go, initProxy; pkg/model/proxy.go, NodeType.
const (
	roleSidecar  = "sidecar"
	roleRouter   = "router"
	roleWaypoint = "waypoint"
)

// roleOf returns the role that the proxy's arguments name; empty: they name none.
func roleOf(pod *corev1.Pod) string {
	proxy := proxyOf(pod)
	if proxy == nil {
		return ""
	}
	return roleIn(proxy.Args)
}

func roleIn(arguments []string) string {
	for _, argument := range arguments {
		if argument == roleSidecar || argument == roleRouter || argument == roleWaypoint {
			return argument
		}
	}
	return ""
}

// IsGateway reports whether the pod's proxy is a gateway: its arguments say so, or the template that it was injected with, or it was made
// for a Gateway of the Gateway API. Where nothing says it, a pod that is nothing but a proxy is one.
func IsGateway(pod *corev1.Pod) bool {
	if !hasProxy(pod) || isWaypoint(pod) {
		return false
	}
	if role := roleOf(pod); role != "" {
		return role == roleRouter
	}
	templates := templatesOf(pod)
	if len(templates) > 0 {
		return slices.Contains(templates, "gateway") || slices.Contains(templates, "kube-gateway")
	}
	if _, made := pod.Labels[model.LabelGatewayName]; made {
		return true
	}
	return len(pod.Spec.Containers) == 1 && pod.Spec.Containers[0].Name == model.ProxyContainer
}

// environmentOf returns a variable of the proxy that is written down; empty: it is not.
func environmentOf(pod *corev1.Pod, name string) string {
	if proxy := proxyOf(pod); proxy != nil {
		for _, variable := range proxy.Env {
			if variable.Name == name {
				return variable.Value
			}
		}
	}
	return ""
}

// The variables of the proxy that tell the control plane of it.
const (
	variableUnprivileged = "ISTIO_META_UNPRIVILEGED_POD"
	variableInterception = "ISTIO_META_INTERCEPTION_MODE"
)

// isUnprivileged reports whether a gateway says that it may not listen on ports below 1024.
// Source: istio pilot/pkg/model/context.go, IsUnprivileged.
func isUnprivileged(pod *corev1.Pod) bool {
	unprivileged, err := strconv.ParseBool(environmentOf(pod, variableUnprivileged))
	return err == nil && unprivileged
}

// interceptionOf returns how connections get to the pod's sidecar.
// Source: istio pilot/pkg/model/context.go, GetInterceptionMode.
func interceptionOf(pod *corev1.Pod) model.Interception {
	mode := cmp.Or(environmentOf(pod, variableInterception), pod.Annotations[model.AnnotationInterception])
	switch model.Interception(mode) {
	case model.InterceptionNone:
		return model.InterceptionNone
	case model.InterceptionTproxy:
		return model.InterceptionTproxy
	default:
		return model.InterceptionRedirect
	}
}

// revisionOf returns the control plane revision that the injector says it is of.
func revisionOf(pod *corev1.Pod) string {
	return cmp.Or(pod.Annotations[model.AnnotationRevision], revisionIn(pod.Annotations[model.AnnotationSidecarStatus]))
}

// revisionIn returns the revision in the status of a sidecar.
func revisionIn(status string) string {
	var said struct {
		Revision string `json:"revision"`
	}
	_ = json.Unmarshal([]byte(status), &said) // what cannot be read says nothing
	return said.Revision
}

// ambient trusts what was done to the pod, then what the pod asks for, then what its namespace does.
func (g *gathering) ambient(ctx context.Context, pod *corev1.Pod) (bool, error) {
	if pod.Annotations[model.AnnotationRedirection] == "enabled" {
		return true, nil
	}
	if pod.Spec.HostNetwork {
		return false, nil // there is no network of its own to redirect
	}
	if mode, ok := pod.Labels[model.LabelDataplaneMode]; ok {
		return mode == "ambient", nil
	}
	labels, err := g.labelsOf(ctx, pod.Namespace)
	return labels[model.LabelDataplaneMode] == "ambient", err
}

// containerPorts returns the ports that the pod's containers declare, ordered by number. Those of an injected proxy are not the
// workload's; those of a gateway are.
func containerPorts(pod *corev1.Pod) []model.ContainerPort {
	var ports []model.ContainerPort
	for _, c := range servingContainers(pod) {
		if c.Name == model.ProxyContainer && !IsGateway(pod) {
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

// servingContainers returns the containers that run as long as the pod does: its containers, and the init containers that are sidecars.
func servingContainers(pod *corev1.Pod) []corev1.Container {
	serving := slices.Clone(pod.Spec.Containers)
	for _, c := range pod.Spec.InitContainers {
		if c.Name != model.ProxyContainer && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			serving = append(serving, c)
		}
	}
	return serving
}
