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

// refused returns the callers whose calls fail after the change and did not before: those that traffic showed, then those that the
// configuration tells of.
func (p *Page) refused(after *Page, w named, ports []Effect, seen *evidence.Observation) (all []Refusal, doubt string) {
	all = []Refusal{}
	if becomes(ports, explain.AcceptsStrict) {
		all, doubt = p.seenRefused(ports, seen)
		all = append(all, p.outsiders(w, ports)...)
	}
	for _, server := range w.pods() {
		all = append(all, p.ruled(after, server, ports)...)
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
func (p *Page) seenRefused(ports []Effect, seen *evidence.Observation) ([]Refusal, string) {
	if seen == nil {
		return []Refusal{}, "Nothing looks at traffic, so callers without a proxy are not known: only what the configuration tells is listed."
	}
	all := []Refusal{}
	for _, c := range seen.Refusable {
		if !becomesStrict(ports, c.Port, c.Candidates) {
			continue
		}
		who := c.Client.String()
		if !c.Client.Known() {
			who = "a client without a name"
		}
		r := Refusal{Who: who, Port: c.Port, Why: traffic.Reasons(p.View(), c), Seen: true, Protocol: c.Protocol, Calls: c.Count}
		if !c.LastSeen.IsZero() {
			r.LastSeen = &c.LastSeen
		}
		all = append(all, r)
	}
	return all, seen.Doubt
}

// outsiders are callers that cannot have a proxy, at the ports that become Strict.
func (p *Page) outsiders(w named, ports []Effect) []Refusal {
	var all []Refusal
	for _, server := range w.pods() {
		for _, e := range ports {
			if e.Port == 0 || !becomesStrict(ports, e.Port, nil) {
				continue
			}
			one := *server
			one.Ports = []model.ContainerPort{{Number: e.Port}}
			if server.Scraped == e.Port {
				all = append(all, Refusal{Who: "Prometheus", Port: e.Port, Why: []string{fmt.Sprintf(
					"Annotations of the pods ask it to read port %d over plain HTTP.", e.Port)}})
			}
			if mesh.ForOutsiders(p.View(), &one, e.Port) && server.Scraped != e.Port {
				all = append(all, Refusal{Who: "the API server", Port: e.Port, Why: []string{
					"A webhook leads here, and the API server has no certificate of the mesh."}})
			}
		}
	}
	return all
}

// ruled are clients with a proxy whose calls of a port fail after the change and did not before.
func (p *Page) ruled(after *Page, server *model.Workload, ports []Effect) []Refusal {
	var all []Refusal
	then := after.View()
	for _, d := range then.InFront(server.Namespace, server.Labels) {
		for _, port := range d.Declared {
			target, known := port.Target(server)
			if !known || !changes(ports, target) {
				continue
			}
			for _, client := range mesh.CallersOf(then, d) {
				for _, call := range then.CallsOf(client, d, port) {
					if why, fails := failsOnlyAfter(p.View(), then, call, server); fails {
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
func failsOnlyAfter(before, after *mesh.View, call mesh.Call, server *model.Workload) (why string, fails bool) {
	at := func(v *mesh.View) (mesh.Outcome, bool) {
		for _, o := range v.Outcomes(call) {
			if o.Server != nil && o.Server.Namespace == server.Namespace && o.Server.Example == server.Example {
				return o, true
			}
		}
		return mesh.Outcome{}, false
	}
	then, reached := at(after)
	if !reached || then.Kind != istio.Refused {
		return "", false
	}
	now, reached := at(before)
	return then.Why, !reached || now.Kind != istio.Refused
}

// clientName names the client; it stands for all of its namespace that no DestinationRule tells apart.
func clientName(client *model.Workload) string {
	if len(client.Pods) == 0 {
		return client.Namespace + "/" + client.Example
	}
	return client.Namespace + "/" + traffic.NameOf(client.Pods[0])
}

// drained says which open connections end with the change: Envoy ends those of a filter chain that goes, and all of the listener where it
// is replaced.
func (p *Page) drained(w named, ports []Effect) []string {
	var changed []string
	whole := false
	for _, e := range ports {
		if e.Before == e.After {
			continue
		}
		if e.Port == 0 || !p.declaresProtocol(w, e.Port) {
			whole = true
			continue
		}
		changed = append(changed, fmt.Sprint(e.Port))
	}
	pods := w.line().Pods
	switch {
	case !w.sidecars():
		return nil
	case whole:
		return []string{fmt.Sprintf("Every open connection to %s ends within 45 seconds, and clients connect anew: "+
			"the sidecar replaces its whole inbound listener.", counted(pods))}
	case len(changed) > 0:
		return []string{fmt.Sprintf("Open connections to port %s of %s end within 45 seconds, and clients connect anew. "+
			"Other ports keep theirs.", strings.Join(changed, ", "), counted(pods))}
	default:
		return nil
	}
}

// counted names the pods.
func counted(pods int) string {
	if pods == 1 {
		return "the pod"
	}
	return fmt.Sprintf("the %d pods", pods)
}

// declaresProtocol reports whether the port is declared to carry something, so that the sidecar need not look.
func (p *Page) declaresProtocol(w named, number int32) bool {
	ports := p.View().ServicePorts(w.pods()...)
	return slices.ContainsFunc(ports, func(s mesh.ServicePort) bool { return s.Target == number && s.Protocol != "" })
}

// sidecars reports whether some of the pods have a sidecar.
func (n named) sidecars() bool {
	return slices.ContainsFunc(n.taken, func(t explain.Taken) bool { return t.Proxy == explain.ProxySidecar })
}
