package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// security is what a server's proxy says of a connection.
type security string

// mutualTLS is Istio's word. Whatever else is there, none or unknown, is not mutual TLS of the mesh.
const mutualTLS security = "mutual_tls"

// counted is a call as the metrics have it, with its security. An empty one is a label that somebody took away.
type counted struct {
	Call
	security security
	// label is the value of destination_port, which a Telemetry may add.
	label string
}

// facts are all that a source found about a target.
type facts struct {
	source string
	// window is what the source could look back on; zero: nothing.
	window    Window
	calls     []counted
	reporting int
	audit     []PortCount
	// doubts are the source's own.
	doubts []string
}

// judge makes an observation of the facts.
func judge(t Target, f facts) Observation {
	o := Observation{
		Source: f.source, Window: f.window, Audit: f.audit,
		Coverage: Coverage{Pods: len(t.Pods), Reporting: f.reporting},
	}
	for _, c := range f.calls {
		o.Coverage.Requests += c.Count
		c.Port, c.Candidates = portOf(t, c)
		if c.security == mutualTLS {
			o.Coverage.MutualTLS += c.Count
			o.Mutual = append(o.Mutual, c.Call)
			continue
		}
		c.Port, c.Candidates = t.audited(c.Call, f)
		o.Refusable = append(o.Refusable, c.Call)
	}
	o.Refusable, o.Mutual = merged(o.Refusable), merged(o.Mutual)
	o.Doubt = sentences(append(slices.Clone(f.doubts), doubts(t, f, o)...)...)
	o.Outcome = outcomeOf(o)
	return o
}

// noPods is the doubt about a target that nobody reports on.
const noPods = "No ready pod of the target has a proxy."

// doubts returns the reasons not to conclude anything from what was not seen.
func doubts(t Target, f facts, o Observation) []string {
	switch {
	case len(t.Pods) == 0:
		return []string{noPods}
	case slices.ContainsFunc(f.calls, func(c counted) bool { return c.security == "" }):
		return []string{"The metrics lack the label connection_security_policy: a Telemetry of Istio has taken it away."}
	case f.reporting < len(t.Pods):
		return []string{fmt.Sprintf("No metrics come from %d of %d ready pods with a proxy.", len(t.Pods)-f.reporting, len(t.Pods))}
	case o.Coverage.Requests == 0:
		return []string{"No call of the target is recorded in the window: nobody called, or Istio's metrics are off for it."}
	}
	return nil
}

// portOf finds the port that was called; where that is not decided, those that it may have been.
func portOf(t Target, c counted) (port int32, candidates []int32) {
	var labelled int32
	if _, err := fmt.Sscanf(c.label, "%d", &labelled); err == nil && labelled > 0 {
		return labelled, nil
	}
	for _, p := range t.Ports {
		if p.carries(c.Protocol) && p.behind(c.Service) {
			candidates = append(candidates, p.Number)
		}
	}
	switch {
	case len(candidates) == 1:
		return candidates[0], nil
	case len(candidates) == 0 && len(t.Ports) == 1:
		return t.Ports[0].Number, nil
	case len(candidates) == 0:
		for _, p := range t.Ports {
			candidates = append(candidates, p.Number)
		}
	}
	return 0, candidates
}

// carries reports whether a call that the proxy saw as http, grpc or tcp may have come to the port. Of a port without a declared
// protocol, and of ztunnel, which sees tcp alone, nothing follows.
func (p Port) carries(protocol string) bool {
	http := strings.HasPrefix(p.Protocol, "HTTP") || strings.HasPrefix(p.Protocol, "GRPC")
	switch {
	case p.Protocol == "", http:
		return true
	default:
		return protocol != "http" && protocol != "grpc"
	}
}

// behind reports whether a call of the Service may have come to the port. A proxy names the first of the Services of a port.
func (p Port) behind(service string) bool {
	return service == "" || service == "unknown" || len(p.Services) == 0 || slices.Contains(p.Services, service)
}

// key returns what makes two calls the same.
func (c Call) key() string {
	return strings.Join([]string{c.Client.String(), c.Principal, c.Server.String(), c.Service, c.Protocol,
		fmt.Sprint(c.Port, c.Candidates)}, "\n")
}

// merged adds up the calls that are the same, and orders them: the latest first, then by client, server and port.
func merged(calls []Call) []Call {
	at := map[string]int{}
	var all []Call
	for _, c := range calls {
		if first, known := at[c.key()]; known {
			all[first] = all[first].plus(c)
			continue
		}
		at[c.key()] = len(all)
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Call) int {
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), strings.Compare(a.key(), b.key()))
	})
	return all
}

func (c Call) plus(other Call) Call {
	c.Count += other.Count
	c.Open, c.Undated = c.Open || other.Open, c.Undated && other.Undated
	c.FirstSeen = earlier(c.FirstSeen, other.FirstSeen)
	if other.LastSeen.After(c.LastSeen) {
		c.LastSeen = other.LastSeen
	}
	return c
}

// earlier returns the first of two times; one that is zero is not known.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// callOf reads the labels of a series.
func callOf(labels func(string) string) counted {
	return counted{
		Call: Call{
			Client:    workloadOf(labels("source_workload_namespace"), labels("source_workload")),
			Principal: known(labels("source_principal")),
			Server:    workloadOf(labels("destination_workload_namespace"), labels("destination_workload")),
			Service:   known(labels("destination_service_name")),
			Protocol:  labels("request_protocol"),
		},
		security: security(labels("connection_security_policy")),
		label:    labels("destination_port"),
	}
}

func workloadOf(namespace, name string) Workload {
	if known(name) == "" {
		return Workload{}
	}
	return Workload{Namespace: known(namespace), Name: name}
}

// known is empty for what Istio calls unknown.
func known(label string) string {
	if label == "unknown" {
		return ""
	}
	return label
}
