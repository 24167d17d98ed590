package gather

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meshtls/meshtls/internal/model"
)

// The ports of the agent to which the injector leads probes, and at which the proxy's own readiness is asked.
const (
	agentPort     = 15020
	readinessPort = 15021
)

// probesOf returns the kubelet's probes that come to the ports of a pod with a sidecar as they are written, and not to its agent.
// Source: istio pkg/kube/inject/app_probe.go, convertAppProber.
func probesOf(pod *corev1.Pod) []model.Probe {
	if !hasProxy(pod) || IsGateway(pod) {
		return nil
	}
	var probes []model.Probe
	for _, c := range servingContainers(pod) {
		if c.Name == model.ProxyContainer {
			continue
		}
		for _, asked := range []struct {
			kind  string
			probe *corev1.Probe
		}{{"readiness", c.ReadinessProbe}, {"liveness", c.LivenessProbe}, {"startup", c.StartupProbe}} {
			if asked.probe == nil {
				continue
			}
			probe, known := probeOf(asked.probe, c.Ports)
			if known && probe.Port != agentPort && probe.Port != readinessPort {
				probe.Kind, probe.Container = asked.kind, c.Name
				probes = append(probes, probe)
			}
		}
	}
	return probes
}

// probeOf reads a probe of a container with the ports; false: it calls none of them.
func probeOf(probe *corev1.Probe, ports []corev1.ContainerPort) (model.Probe, bool) {
	switch {
	case probe.HTTPGet != nil:
		number, known := portNumber(probe.HTTPGet.Port, ports)
		return model.Probe{Handler: "httpGet", Port: number, TLS: probe.HTTPGet.Scheme == corev1.URISchemeHTTPS}, known
	case probe.TCPSocket != nil:
		number, known := portNumber(probe.TCPSocket.Port, ports)
		return model.Probe{Handler: "tcpSocket", Port: number}, known
	case probe.GRPC != nil:
		return model.Probe{Handler: "grpc", Port: probe.GRPC.Port}, true
	default:
		return model.Probe{}, false
	}
}

func portNumber(port intstr.IntOrString, ports []corev1.ContainerPort) (int32, bool) {
	if port.Type == intstr.Int {
		return port.IntVal, true
	}
	for _, p := range ports {
		if p.Name == port.StrVal {
			return p.ContainerPort, true
		}
	}
	return 0, false
}
