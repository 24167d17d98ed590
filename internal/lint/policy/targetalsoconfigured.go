package policy

import (
	"fmt"
	"slices"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "target-also-configured",
		Severity: []lint.Severity{lint.Info},
		Finds: "an object that changes what the proxies of the target do and that is not interpreted: an EnvoyFilter that selects a pod, a " +
			"waypoint in the namespace of ambient pods, a Gateway of the Kubernetes Gateway API whose pods these are and whose class is " +
			"not `istio`, or that admits ListenerSets.",
		Why: "`Ready` speaks of Istio's own rules for TLS. An EnvoyFilter can replace any part of a listener or a cluster, and a waypoint or " +
			"such a Gateway has listeners of its own.",
		Fix: "Look at the configuration of the proxies, for instance by `istioctl proxy-config`. If TLS is as asked for, mute the check.",
	}, targetAlsoConfigured)
}

// targetAlsoConfigured finds objects that are not interpreted and that pods of a target have.
func targetAlsoConfigured(w world) []model.Finding {
	var findings []model.Finding
	for _, s := range w.subjects {
		target := w.targetPods(s)
		for _, other := range w.mesh().Others() {
			if slices.ContainsFunc(target, func(pod *model.Workload) bool { return w.configures(other, pod) }) {
				f := s.about(lint.Info, "spec")
				f.Related = other.ObjectRef
				f.Message = fmt.Sprintf("%s changes what proxies of the target do, and it is not known what it does to TLS.", other.ObjectRef)
				f.Remedy = "Look at the configuration of the proxies, for instance by istioctl proxy-config."
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// configures reports whether the object is for the proxy of the pod.
func (w world) configures(other model.Other, pod *model.Workload) bool {
	inNamespace := other.Namespace == pod.Namespace
	switch {
	case other.Waypoint:
		return inNamespace && pod.Dataplane == model.DataplaneAmbient
	case other.Kind == model.KindEnvoyFilter && len(other.Targets) == 0:
		inScope := inNamespace || other.Namespace == w.Snapshot.Mesh.RootNamespace
		return inScope && pod.Dataplane != model.DataplaneNone && pods.Matches(other.Selector, pod.Labels)
	case other.Kind == model.KindGatewayAPIGateway:
		return inNamespace && pods.Matches(other.Selector, pod.Labels)
	default:
		return false
	}
}
