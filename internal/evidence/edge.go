package evidence

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Scope is a part of the mesh: the servers of a namespace; empty: all.
type Scope struct{ Namespace string }

// Edge is who called whom.
type Edge struct {
	Client Workload `json:"client,omitzero"`
	Server Workload `json:"server"`
	// Protocol is what was counted: http and grpc are requests, tcp connections. The two are never added up.
	Protocol string `json:"protocol,omitempty"`
	// MutualTLS and Total are counts of the window.
	MutualTLS int64 `json:"mutualTLS"`
	Total     int64 `json:"total"`
	// LastSeen is when a call was last seen that was not mutual TLS.
	LastSeen time.Time `json:"lastSeen,omitzero"`
	Lock     Lock      `json:"lock"`
	// Why is that of the calls which are not mutual TLS.
	Why []string `json:"why,omitempty"`
}

// Lock is what an edge is.
type Lock string

const (
	// LockAll: every call is mutual TLS of the mesh.
	LockAll Lock = "AllMutualTLS"
	// LockMixed: some are.
	LockMixed Lock = "Mixed"
	// LockNone: none is.
	LockNone Lock = "NotMutualTLS"
	// LockUnknown: the metrics do not say.
	LockUnknown Lock = "Unknown"
)

// edgesOf adds up calls by client, server and protocol.
func edgesOf(calls []counted) []Edge {
	type ends struct {
		client, server Workload
		protocol       string
	}
	at := map[ends]int{}
	var edges []Edge
	unsaid := map[int]bool{}
	for _, c := range calls {
		between := ends{client: c.Client, server: c.Server, protocol: c.Protocol}
		i, known := at[between]
		if !known {
			i = len(edges)
			at[between] = i
			edges = append(edges, Edge{Client: c.Client, Server: c.Server, Protocol: c.Protocol})
		}
		edges[i] = edges[i].plus(c)
		unsaid[i] = unsaid[i] || c.security == ""
	}
	for i := range edges {
		edges[i].Lock = lockOf(edges[i], unsaid[i])
	}
	slices.SortFunc(edges, byEnds)
	return edges
}

func (e Edge) plus(c counted) Edge {
	e.Total += c.Count
	if c.security == mutualTLS {
		e.MutualTLS += c.Count
		return e
	}
	if c.LastSeen.After(e.LastSeen) {
		e.LastSeen = c.LastSeen
	}
	return e
}

func lockOf(e Edge, unsaid bool) Lock {
	switch {
	case unsaid:
		return LockUnknown
	case e.MutualTLS == e.Total:
		return LockAll
	case e.MutualTLS == 0:
		return LockNone
	default:
		return LockMixed
	}
}

func byEnds(a, b Edge) int {
	return cmp.Or(strings.Compare(a.Server.String(), b.Server.String()), strings.Compare(a.Client.String(), b.Client.String()),
		strings.Compare(a.Protocol, b.Protocol))
}
