package mesh

import (
	"slices"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// keepsNumber reports whether the call arrives at the number of the Service's port, wherever that port leads: the client of a headless
// Service connects to a pod's address that it looked up. A gateway has a list of the endpoints instead, and a route's target is nothing
// that the client looked up.
// Source: istio pilot/pkg/networking/core/cluster.go, convertResolution.
func (c Call) keepsNumber() bool {
	s := c.Destination.Service
	return c.Via == nil && !c.Client.Gateway && s != nil && s.Headless
}

// arriving returns the endpoints with the ports at which the call arrives.
func (c Call) arriving(endpoints []destinations.Endpoint) []destinations.Endpoint {
	if !c.keepsNumber() {
		return endpoints
	}
	endpoints = slices.Clone(endpoints)
	for i := range endpoints {
		endpoints[i].Port = c.Number
	}
	return endpoints
}

// Arrivals returns where the connections of sidecars to a port of the destination arrive.
func (v *View) Arrivals(d *destinations.Destination, port destinations.Port) []destinations.Endpoint {
	return DirectCall(&model.Workload{}, d, port).arriving(v.Endpoints(d, port))
}

// readsBytes reports whether the server's proxy reads nothing as HTTP at the port at which the call arrives: no Service that leads there
// declares that.
func (v *View) readsBytes(c Call, server destinations.Endpoint) bool {
	if !c.keepsNumber() {
		return false
	}
	for _, d := range v.InFront(server.Namespace, server.Labels) {
		for _, port := range d.Declared {
			if target, known := port.Target(server.Workload); known && target == server.Port && istio.SpeaksHTTP(port.Protocol) {
				return false
			}
		}
	}
	return true
}
