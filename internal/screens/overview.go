package screens

import (
	"fmt"
	"slices"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
)

// Overview is what the lists and the map are drawn from.
type Overview struct {
	Source    Source           `json:"source"`
	Traffic   Traffic          `json:"traffic"`
	Workloads []Workload       `json:"workloads"`
	Edges     []Edge           `json:"edges"`
	Policies  []Policy         `json:"policies"`
	Rollouts  []Rollout        `json:"rollouts"`
	Findings  []report.Finding `json:"findings"`
	Problems  []report.Problem `json:"problems,omitempty"`
}

// Workload is a line of the list, and a card of the map.
type Workload struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Kind      string        `json:"kind"`
	Pods      int           `json:"pods"`
	Proxy     explain.Proxy `json:"proxy"`
	Revision  string        `json:"revision,omitempty"`
	// Ports are those that are known, ascending. A gateway has the ports at which it listens.
	Ports []Port `json:"ports"`
	// Others is what all ports take that are not listed; empty for a gateway.
	Others explain.Accepts `json:"others,omitempty"`
}

// Port is a port of pods.
type Port struct {
	Port int32  `json:"port"`
	Name string `json:"name,omitempty"`
	// Services are the Service ports that lead here, as name:port.
	Services []string        `json:"services,omitempty"`
	Accepts  explain.Accepts `json:"accepts"`
}

// Policy is a line of the list of policies.
type Policy struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Target    string `json:"target,omitempty"`
	Accepts   string `json:"accepts,omitempty"`
	Sends     string `json:"sends,omitempty"`
	// Ready is True, False or Unknown.
	Ready     string `json:"ready"`
	Reason    string `json:"reason,omitempty"`
	Message   string `json:"message,omitempty"`
	ManagedBy string `json:"managedBy,omitempty"`
	// Objects are what is rendered for it.
	Objects []string `json:"objects,omitempty"`
}

// Overview returns the lists and the map.
func (p *Page) Overview(t Traffic) Overview {
	o := Overview{
		Source: p.Source, Traffic: t, Workloads: []Workload{}, Edges: p.edges(t), Policies: []Policy{}, Rollouts: p.rollouts(),
		Findings: p.Report.Findings, Problems: p.Report.Problems,
	}
	for _, w := range p.workloads {
		o.Workloads = append(o.Workloads, w.line())
	}
	for _, policy := range p.Policies {
		o.Policies = append(o.Policies, policyOf(policy))
	}
	return o
}

// line returns the workload in the list. Where pods of different shape take different things at a port, it names the weakest.
func (n named) line() Workload {
	w := Workload{Namespace: n.Namespace, Name: n.Name, Kind: n.kind, Ports: []Port{}}
	for _, taken := range n.taken {
		w.Pods += taken.Pods.Count
		w.Proxy, w.Revision = weakestProxy(w.Proxy, taken.Proxy), taken.Revision
		for _, in := range taken.Inbound {
			w.take(Port{Port: in.Port, Name: in.Name, Services: servicePorts(in.Services), Accepts: in.External.Accepts})
		}
		for _, l := range taken.Listeners {
			w.take(Port{Port: l.Port, Services: servicePorts(l.Services), Accepts: explain.AcceptsServers})
		}
	}
	slices.SortFunc(w.Ports, func(a, b Port) int { return int(a.Port) - int(b.Port) })
	return w
}

// take adds a port, or what other pods take at one that is there.
func (w *Workload) take(port Port) {
	if port.Port == 0 {
		w.Others = weaker(w.Others, port.Accepts)
		return
	}
	at := slices.IndexFunc(w.Ports, func(known Port) bool { return known.Port == port.Port })
	if at < 0 {
		w.Ports = append(w.Ports, port)
		return
	}
	w.Ports[at].Accepts = weaker(w.Ports[at].Accepts, port.Accepts)
}

// byStrength are the answers, the weakest first.
var byStrength = []explain.Accepts{
	explain.AcceptsNoProxy, explain.AcceptsUncaptured, explain.AcceptsDisable, explain.AcceptsPermissive, explain.AcceptsStrict,
	explain.AcceptsServers, "",
}

func weaker(a, b explain.Accepts) explain.Accepts {
	if slices.Index(byStrength, a) < slices.Index(byStrength, b) {
		return a
	}
	return b
}

func weakestProxy(a, b explain.Proxy) explain.Proxy {
	if a == explain.ProxyNone {
		return a
	}
	return b
}

func servicePorts(ports []explain.ServicePort) []string {
	var all []string
	for _, s := range ports {
		all = append(all, fmt.Sprintf("%s:%d", s.Service, s.Port))
	}
	return all
}

func policyOf(policy *meshtlsv1alpha1.MeshTLSPolicy) Policy {
	line := Policy{
		Namespace: policy.Namespace, Name: policy.Name, Target: policy.Status.Target, Accepts: policy.Status.Accepts,
		Sends: policy.Status.Sends, Ready: "Unknown", ManagedBy: model.ManagedBy(policy),
	}
	if ready := apimeta.FindStatusCondition(policy.Status.Conditions, meshtlsv1alpha1.ConditionReady); ready != nil {
		line.Ready, line.Reason, line.Message = string(ready.Status), ready.Reason, ready.Message
	}
	if line.Ready != "Unknown" && policy.Status.ObservedGeneration < policy.Generation {
		line.Ready, line.Reason = "Unknown", meshtlsv1alpha1.ReasonPending
		line.Message = "The operator has not said yet what becomes of the last change. What is said here is of the one before."
	}
	for _, o := range policy.Status.Objects {
		line.Objects = append(line.Objects, model.ObjectRef{Kind: o.Kind, Name: o.Name}.String())
	}
	return line
}
