package metrics

import (
	"time"

	"maps"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

var rolloutDesc = prometheus.NewDesc("meshtls_rollout_phase",
	"The phase that the rollout of the policy is in: its series is 1, and those of other phases are not there.",
	[]string{"namespace", "policy", "phase"}, nil)

// Asked notes how long it took to ask about all targets of rollouts.
func (m *Metrics) Asked(took time.Duration) { m.asked.Set(took.Seconds()) }

// rollouts are phases by policy.
type rollouts map[types.NamespacedName]meshtlsv1alpha1.RolloutPhase

// rolloutsOf returns the phases of the policies that have a rollout; the statuses are in the order of the outcomes.
func rolloutsOf(outcomes []model.Outcome, statuses []meshtlsv1alpha1.MeshTLSPolicyStatus) rollouts {
	r := rollouts{}
	for i, outcome := range outcomes {
		if i < len(statuses) && statuses[i].Rollout != nil {
			r[outcome.Policy] = statuses[i].Rollout.Phase
		}
	}
	return r
}

// phases puts those of all namespaces together.
func (m *Metrics) phases() rollouts {
	all := rollouts{}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, of := range m.rollouts {
		maps.Copy(all, of)
	}
	return all
}
