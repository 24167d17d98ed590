package screens

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/traffic"
)

// Refusal is a caller whose calls fail after a change.
type Refusal struct {
	Who string `json:"who"`
	// Port is the pods' own; 0: one of several.
	Port int32    `json:"port,omitempty"`
	Why  []string `json:"why"`
	// Seen says that traffic showed the calls; else only the configuration tells of the caller.
	Seen     bool       `json:"seen"`
	Protocol string     `json:"protocol,omitempty"`
	Calls    int64      `json:"calls,omitempty"`
	LastSeen *time.Time `json:"lastSeen,omitempty"`
}

// transition is a change of what the ports of a workload take, in the mesh before it and after it.
type transition struct {
	before, after *mesh.View
	of            named
	ports         []Effect
}

// transition returns the change of the workload's ports from this mesh to another.
func (p *Page) transition(w named, after *Page) transition {
	return transition{
		before: p.View(), after: after.View(), of: w, ports: effects(w, after.workloads[after.byID[w.Workload]]),
	}
}

// refused returns the callers whose calls fail after the change and did not before: those that traffic showed, then those that the
// configuration tells of.
func (c transition) refused(seen *evidence.Observation) (all []Refusal, doubt string) {
	all = []Refusal{}
	if becomes(c.ports, explain.AcceptsStrict) {
		all, doubt = c.seenRefused(seen)
		all = append(all, c.outsiders()...)
	}
	for _, server := range c.of.pods() {
		all = append(all, c.ruled(server)...)
	}
	slices.SortStableFunc(all, func(a, b Refusal) int {
		if a.Seen != b.Seen {
			return map[bool]int{true: -1, false: 1}[a.Seen]
		}
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), strings.Compare(a.Who, b.Who), cmp.Compare(a.Port, b.Port))
	})
	return told(all), doubt
}

// told leaves out what was told of a caller before: traffic tells more than the configuration, and of calls whose port is not known too.
func told(all []Refusal) []Refusal {
	kept := []Refusal{}
	for _, r := range all {
		if !slices.ContainsFunc(kept, func(k Refusal) bool { return k.Who == r.Who && (k.Port == r.Port || k.Seen && k.Port == 0) }) {
			kept = append(kept, r)
		}
	}
	return kept
}

// becomes reports whether some port takes that after the change and did not before.
func becomes(ports []Effect, accepts explain.Accepts) bool {
	return slices.ContainsFunc(ports, func(e Effect) bool { return e.After == accepts && e.Before != accepts })
}

// becomesStrict reports whether the port, or one of the candidates of a call without a port, becomes Strict.
func becomesStrict(ports []Effect, number int32, candidates []int32) bool {
	return slices.ContainsFunc(ports, func(e Effect) bool {
		meant := e.Port == number
		if number == 0 {
			meant = len(candidates) == 0 || slices.Contains(candidates, e.Port)
		}
		return meant && e.After == explain.AcceptsStrict && e.Before != explain.AcceptsStrict
	})
}

// seenRefused returns the calls that traffic showed and Strict refuses.
func (c transition) seenRefused(seen *evidence.Observation) ([]Refusal, string) {
	if seen == nil {
		return []Refusal{}, "Nothing looks at traffic, so callers without a proxy are not known: only what the configuration tells is listed."
	}
	all := []Refusal{}
	for _, call := range seen.Refusable {
		if !becomesStrict(c.ports, call.Port, call.Candidates) || c.mends(call) {
			continue
		}
		all = append(all, c.seenRefusal(call))
	}
	return all, seen.Doubt
}

// seenRefusal words a call that traffic showed.
func (c transition) seenRefusal(call evidence.Call) Refusal {
	r := Refusal{
		Who: call.Client.String(), Port: call.Port, Why: traffic.Reasons(c.before, call),
		Seen: true, Protocol: call.Protocol, Calls: call.Count,
	}
	if !call.Client.Known() {
		r.Who = "a client without a name"
		if c.wasDisable(call) {
			r.Why = append(r.Why, "Some of these calls may come from clients with a proxy, which send plaintext to a port that is Disable. "+
				"These use mutual TLS after the change, and are not refused.")
		}
	}
	if !call.LastSeen.IsZero() {
		r.LastSeen = &call.LastSeen
	}
	return r
}

// outsiders are callers that cannot have a proxy, at the ports that become Strict.
func (c transition) outsiders() []Refusal {
	var all []Refusal
	for _, server := range c.of.pods() {
		for _, e := range c.ports {
			if e.Port == 0 || !becomesStrict(c.ports, e.Port, nil) {
				continue
			}
			one := *server
			one.Ports = []model.ContainerPort{{Number: e.Port}}
			if server.Scraped == e.Port {
				all = append(all, Refusal{Who: "Prometheus", Port: e.Port, Why: []string{fmt.Sprintf(
					"Annotations of the pods ask it to read port %d over plain HTTP.", e.Port)}})
			}
			if mesh.ForOutsiders(c.before, &one, e.Port) && server.Scraped != e.Port {
				all = append(all, Refusal{Who: "the API server", Port: e.Port, Why: []string{
					"A webhook leads here, and the API server has no certificate of the mesh."}})
			}
		}
	}
	return all
}

// ruled are clients with a proxy whose calls of a port fail after the change and did not before.
func (c transition) ruled(server *model.Workload) []Refusal {
	var all []Refusal
	for _, d := range c.after.InFront(server.Namespace, server.Labels) {
		for _, port := range d.Declared {
			target, known := port.Target(server)
			if !known || !changes(c.ports, target) {
				continue
			}
			for _, client := range mesh.CallersOf(c.after, d) {
				for _, call := range c.after.CallsOf(client, d, port) {
					if why, fails := c.failsOnlyAfter(call, server); fails {
						all = append(all, Refusal{Who: clientName(client), Port: target, Why: []string{why}})
					}
				}
			}
		}
	}
	return all
}

func changes(ports []Effect, number int32) bool {
	return slices.ContainsFunc(ports, func(e Effect) bool { return e.Port == number && e.Before != e.After })
}

// failsOnlyAfter says why the call of the server's pods fails after the change, where it did not before.
func (c transition) failsOnlyAfter(call mesh.Call, server *model.Workload) (why string, fails bool) {
	then, reached := outcomeAt(c.after, call, server)
	if !reached || then.Kind != istio.Refused {
		return "", false
	}
	now, reached := outcomeAt(c.before, call, server)
	return then.Why, !reached || now.Kind != istio.Refused
}

// outcomeAt returns what becomes of the call at the server's pods; false: it does not reach them.
func outcomeAt(v *mesh.View, call mesh.Call, server *model.Workload) (mesh.Outcome, bool) {
	for _, o := range v.Outcomes(call) {
		if o.Server != nil && o.Server.Namespace == server.Namespace && o.Server.Example == server.Example {
			return o, true
		}
	}
	return mesh.Outcome{}, false
}

// clientName names the client; it stands for all of its namespace that no DestinationRule tells apart.
func clientName(client *model.Workload) string {
	if len(client.Pods) == 0 {
		return client.Namespace + "/" + client.Example
	}
	return client.Namespace + "/" + traffic.NameOf(client.Pods[0])
}
