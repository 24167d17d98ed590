package evidence

import (
	"context"
	"strings"
	"time"
)

// Source answers what the calls of a mesh are.
type Source interface {
	// Refusable finds the calls of the target in the window that Strict would refuse. Errors of the source are Unknown.
	Refusable(ctx context.Context, t Target, w Window) Observation
	// Refused finds the calls of the target in the window that Strict did refuse.
	Refused(ctx context.Context, t Target, w Window) Refusals
	// Edges finds who calls whom in the window.
	Edges(ctx context.Context, s Scope, w Window) ([]Edge, error)
}

// Window is a stretch of time.
type Window struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Last returns the window of the length that ends at the time.
func Last(length time.Duration, to time.Time) Window { return Window{From: to.Add(-length), To: to} }

// Length returns the window's.
func (w Window) Length() time.Duration { return w.To.Sub(w.From) }

// Workload names what pods belong to as the metrics do: by namespace and, most often, Deployment. The zero value is not known.
type Workload struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
}

// Known reports whether there is a name.
func (w Workload) Known() bool { return w.Name != "" }

// String is namespace/name, or unknown.
func (w Workload) String() string {
	if !w.Known() {
		return "unknown"
	}
	return w.Namespace + "/" + w.Name
}

// Target is whose calls are asked for.
type Target struct {
	// Namespace is the target's; empty: the whole mesh.
	Namespace string
	// Workloads are those of the namespace; empty: all of it.
	Workloads []string
	// Pods are the ready ones that have a proxy.
	Pods []Pod
	// Ports are those that would be Strict.
	Ports []Port
	// Audited says that an audit policy counts what Strict would refuse, at each port, and AuditedSince since when it does.
	Audited      bool
	AuditedSince time.Time
}

// Pod is a pod with the proxy that reports its calls.
type Pod struct {
	Namespace, Name string
	// Since is when it became ready.
	Since time.Time
	Proxy Proxy
}

// Proxy is where metrics come from: the pod itself, or in ambient mode the ztunnel of its node.
type Proxy struct {
	Namespace, Name, IP string
	Ztunnel             bool
}

// Port is a port of the target's pods.
type Port struct {
	Number int32
	// Protocol is what it is declared to carry, in Istio's words; empty: Istio finds out by looking.
	Protocol string
	// Services are the names of the Services in front of it.
	Services []string
}

// Outcome is what is known of a target.
type Outcome string

const (
	// Clean: every call that was seen is mutual TLS of the mesh.
	Clean Outcome = "Clean"
	// Found: Strict would refuse calls.
	Found Outcome = "Found"
	// Unknown: neither can be said.
	Unknown Outcome = "Unknown"
)

// Observation is what a source says of a target.
type Observation struct {
	Outcome Outcome `json:"outcome"`
	// Doubt says, as full sentences, why nothing follows from what was not seen. Without a doubt it is empty.
	Doubt string `json:"doubt,omitempty"`
	// Source is where it comes from.
	Source string `json:"source"`
	// Window is what the source could look back on, at most what was asked for.
	Window   Window   `json:"window"`
	Coverage Coverage `json:"coverage"`
	// Refusable are the calls that Strict would refuse, the latest first.
	Refusable []Call `json:"refusable,omitempty"`
	// Mutual are the calls with mutual TLS of the mesh.
	Mutual []Call `json:"mutualTLS,omitempty"`
	// Audit is what the audit policy counted, by port.
	Audit []PortCount `json:"audit,omitempty"`
}

// Coverage says how much of the target was seen.
type Coverage struct {
	// Pods are the ready ones with a proxy, and Reporting those whose proxy the source hears.
	Pods      int `json:"pods"`
	Reporting int `json:"reporting"`
	// Requests are all calls, requests and connections together, and MutualTLS those with mutual TLS of the mesh.
	Requests  int64 `json:"requests"`
	MutualTLS int64 `json:"mutualTLS"`
}

// Call is what a client did to a server within a window.
type Call struct {
	Client Workload `json:"client,omitzero"`
	// Principal is the identity that the client showed; empty: none.
	Principal string   `json:"principal,omitempty"`
	Server    Workload `json:"server"`
	// Service is the name of the Service that was called, as far as the proxy knows.
	Service string `json:"service,omitempty"`
	// Protocol is http, grpc or tcp.
	Protocol string `json:"protocol,omitempty"`
	// Port is the one that was called; zero: one of Candidates.
	Port       int32   `json:"port,omitempty"`
	Candidates []int32 `json:"candidates,omitempty"`
	// Count is the number of requests, or of connections. An open connection of before the window counts as one.
	Count int64 `json:"count"`
	// FirstSeen and LastSeen are when the count grew, to within a few minutes; zero: it is not known.
	FirstSeen time.Time `json:"firstSeen,omitzero"`
	LastSeen  time.Time `json:"lastSeen,omitzero"`
	// Undated says that all of it came before the source began to look.
	Undated bool `json:"undated,omitempty"`
	// Open says that connections, or streams, are open at the end of the window.
	Open bool `json:"open,omitempty"`
	// Why says, as full sentences, why the client's call is what it is, as far as the mesh's configuration tells.
	Why []string `json:"why,omitempty"`
}

// PortCount is what the audit policy counted at a port; port zero is all TCP ports together.
type PortCount struct {
	Port      int32 `json:"port,omitempty"`
	Refusable int64 `json:"refusable"`
	Mutual    int64 `json:"mutualTLS"`
}

// Refusals are the calls that Strict refused.
type Refusals struct {
	// Visible says that a refusal would be seen: ztunnel counts them, a sidecar only where its statistics are told to.
	Visible bool `json:"visible"`
	// Doubt says, as a full sentence, why nothing follows from seeing none.
	Doubt string `json:"doubt,omitempty"`
	// Count is their number, and Calls are those whose client is known to the proxy.
	Count int64  `json:"count"`
	Calls []Call `json:"calls,omitempty"`
}

// Without returns the observation without the refusable calls that the function picks. Its outcome is judged again.
func (o Observation) Without(ignored func(Call) bool) Observation {
	var left []Call
	for _, c := range o.Refusable {
		if !ignored(c) {
			left = append(left, c)
		}
	}
	o.Refusable = left
	o.Outcome = outcomeOf(o)
	return o
}

// unknown returns what a source says that cannot answer.
func unknown(source, why string) Observation {
	return Observation{Outcome: Unknown, Doubt: why, Source: source}
}

func outcomeOf(o Observation) Outcome {
	switch {
	case len(o.Refusable) > 0:
		return Found
	case o.Doubt != "":
		return Unknown
	default:
		return Clean
	}
}

// sentences joins full sentences; empty ones are left out.
func sentences(all ...string) string {
	var kept []string
	for _, s := range all {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, " ")
}
