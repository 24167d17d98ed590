package intent

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// fieldRollout is where a policy asks for a rollout.
const fieldRollout = "spec.accept.rollout"

// whole returns what the policy declares for the pod as a whole: its mode, or that of the stage that its status names. A floor above goes
// before a rollout.
func (w World) whole(p *meshtlsv1alpha1.MeshTLSPolicy) statement {
	s := statement{policy: p, field: "spec.accept.mode", mode: p.Spec.Accept.Mode}
	stage := p.Status.Rollout
	if p.Spec.Accept.Rollout != nil && stage != nil && w.allowed(p, stage.Mode, []int32{0}) && stage.Mode != s.mode {
		s.field, s.mode = fieldRollout, stage.Mode
	}
	return s
}

// rolling returns the stage of a policy whose target is not Strict as a whole; nil: it has none.
func (w World) rolling(p *meshtlsv1alpha1.MeshTLSPolicy) *meshtlsv1alpha1.RolloutStatus {
	if w.whole(p).field == fieldRollout {
		return p.Status.Rollout
	}
	return nil
}

// promoted returns the ports that are Strict before the rest, at any pod of the target. Those with an entry of their own are left alone.
func (w World) promoted(p *meshtlsv1alpha1.MeshTLSPolicy) []statement {
	stage := w.rolling(p)
	if stage == nil || w.reachOf(p) != reachWorkload {
		return nil
	}
	var own []int32
	for _, port := range p.Spec.Accept.Ports {
		for _, pod := range w.named(p) {
			own = append(own, w.meant(port, p, pod)...)
		}
	}
	var all []statement
	for _, port := range stage.StrictPorts {
		if !slices.Contains(own, port) {
			all = append(all, statement{policy: p, field: fieldRollout, port: port, mode: meshtlsv1alpha1.AcceptStrict})
		}
	}
	return all
}

// ahead reports whether the pod is of a workload that is Strict before the rest of its namespace.
func (w World) ahead(p *meshtlsv1alpha1.MeshTLSPolicy, pod *corev1.Pod) bool {
	stage := w.rolling(p)
	if stage == nil || w.reachOf(p) != reachNamespace || pod.Namespace != p.Namespace {
		return false
	}
	return slices.ContainsFunc(stage.StrictWorkloads, func(ahead meshtlsv1alpha1.RolloutWorkload) bool {
		selector, err := labels.ConvertSelectorToLabelsMap(ahead.Labels)
		return err == nil && selects(selector, pod)
	})
}
