package proxy

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// State says how a proxy stands to what the objects come to.
type State string

// The states.
const (
	// StateAsSaid: the proxy runs what the objects come to.
	StateAsSaid State = "AsSaid"
	// StateDiffers: it does not.
	StateDiffers State = "Differs"
	// StateNotAsked: it could not be asked.
	StateNotAsked State = "NotAsked"
)

// Verdict is what there is to say of one proxy.
type Verdict struct {
	Namespace string        `json:"namespace"`
	Pod       string        `json:"pod"`
	Proxy     explain.Proxy `json:"proxy"`
	// Revision is the control plane's that serves the pod; empty: the default one.
	Revision string `json:"revision,omitempty"`
	// IstioVersion is that of the pod's agent.
	IstioVersion string `json:"istioVersion,omitempty"`
	State        State  `json:"state"`
	// Problem says why the proxy could not be asked.
	Problem string `json:"problem,omitempty"`
	// Compared counts the ports, destinations, servers and certificates that were compared.
	Compared    int          `json:"compared"`
	Differences []Difference `json:"differences,omitempty"`
	// Causes are what may have made the differences; without one, what is to be known of the proxy all the same.
	Causes []Cause `json:"causes,omitempty"`
	// Certificate is the workload's own.
	Certificate *Certificate `json:"certificate,omitempty"`
	// Changed is when the last of the proxy's listeners and clusters came.
	Changed metav1.Time `json:"changed,omitzero"`
}

// Pod is a pod with a proxy, and what is known of it.
type Pod struct {
	Name     string
	Workload *model.Workload
	// Explained is what package explain says of it.
	Explained explain.Workload
}

// Judge compares what the proxy of a pod runs with what the mesh comes to.
func Judge(v *mesh.View, pod Pod, facts Facts) Verdict {
	compared := Compare(facts, Expected{
		Workload: pod.Explained, ServiceAccount: cmp.Or(pod.Workload.ServiceAccount, facts.ServiceAccount),
		TrustDomain: cmp.Or(v.Mesh().TrustDomain, defaultTrustDomain), Now: v.Now(),
		GatewayAPI: pod.Workload.Labels[model.LabelGatewayName] != "",
	})
	verdict := verdictOf(pod, StateAsSaid)
	verdict.IstioVersion, verdict.Certificate, verdict.Changed = facts.IstioVersion, facts.Certificate, facts.Changed
	verdict.Compared, verdict.Differences = compared.Count, compared.Differences
	causes := Causes(facts, v, pod.Workload)
	if len(compared.Differences) == 0 {
		verdict.Causes = slices.DeleteFunc(causes, func(c Cause) bool { return c.Kind != CauseRefused && c.Kind != CauseRevision })
		return verdict
	}
	verdict.State, verdict.Causes = StateDiffers, causes
	return verdict
}

// defaultTrustDomain is Istio's.
const defaultTrustDomain = "cluster.local"

// NotAsked returns the verdict of a pod whose proxy could not be asked.
func NotAsked(pod Pod, problem string) Verdict {
	verdict := verdictOf(pod, StateNotAsked)
	verdict.Problem = problem
	return verdict
}

func verdictOf(pod Pod, state State) Verdict {
	return Verdict{
		Namespace: pod.Workload.Namespace, Pod: pod.Name, Proxy: pod.Explained.Proxy, Revision: pod.Explained.Revision, State: state,
	}
}

// InOrder sorts verdicts by namespace and pod.
func InOrder(all []Verdict) {
	slices.SortFunc(all, func(a, b Verdict) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Pod, b.Pod))
	})
}

// Count counts the verdicts of a state.
func Count(all []Verdict, state State) int {
	n := 0
	for _, v := range all {
		if v.State == state {
			n++
		}
	}
	return n
}
