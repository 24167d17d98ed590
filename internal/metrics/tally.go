package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

var (
	policiesDesc = prometheus.NewDesc("meshtls_policies",
		"Policies by the status of each of their conditions.", []string{"condition", "status"}, nil)
	findingsDesc = prometheus.NewDesc("meshtls_findings",
		"Findings on policies, by check and severity, without those that are muted.", []string{"check", "severity"}, nil)
)

// series is one time series of a gauge: the metric and the values of its two labels.
type series struct {
	desc          *prometheus.Desc
	first, second string
}

// tally counts a namespace's policies and findings by series.
type tally map[series]int

func tallyOf(outcomes []model.Outcome, statuses []meshtlsv1alpha1.MeshTLSPolicyStatus) tally {
	t := tally{}
	for _, status := range statuses {
		for _, c := range status.Conditions {
			t[policiesWith(c.Type, c.Status)]++
		}
	}
	for _, outcome := range outcomes {
		for _, f := range outcome.Findings {
			t[series{findingsDesc, f.Check, string(f.Severity)}]++
		}
	}
	return t
}

// noPolicies returns the series that are there although they are zero: whoever asks for the policies that are not Ready is told
// none, not nothing.
func noPolicies() tally {
	t := tally{
		policiesWith(meshtlsv1alpha1.ConditionReconciling, metav1.ConditionTrue): 0,
		policiesWith(meshtlsv1alpha1.ConditionStalled, metav1.ConditionTrue):     0,
	}
	for _, condition := range []string{
		meshtlsv1alpha1.ConditionReady, meshtlsv1alpha1.ConditionAccepted, meshtlsv1alpha1.ConditionResolvedRefs,
		meshtlsv1alpha1.ConditionProgrammed, meshtlsv1alpha1.ConditionEffective,
	} {
		for _, status := range []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown} {
			t[policiesWith(condition, status)] = 0
		}
	}
	return t
}

func policiesWith(condition string, status metav1.ConditionStatus) series {
	return series{policiesDesc, condition, string(status)}
}
