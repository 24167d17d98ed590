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
