package screens

import (
	"cmp"
	"slices"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
)

// Lock is what an arrow of the map is.
type Lock string

// The six locks.
const (
	// LockAll: every call that was seen is mutual TLS of the mesh.
	LockAll Lock = "all"
	// LockMixed: some are.
	LockMixed Lock = "mixed"
	// LockNone: none is.
	LockNone Lock = "none"
	// LockUnknown: the metrics do not say.
	LockUnknown Lock = "unknown"
	// LockAllowed: the configuration names the pair, and no traffic was seen.
	LockAllowed Lock = "allowed"
	// LockRefused: calls of this kind are refused now.
	LockRefused Lock = "refused"
)

// Edge is who calls whom, or who may.
type Edge struct {
	// From and To are places in the list of workloads; From is -1 for clients without a name.
	From int  `json:"from"`
	To   int  `json:"to"`
	Lock Lock `json:"lock"`
	// Requests and Connections are counts with mutual TLS, and of all. The two are never added up.
	Requests    *Count `json:"requests,omitempty"`
	Connections *Count `json:"connections,omitempty"`
	// LastSeen is when a call was last seen that is not mutual TLS.
	LastSeen *time.Time `json:"lastSeen,omitempty"`
}

// Count counts calls.
type Count struct {
	MutualTLS int64 `json:"mtls"`
	Total     int64 `json:"total"`
}

// ends are the places of a client and a server.
type ends struct{ from, to int }

// edges returns the edges of the traffic, then those that the configuration names.
func (p *Page) edges(t Traffic) []Edge {
	at := map[ends]*Edge{}
	for _, seen := range t.Edges {
		to, known := p.byID[seen.Server]
		if !known {
			continue // the workload is gone
		}
		from, known := p.byID[seen.Client]
		if !known {
			from = -1
		}
		key := ends{from, to}
		if at[key] == nil {
			at[key] = &Edge{From: from, To: to, Lock: LockAll}
		}
		at[key].add(seen)
	}
	for key, edge := range at {
		edge.Lock = p.now(edge, p.workloads[key.to])
	}
	for key, lock := range p.configured() {
		if at[key] == nil {
			at[key] = &Edge{From: key.from, To: key.to, Lock: lock}
		}
	}
	edges := make([]Edge, 0, len(at))
	for _, edge := range at {
		edges = append(edges, *edge)
	}
	slices.SortFunc(edges, func(a, b Edge) int { return cmp.Or(a.From-b.From, a.To-b.To) })
	return edges
}

// add adds what was seen between the two with one protocol.
func (e *Edge) add(seen evidence.Edge) {
	count := &e.Requests
	if seen.Protocol == "tcp" {
		count = &e.Connections
	}
	if *count == nil {
		*count = &Count{}
	}
	(*count).MutualTLS += seen.MutualTLS
	(*count).Total += seen.Total
	if seen.Lock == evidence.LockUnknown {
		e.Lock = LockUnknown
	}
	if last := seen.LastSeen; !last.IsZero() && (e.LastSeen == nil || last.After(*e.LastSeen)) {
		e.LastSeen = &last
	}
}

// now returns the lock of what was seen, as the server's ports are now: what is not mutual TLS is refused where all are Strict.
func (p *Page) now(e *Edge, server named) Lock {
	var mutual, total int64
	for _, c := range []*Count{e.Requests, e.Connections} {
		if c != nil {
			mutual, total = mutual+c.MutualTLS, total+c.Total
		}
	}
	switch {
	case e.Lock == LockUnknown:
		return LockUnknown
	case mutual == total:
		return LockAll
	case server.onlyStrict():
		return LockRefused
	case mutual == 0:
		return LockNone
	default:
		return LockMixed
	}
}

// onlyStrict reports whether every known port takes mutual TLS only.
func (n named) onlyStrict() bool {
	line := n.line()
	return len(line.Ports) > 0 && !slices.ContainsFunc(line.Ports, func(port Port) bool { return port.Accepts != explain.AcceptsStrict })
}

// configured returns the pairs that the configuration names one by one: a gateway whose routes lead to a server, and a service account that
// an AuthorizationPolicy lets in.
func (p *Page) configured() map[ends]Lock {
	pairs := map[ends]Lock{}
	for from, client := range p.workloads {
		for _, taken := range client.taken {
			if taken.Proxy != explain.ProxyGateway {
				continue
			}
			for _, call := range p.View().GatewayCalls(taken.Pods) {
				p.addCall(pairs, from, call)
			}
		}
	}
	p.addPrincipals(pairs)
	return pairs
}

func (p *Page) addCall(pairs map[ends]Lock, from int, call mesh.Call) {
	for _, o := range p.View().Outcomes(call) {
		if o.Server == nil {
			continue
		}
		for name := range namesOf(o.Server.Workload) {
			if to, known := p.byID[workloadID(o.Server.Workload, name)]; known {
				pairs[ends{from, to}] = worse(pairs[ends{from, to}], o.Kind)
			}
		}
	}
}

// worse returns the lock of a pair without traffic, another call of which ends as said.
func worse(lock Lock, kind istio.Kind) Lock {
	if lock == LockRefused || kind == istio.Refused {
		return LockRefused
	}
	return LockAllowed
}
