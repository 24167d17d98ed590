package lint

import (
	"iter"
	"maps"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/effective"
	"github.com/meshtls/meshtls/internal/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// destination is a host that clients can call, as one object declares it.
type destination struct {
	model.Host
	// service is the Service that declares the host; nil: entry does.
	service *model.Service
	// entry is the ServiceEntry that declares the host; nil: service does.
	entry *istionetworkingv1.ServiceEntry
	// ports are what the object says of the ports, in its order.
	ports []destinationPort
}

// destinationPort is a port of a destination.
type destinationPort struct {
	number int32
	// protocol is in Istio's words; empty: Istio finds out by looking.
	protocol string
	// service is the Service's port, with its target; nil for a ServiceEntry's.
	service *model.ServicePort
	// entry is the ServiceEntry's port; nil for a Service's.
	entry *networkingapi.ServicePort
}

// ref names the object that declares the destination.
func (d *destination) ref() model.ObjectRef {
	if d.service != nil {
		return model.ObjectRef{Kind: model.KindService, Namespace: d.service.Namespace, Name: d.service.Name}
	}
	return ref(model.KindServiceEntry, d.entry)
}

// destinations are by host; names are the hosts, in order.
type destinations struct {
	byHost map[string][]*destination
	names  []string
}

func (v *view) indexDestinations() destinations {
	byHost := make(map[string][]*destination, len(v.Services))
	add := func(d *destination) { byHost[d.Name] = append(byHost[d.Name], d) }
	for i := range v.Services {
		add(ofService(&v.Services[i]))
	}
	for _, entry := range v.ServiceEntries {
		for _, host := range entry.Spec.GetHosts() {
			add(ofEntry(entry, host))
		}
	}
	return destinations{byHost: byHost, names: slices.Sorted(maps.Keys(byHost))}
}

func ofService(s *model.Service) *destination {
	d := &destination{
		Host:    model.Host{Name: hosts.OfService(s.Namespace, s.Name), Namespace: s.Namespace, External: s.External},
		service: s,
	}
	for i := range s.Ports {
		d.add(destinationPort{number: s.Ports[i].Port, protocol: s.Ports[i].Protocol, service: &s.Ports[i]})
	}
	return d
}

func ofEntry(entry *istionetworkingv1.ServiceEntry, host string) *destination {
	d := &destination{
		Host: model.Host{
			Name: host, Namespace: entry.Namespace,
			External: entry.Spec.GetLocation() == networkingapi.ServiceEntry_MESH_EXTERNAL,
		},
		entry: entry,
	}
	for _, p := range entry.Spec.GetPorts() {
		d.add(destinationPort{number: int32(p.GetNumber()), protocol: p.GetProtocol(), entry: p}) // #nosec G115 -- below 65536
	}
	return d
}

func (d *destination) add(p destinationPort) {
	d.ports = append(d.ports, p)
	d.Ports = append(d.Ports, p.number)
}

// called are the destinations that a host of a DestinationRule, qualified, stands for.
func (v *view) called(host string) []*destination {
	if !hosts.IsWildcard(host) {
		return v.destinations().byHost[host]
	}
	var covered []*destination
	for _, name := range v.destinations().names {
		if name == host || hosts.Covers(host, name) {
			covered = append(covered, v.destinations().byHost[name]...)
		}
	}
	return covered
}

// endpoint is a port of a pod that a destination's port leads to.
type endpoint struct {
	model.Workload
	port int32
}

// endpoints are where a port of the destination leads to, as far as these are pods.
func (v *view) endpoints(d *destination, port destinationPort) []endpoint {
	var all []endpoint
	for _, w := range v.backends(d) {
		if number, known := targetOf(w, port); known {
			all = append(all, endpoint{Workload: w, port: number})
		}
	}
	return all
}

// backends are the pods behind the destination.
func (v *view) backends(d *destination) []model.Workload {
	selector := entrySelector(d.entry)
	if d.service != nil {
		selector = d.service.Selector
	}
	if len(selector) == 0 {
		return nil
	}
	return v.selected(d.Namespace, selector)
}

// targetOf is the pod's port that the destination's port leads to.
func targetOf(w model.Workload, port destinationPort) (int32, bool) {
	if port.service == nil {
		if target := port.entry.GetTargetPort(); target != 0 {
			return int32(target), true // #nosec G115 -- below 65536
		}
		return port.number, true
	}
	if port.service.TargetPort.StrVal == "" {
		return port.service.TargetPort.IntVal, true
	}
	for _, declared := range w.Ports {
		if declared.Name == port.service.TargetPort.StrVal {
			return declared.Number, true
		}
	}
	return 0, false
}

// toward is the call of a port of the destination.
func (v *view) toward(d *destination, port destinationPort) effective.Destination {
	to := effective.Destination{Host: d.Host, Port: port.number, Protocol: port.protocol}
	if d.service != nil && d.service.Headless {
		to.Headless, to.Endpoints = true, v.backends(d)
	}
	return to
}

func entrySelector(entry *istionetworkingv1.ServiceEntry) map[string]string {
	if entry == nil {
		return nil
	}
	return entry.Spec.GetWorkloadSelector().GetLabels()
}

// servicesWhere are the destinations that Services of the kind declare.
func (v *view) servicesWhere(is func(*model.Service) bool) iter.Seq[*destination] {
	return func(yield func(*destination) bool) {
		for i := range v.Services {
			if s := &v.Services[i]; is(s) && !yield(ofService(s)) {
				return
			}
		}
	}
}
