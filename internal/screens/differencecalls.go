package screens

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
)

// callers are the clients with a proxy of a view, by name.
type callers struct {
	*mesh.View
	byName map[string]*model.Workload
	in     map[string][]string
}

func callersIn(v *mesh.View) callers {
	c := callers{View: v, byName: map[string]*model.Workload{}, in: map[string][]string{}}
	for _, w := range v.Workloads() {
		if !mesh.ReadsRules(w) {
			continue
		}
		for _, pod := range w.Pods {
			one := *w
			one.Pods = []model.Pod{pod}
			name := clientName(&one)
			if c.byName[name] == nil {
				c.in[w.Namespace] = append(c.in[w.Namespace], name)
				c.byName[name] = &one
			}
		}
	}
	return c
}

// changedCalls returns the calls of which something else becomes. The namespaces are those where another choice of clients has rules of
// its own: there all clients are asked.
func (p *Page) changedCalls(after *Page, selecting sets.Set[string]) []CallChange {
	now, then := callersIn(p.View()), callersIn(after.View())
	all := []CallChange{}
	for _, d := range then.Destinations().All() {
		for _, port := range d.Declared {
			for _, name := range now.changing(then, at{d, port}, selecting) {
				if change, changes := now.change(then, name, at{d, port}); changes {
					all = append(all, change)
				}
			}
		}
	}
	return all
}

// at is a port of a destination.
type at struct {
	destination *destinations.Destination
	port        destinations.Port
}

// String is host:port.
func (a at) String() string { return colon(a.destination.Name, a.port.Number) }

// colon joins what is called and its port; 0 stands for all ports that are not known.
func colon(name string, port int32) string {
	if port == 0 {
		return name
	}
	return fmt.Sprintf("%s:%d", name, port)
}

// changing returns the names of the clients to ask about the port: all of a namespace of which one that stands for others changes.
func (c callers) changing(then callers, a at, selecting sets.Set[string]) []string {
	asked := sets.New[string]()
	for _, v := range []callers{c, then} {
		for _, client := range mesh.CallersOf(v.View, a.destination) {
			if asked.Has(client.Namespace) {
				continue
			}
			if _, changes := c.change(then, nameOfFirst(client), a); changes || selecting.Has(client.Namespace) {
				asked.Insert(client.Namespace)
			}
		}
	}
	var names []string
	for _, namespace := range sets.List(asked) {
		names = append(names, then.in[namespace]...)
	}
	return names
}

// nameOfFirst names the first pod of the clients.
func nameOfFirst(client *model.Workload) string {
	one := *client
	one.Pods = one.Pods[:min(1, len(one.Pods))]
	return clientName(&one)
}

// change compares what becomes of the client's calls of the port. A client that is new has no before.
func (c callers) change(then callers, name string, a at) (CallChange, bool) {
	client, stays := then.byName[name]
	before, was := c.byName[name]
	if !stays || !was {
		return CallChange{}, false
	}
	after := then.worst(client, a)
	change := CallChange{Client: name, Server: a.String(), After: after.Kind, Why: after.Why, namespace: a.destination.Namespace}
	if same, exists := c.same(a); exists {
		change.Before = c.worst(before, same).Kind
	}
	if change.Before == "" && !change.Refused() {
		return change, false
	}
	return change, change.Before != change.After
}

// same returns the port of the destination as this view has it.
func (c callers) same(a at) (at, bool) {
	of := c.Destinations().Of(a.destination.Name)
	i := slices.IndexFunc(of, func(d *destinations.Destination) bool { return d.Namespace == a.destination.Namespace })
	if i < 0 {
		return at{}, false
	}
	port, declared := of[i].Port(a.port.Number)
	return at{of[i], port}, declared
}

// worst returns the worst that becomes of the client's calls of the port.
func (c callers) worst(client *model.Workload, a at) mesh.Outcome {
	var worst mesh.Outcome
	for _, call := range c.CallsOf(client, a.destination, a.port) {
		for _, o := range c.Outcomes(call) {
			if worst.Kind == "" || badness[o.Kind] > badness[worst.Kind] {
				worst = o
			}
		}
	}
	return worst
}

// Refused are the calls that get through before the change, and not after it.
func (d Difference) Refused() []CallChange {
	return slices.DeleteFunc(slices.Clone(d.Calls), func(c CallChange) bool { return !c.Refused() })
}

// Otherwise are the other calls of which something else becomes.
func (d Difference) Otherwise() []CallChange {
	return slices.DeleteFunc(slices.Clone(d.Calls), CallChange.Refused)
}

// Lost is the number of clients with calls that get through before the change, and not after it.
func (d Difference) Lost() int {
	lost := sets.New[string]()
	for _, c := range d.Refused() {
		lost.Insert(c.Client)
	}
	return lost.Len()
}

// In returns what of the difference is about the namespace; empty: all of it.
func (d Difference) In(namespace string) Difference {
	if namespace == "" {
		return d
	}
	of := func(name string) bool { return strings.HasPrefix(name, namespace+"/") }
	d.Objects = slices.DeleteFunc(slices.Clone(d.Objects), func(o ObjectChange) bool { return o.Object.Namespace != namespace })
	d.Ports = slices.DeleteFunc(slices.Clone(d.Ports), func(p PortChange) bool { return !of(p.Workload) })
	d.Calls = slices.DeleteFunc(slices.Clone(d.Calls), func(c CallChange) bool { return !of(c.Client) && c.namespace != namespace })
	d.Policies = slices.DeleteFunc(slices.Clone(d.Policies), func(p PolicyChange) bool { return !of(p.Policy) })
	d.Findings = slices.DeleteFunc(slices.Clone(d.Findings), func(f report.Finding) bool { return f.Object.Namespace != namespace })
	return d
}
