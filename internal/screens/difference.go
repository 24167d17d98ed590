package screens

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/report"
)

// Difference is what a change of objects comes to.
type Difference struct {
	// Objects are the policies and Istio objects that are created, changed or deleted.
	Objects []ObjectChange `json:"objects"`
	// Ports are those of which something else is taken; number 0 stands for all that are not known.
	Ports []PortChange `json:"ports"`
	// Calls are those of which something else becomes, the refused ones first.
	Calls []CallChange `json:"calls"`
	// Policies are those whose readiness changes, and Findings what lint finds now and did not before.
	Policies []PolicyChange   `json:"policies"`
	Findings []report.Finding `json:"findings"`
	// Doubt says, as full sentences, what is not known.
	Doubt string `json:"doubt,omitempty"`
}

// PortChange is a port of a workload that takes something else.
type PortChange struct {
	Workload string `json:"workload"`
	Effect
}

// CallChange is a client of which something else becomes at a port.
type CallChange struct {
	Client string `json:"client"`
	// Server is what is called, as host:port or, by callers that are no part of the mesh, workload:port.
	Server string `json:"server"`
	// Before is what became of the calls, and After what becomes of them; empty: nobody could tell.
	Before mesh.Kind `json:"before,omitempty"`
	After  mesh.Kind `json:"after"`
	Why    string    `json:"why,omitempty"`
	// namespace is the server's.
	namespace string
}

// Refused reports whether the calls get through before the change, and not after it.
func (c CallChange) Refused() bool { return c.After == istio.Refused }

// PolicyChange is a policy whose condition Ready changes; empty: there is no such policy.
type PolicyChange struct {
	Policy string `json:"policy"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Message says what keeps it from being ready after the change.
	Message string `json:"message,omitempty"`
}

// None reports whether nothing changes.
func (d Difference) None() bool {
	return len(d.Objects)+len(d.Ports)+len(d.Calls)+len(d.Policies)+len(d.Findings) == 0
}

// doubtWithoutTraffic is said where ports become Strict.
const doubtWithoutTraffic = "" +
	"Callers without a proxy are not known from the configuration: kubectl meshtls preflight and evidence tell of them."

// Compare returns what changes from one world to the other.
func Compare(before, after World) Difference {
	old, then := NewPage(before), NewPage(after)
	d := Difference{
		Objects: ChangedObjects(before, after), Ports: old.changedPorts(then), Calls: []CallChange{},
		Policies: changedPolicies(before, after), Findings: newFindings(before.Report, after.Report),
	}
	d.Calls = append(old.changedCalls(then, selectingIn(d.Objects)), old.lostOutsiders(d.Ports)...)
	slices.SortStableFunc(d.Calls, compareCalls)
	for _, port := range d.Ports {
		if port.After == explain.AcceptsStrict && port.Before != explain.AcceptsNoProxy {
			d.Doubt = doubtWithoutTraffic
		}
	}
	return d
}

// compareCalls puts those that are refused first.
func compareCalls(a, b CallChange) int {
	if a.Refused() != b.Refused() {
		return map[bool]int{true: -1, false: 1}[a.Refused()]
	}
	return cmp.Or(strings.Compare(a.Client, b.Client), strings.Compare(a.Server, b.Server))
}

// changedPorts returns the ports of workloads, of both worlds or the later one, that take something else.
func (p *Page) changedPorts(after *Page) []PortChange {
	all := []PortChange{}
	for _, w := range after.workloads {
		at, known := p.byID[w.Workload]
		if !known {
			continue
		}
		for _, effect := range effects(p.workloads[at], w) {
			if effect.Before != effect.After {
				all = append(all, PortChange{Workload: w.Namespace + "/" + w.Name, Effect: effect})
			}
		}
	}
	return all
}

// lostOutsiders are callers that cannot have a proxy, at the ports that become Strict.
func (p *Page) lostOutsiders(ports []PortChange) []CallChange {
	var all []CallChange
	for _, w := range p.workloads {
		of := slices.DeleteFunc(slices.Clone(ports), func(c PortChange) bool { return c.Workload != w.Namespace+"/"+w.Name })
		for _, r := range (transition{before: p.View(), of: w, ports: effectsOf(of)}).outsiders() {
			all = append(all, CallChange{
				Client: r.Who, Server: portName(w.Workload, r.Port), Before: istio.Plaintext, After: istio.Refused, Why: strings.Join(r.Why, " "),
				namespace: w.Namespace,
			})
		}
	}
	return slices.Compact(all)
}

func effectsOf(ports []PortChange) []Effect {
	all := make([]Effect, len(ports))
	for i, port := range ports {
		all[i] = port.Effect
	}
	return all
}

// changedPolicies returns the policies whose condition Ready, or its reason, changes.
func changedPolicies(before, after World) []PolicyChange {
	changes := map[string]*PolicyChange{}
	at := func(name string) *PolicyChange {
		if changes[name] == nil {
			changes[name] = &PolicyChange{Policy: name}
		}
		return changes[name]
	}
	for _, policy := range before.Policies {
		is := policyOf(policy)
		at(is.Namespace + "/" + is.Name).Before = readiness(is)
	}
	for _, policy := range after.Policies {
		is := policyOf(policy)
		change := at(is.Namespace + "/" + is.Name)
		if change.After = readiness(is); is.Ready != "True" {
			change.Message = is.Message
		}
	}
	all := []PolicyChange{}
	for _, change := range changes {
		if change.Before != change.After {
			all = append(all, *change)
		}
	}
	slices.SortFunc(all, func(a, b PolicyChange) int { return strings.Compare(a.Policy, b.Policy) })
	return all
}

// readiness words the condition: Ready, or the reason why not.
func readiness(p Policy) string {
	if p.Ready == "True" {
		return "Ready"
	}
	return cmp.Or(p.Reason, p.Ready)
}

// newFindings returns what was not found before.
func newFindings(before, after report.Report) []report.Finding {
	known := map[report.Finding]bool{}
	for _, f := range before.Findings {
		known[bare(f)] = true
	}
	all := []report.Finding{}
	for _, f := range after.Findings {
		if !known[bare(f)] {
			all = append(all, f)
		}
	}
	return all
}

// bare returns the finding without what does not tell it from others: where it was read, and what else has to do with it.
func bare(f report.Finding) report.Finding {
	f.Place, f.Related, f.Remedy = nil, nil, ""
	return f
}

func portName(w evidence.Workload, port int32) string { return colon(w.Namespace+"/"+w.Name, port) }
