package screens

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/traffic"
)

// Detail is the page of a workload.
type Detail struct {
	Workload Workload       `json:"workload"`
	Answer   explain.Answer `json:"answer"`
	// Seen is what traffic tells; nil: nothing looks at it.
	Seen      *evidence.Observation `json:"seen,omitempty"`
	Preflight traffic.Preflight     `json:"preflight"`
	// Settings are those of the policy that a change would be made in.
	Settings Settings `json:"settings"`
	// Rollouts are those that the workload is on.
	Rollouts []Rollout `json:"rollouts,omitempty"`
}

// Settings are what a policy says of a workload's ports.
type Settings struct {
	// Policy is namespace/name, and New says that it would be a new one.
	Policy string `json:"policy"`
	New    bool   `json:"new,omitempty"`
	// ManagedBy names what would undo a change of the policy in the cluster; empty: nothing is known to.
	ManagedBy string `json:"managedBy,omitempty"`
	// Mode is the workload's, and Ports are those of single ports, by the pods' own number.
	Mode meshtlsv1alpha1.AcceptMode `json:"mode"`
	// Way is how the workload becomes Strict; empty: it does not.
	Way   Way                                  `json:"way,omitempty"`
	Ports map[int32]meshtlsv1alpha1.AcceptMode `json:"ports"`
	// Servers says that there is nothing to set: a gateway takes what its servers say.
	Servers bool `json:"servers,omitempty"`
}

// NoWorkloadError says that there is no workload of the name.
type NoWorkloadError struct{ Name evidence.Workload }

// Error returns a full sentence.
func (e *NoWorkloadError) Error() string {
	return fmt.Sprintf("There is no workload %s. It may have been deleted since the page was opened.", e.Name)
}

// Target is whose traffic the page of the workload is about.
func (p *Page) Target(name evidence.Workload) (evidence.Target, error) {
	w, known := p.find(name)
	if !known {
		return evidence.Target{}, &NoWorkloadError{Name: name}
	}
	target := traffic.TargetOf(p.View(), w.pods(), p.Pods)
	// Pods that are alike may belong to several workloads.
	target.Workloads = []string{name.Name}
	return target, nil
}

// Detail returns the page of the workload. Seen is what a source says of its target; nil: there is none.
func (p *Page) Detail(name evidence.Workload, seen *evidence.Observation) (Detail, error) {
	w, known := p.find(name)
	if !known {
		return Detail{}, &NoWorkloadError{Name: name}
	}
	answer, err := explain.Explain(p.Inventory, explain.Question{Target: "workload/" + name.Name + "." + name.Namespace})
	if err != nil {
		return Detail{}, err
	}
	d := Detail{
		Workload: w.line(), Answer: answer, Preflight: traffic.NewPreflight(p.View(), w.pods(), p.Jobs), Settings: p.settings(w),
		Rollouts: p.rolloutsFor(w),
	}
	if seen != nil {
		explained := traffic.Explain(p.View(), *seen)
		d.Seen = &explained
	}
	return d, nil
}

// settings returns what the policy says in which a change of the workload would be made.
func (p *Page) settings(w named) Settings {
	policy, exists := p.policyFor(w)
	s := Settings{
		Policy: policy.Namespace + "/" + policy.Name, New: !exists, ManagedBy: model.ManagedBy(policy),
		Mode: meshtlsv1alpha1.AcceptInherit, Ports: map[int32]meshtlsv1alpha1.AcceptMode{}, Servers: w.gateway(),
	}
	if policy.Spec.Accept == nil {
		return s
	}
	if policy.Spec.Accept.Mode != "" {
		s.Mode = policy.Spec.Accept.Mode
	}
	s.Way = wayOf(policy.Spec.Accept)
	for _, entry := range policy.Spec.Accept.Ports {
		for _, number := range p.portsOf(w, entry) {
			s.Ports[number] = entry.Mode
		}
	}
	return s
}

func (n named) gateway() bool {
	for _, t := range n.taken {
		if t.Proxy != explain.ProxyGateway {
			return false
		}
	}
	return true
}

// Why answers a question about the connections of a workload.
func (p *Page) Why(q explain.Question) (explain.Answer, error) {
	return explain.Explain(p.Inventory, q)
}
