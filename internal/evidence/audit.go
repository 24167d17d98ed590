package evidence

import (
	"maps"
	"slices"
)

// Envoy's words for what a dry-run policy would have done.
const (
	auditDenied  = "denied"
	auditAllowed = "allowed"
)

// addAudit adds what was counted at a port.
func addAudit(ports map[int32]*PortCount, port int32, result string, count int64) {
	if ports[port] == nil {
		ports[port] = &PortCount{Port: port}
	}
	switch result {
	case auditDenied:
		ports[port].Refusable += count
	case auditAllowed:
		ports[port].Mutual += count
	}
}

// auditOf orders the counts by port.
func auditOf(ports map[int32]*PortCount) []PortCount {
	var all []PortCount
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		all = append(all, *ports[port])
	}
	return all
}

// audited returns the port of a call that Strict would refuse, or its candidates, by what the audit policy counted: a request came to one
// of the HTTP ports where some were counted. Of a call that may have come before the policy did, and of TCP, where all ports have one
// count, it tells nothing.
func (t Target) audited(c Call, f facts) (port int32, candidates []int32) {
	const blurred = 2 // FirstSeen is that of a sample: the call was up to two steps before
	earliest := c.FirstSeen.Add(-blurred * historyStep(f.window.Length()))
	if !t.Audited || c.Port != 0 || c.Protocol == "tcp" || c.FirstSeen.IsZero() || earliest.Before(t.AuditedSince) {
		return c.Port, c.Candidates
	}
	var counted []int32
	for _, p := range f.audit {
		if p.Refusable > 0 && slices.Contains(c.Candidates, p.Port) {
			counted = append(counted, p.Port)
		}
	}
	switch len(counted) {
	case 0:
		return c.Port, c.Candidates
	case 1:
		return counted[0], nil
	default:
		return 0, counted
	}
}
