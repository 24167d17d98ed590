package worlds

import (
	"math/rand/v2"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Roll gives some of the policies that ask for Strict a rollout, at any stage of its way: nobody has looked at it, it observes, some
// ports or workloads are Strict, all is, or it was undone.
func Roll(seed uint64, policies []*meshtlsv1alpha1.MeshTLSPolicy) {
	g := generator{rand.New(rand.NewPCG(seed, 5))} //nolint:gosec // worlds are repeatable, not secret
	for _, p := range policies {
		if p.Spec.Accept == nil || p.Spec.Gateway != nil || p.Spec.Accept.Mode != meshtlsv1alpha1.AcceptStrict || g.chance(2) {
			continue
		}
		p.Spec.Accept.Rollout = &meshtlsv1alpha1.Rollout{Observe: "24h", Gate: meshtlsv1alpha1.GateEvidence}
		if p.Spec.Workload == nil && !g.chance(4) {
			p.Spec.Accept.Rollout.Order = meshtlsv1alpha1.OrderPerWorkload
		}
		p.Status.Rollout = g.stage(p)
	}
}

// stage draws how far a rollout has come; nil: nobody has looked at it.
func (g generator) stage(p *meshtlsv1alpha1.MeshTLSPolicy) *meshtlsv1alpha1.RolloutStatus {
	since := metav1.NewTime(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	r := &meshtlsv1alpha1.RolloutStatus{
		Phase: meshtlsv1alpha1.RolloutObserving, Mode: meshtlsv1alpha1.AcceptPermissive, Message: "It is on its way.", Since: &since,
	}
	switch g.IntN(6) {
	case 0:
		return nil
	case 1, 2:
		r.Phase = meshtlsv1alpha1.RolloutSwitching
		if p.Spec.Workload != nil {
			r.StrictPorts = one(g, [][]int32{{8080}, {8080, 9090}, {7}})
		}
		if p.Spec.Accept.Rollout.Order == meshtlsv1alpha1.OrderPerWorkload {
			app := one(g, apps)
			r.StrictWorkloads = []meshtlsv1alpha1.RolloutWorkload{{Name: app, Labels: "app=" + app}}
		}
	case 3:
		r.Phase, r.Mode = meshtlsv1alpha1.RolloutCompleted, meshtlsv1alpha1.AcceptStrict
	case 4:
		r.Phase = meshtlsv1alpha1.RolloutUndone
	}
	return r
}
