package traffic

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// ztunnelLabel is what the pods of ztunnel's DaemonSet have, as Istio installs it.
const ztunnelLabel = "ztunnel"

// Pods are the pods of a cluster, as far as evidence needs them.
type Pods struct {
	byName   map[types.NamespacedName]*corev1.Pod
	ztunnels map[string]evidence.Proxy
}

// NewPods indexes pods. It keeps them and changes none.
func NewPods(all []corev1.Pod) Pods {
	p := Pods{byName: map[types.NamespacedName]*corev1.Pod{}, ztunnels: map[string]evidence.Proxy{}}
	for i := range all {
		pod := &all[i]
		p.byName[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}] = pod
		if pod.Labels["app"] == ztunnelLabel {
			p.ztunnels[pod.Spec.NodeName] = evidence.Proxy{
				Namespace: pod.Namespace, Name: pod.Name, IP: pod.Status.PodIP, Ztunnel: true,
			}
		}
	}
	return p
}

// TargetOf returns the target of evidence that the workloads are, which are of one namespace.
func TargetOf(v *mesh.View, workloads []*model.Workload, pods Pods) evidence.Target {
	t := evidence.Target{}
	names := sets.New[string]()
	var carried []*model.Workload
	for _, w := range workloads {
		t.Namespace = w.Namespace
		for _, pod := range w.Pods {
			names.Insert(NameOf(pod))
		}
		if !Reports(w) {
			continue
		}
		carried = append(carried, w)
		for _, pod := range w.Pods {
			if ready, is := pods.ready(w, pod); is {
				t.Pods = append(t.Pods, ready)
			}
		}
	}
	t.Workloads = sets.List(names)
	t.Ports = PortsOf(v, carried)
	t.AuditedSince, t.Audited = auditedSince(v, carried)
	return t
}

// NameOf returns what Istio's metrics call the workload of a pod.
func NameOf(pod model.Pod) string { return cmp.Or(pod.Controller.Name, pod.Name) }

// Reports reports whether a proxy tells of the calls that the pods take. What a gateway takes is no workload's inbound traffic.
func Reports(w *model.Workload) bool {
	return !w.Gateway && (w.Dataplane == model.DataplaneSidecar || w.Dataplane == model.DataplaneAmbient)
}

// ready returns the pod if it is ready. Pods known by their template only, as in manifests, are all ready.
func (p Pods) ready(w *model.Workload, pod model.Pod) (evidence.Pod, bool) {
	found := evidence.Pod{Namespace: w.Namespace, Name: pod.Name, Proxy: evidence.Proxy{Namespace: w.Namespace, Name: pod.Name}}
	if len(pod.Addresses) > 0 {
		found.Proxy.IP = pod.Addresses[0]
	}
	live := p.byName[types.NamespacedName{Namespace: w.Namespace, Name: pod.Name}]
	if live == nil {
		return found, true
	}
	if w.Dataplane == model.DataplaneAmbient {
		found.Proxy = p.ztunnels[live.Spec.NodeName]
	}
	for _, condition := range live.Status.Conditions {
		if condition.Type == corev1.PodReady {
			found.Since = condition.LastTransitionTime.Time
			return found, condition.Status == corev1.ConditionTrue
		}
	}
	return found, live.Status.Phase == ""
}

// PortsOf returns the ports that clients reach through the proxies of the workloads: those of Services, and those that containers declare.
func PortsOf(v *mesh.View, workloads []*model.Workload) []evidence.Port {
	byNumber := map[int32]*evidence.Port{}
	for _, p := range v.ServicePorts(workloads...) {
		if uncaptured(p.Pods, p.Target) {
			continue
		}
		port := byNumber[p.Target]
		if port == nil {
			port = &evidence.Port{Number: p.Target, Protocol: p.Protocol}
			byNumber[p.Target] = port
		}
		port.Services = append(port.Services, p.Service.Name)
	}
	for _, w := range workloads {
		for _, declared := range w.Ports {
			if byNumber[declared.Number] == nil && !uncaptured([]*model.Workload{w}, declared.Number) {
				byNumber[declared.Number] = &evidence.Port{Number: declared.Number}
			}
		}
	}
	var ports []evidence.Port
	for _, port := range byNumber {
		port.Services = slices.Compact(port.Services)
		ports = append(ports, *port)
	}
	slices.SortFunc(ports, func(a, b evidence.Port) int { return cmp.Compare(a.Number, b.Number) })
	return ports
}

// uncaptured reports whether none of the proxies sees the port.
func uncaptured(workloads []*model.Workload, port int32) bool {
	return mesh.ProxyPorts.Has(port) || !slices.ContainsFunc(workloads, func(w *model.Workload) bool {
		return w.Captures(port)
	})
}
