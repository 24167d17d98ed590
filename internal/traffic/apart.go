package traffic

import (
	"maps"
	"slices"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Apart is how the pods of a workload are told from all others of the namespace.
type Apart struct {
	// Service is one in front of these pods and no others; nil: there is none.
	Service *model.Service
	// Labels are its selector, or else as few labels as do.
	Labels map[string]string
	// Alone says that no other pods have them.
	Alone bool
}

// TellApart finds what tells the pods of a workload from others.
func TellApart(v *mesh.View, name evidence.Workload) Apart {
	for _, s := range v.ServicesIn(name.Namespace) {
		if len(s.Selector) > 0 && SelectsOnly(v, s.Selector, name) {
			return Apart{Service: s, Labels: s.Selector, Alone: true}
		}
	}
	labels := commonLabels(Named(v, name))
	for _, key := range []string{"app.kubernetes.io/name", "app", "app.kubernetes.io/instance", "k8s-app"} {
		if value, has := labels[key]; has && SelectsOnly(v, map[string]string{key: value}, name) {
			return Apart{Labels: map[string]string{key: value}, Alone: true}
		}
	}
	return Apart{Labels: labels, Alone: len(labels) > 0 && SelectsOnly(v, labels, name)}
}

// SelectsOnly reports whether the labels select all pods of the workload and no others.
func SelectsOnly(v *mesh.View, labels map[string]string, name evidence.Workload) bool {
	selected := v.Selected(name.Namespace, labels)
	for _, w := range selected {
		if slices.ContainsFunc(w.Pods, func(p model.Pod) bool { return NameOf(p) != name.Name }) {
			return false
		}
	}
	return len(selected) > 0 && len(selected) == len(Named(v, name))
}

// ofControllers are the labels that controllers put on single generations of pods.
var ofControllers = []string{
	"pod-template-hash", "controller-revision-hash", "pod-template-generation", "statefulset.kubernetes.io/pod-name",
	"apps.kubernetes.io/pod-index", "batch.kubernetes.io/controller-uid", "controller-uid",
}

// commonLabels returns the labels that all the pods have, without those of controllers.
func commonLabels(workloads []*model.Workload) map[string]string {
	if len(workloads) == 0 {
		return nil
	}
	labels := maps.Clone(workloads[0].Labels)
	maps.DeleteFunc(labels, func(key, value string) bool {
		lacks := func(w *model.Workload) bool { return !pods.Matches(map[string]string{key: value}, w.Labels) }
		return slices.Contains(ofControllers, key) || slices.ContainsFunc(workloads, lacks)
	})
	return labels
}
