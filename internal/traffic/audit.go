package traffic

import (
	"slices"
	"time"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// auditTakesEffect is how long it may take until the proxies count by an audit policy that was written.
const auditTakesEffect = 30 * time.Second

// auditedSince reports whether an audit policy of ours has the proxies of all the workloads count, and since when.
func auditedSince(v *mesh.View, workloads []*model.Workload) (since time.Time, audited bool) {
	for _, w := range workloads {
		begin, counts := auditOf(v, w)
		if !counts {
			return time.Time{}, false
		}
		if begin.After(since) {
			since = begin
		}
	}
	return since, len(workloads) > 0
}

// auditOf returns since when an audit policy of ours has the workload's proxies count.
func auditOf(v *mesh.View, w *model.Workload) (since time.Time, counts bool) {
	all := v.AuthorizationPoliciesIn(w.Namespace)
	at := slices.IndexFunc(all, func(p *istiosecurityv1.AuthorizationPolicy) bool {
		return model.Ours(p) && mesh.DryRun(p) && p.Spec.GetAction() == securityapi.AuthorizationPolicy_DENY &&
			pods.Matches(p.Spec.GetSelector().GetMatchLabels(), w.Labels)
	})
	if at < 0 {
		return time.Time{}, false
	}
	return all[at].CreationTimestamp.Add(auditTakesEffect), true
}
