package explain

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/effective"
	"github.com/meshtls/meshtls/internal/hosts"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/pods"
)

// destination is a host that can be called, as one object declares it.
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

func (v *view) indexDestinations() {
	for i := range v.mesh.Services {
		v.addDestination(ofService(&v.mesh.Services[i]))
	}
	for _, entry := range v.mesh.ServiceEntries {
		for _, host := range entry.Spec.GetHosts() {
			v.addDestination(ofEntry(entry, host))
		}
	}
	v.hosts = slices.Sorted(maps.Keys(v.destinations))
}

func (v *view) addDestination(d *destination) {
	v.destinations[d.Name] = append(v.destinations[d.Name], d)
}

func ofService(s *model.Service) *destination {
	d := &destination{
		Host:    model.Host{Name: hosts.OfService(s.Namespace, s.Name), Namespace: s.Namespace, External: s.External},
		service: s,
	}
	for i := range s.Ports {
		d.ports = append(d.ports, destinationPort{number: s.Ports[i].Port, protocol: s.Ports[i].Protocol, service: &s.Ports[i]})
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
		number := int32(p.GetNumber()) // #nosec G115 -- below 65536
		d.ports = append(d.ports, destinationPort{number: number, protocol: p.GetProtocol(), entry: p})
	}
	return d
}

// declaration names the object that declares the destination.
func (d *destination) declaration() *Declaration {
	if d.service != nil {
		return &Declaration{Kind: model.KindService, Namespace: d.service.Namespace, Name: d.service.Name}
	}
	return &Declaration{Kind: model.KindServiceEntry, Namespace: d.entry.Namespace, Name: d.entry.Name}
}

func (d *destination) selector() map[string]string {
	if d.service != nil {
		return d.service.Selector
	}
	return d.entry.Spec.GetWorkloadSelector().GetLabels()
}

func (d *destination) selects(w model.Workload) bool {
	return len(d.selector()) > 0 && w.Namespace == d.Namespace && pods.Matches(d.selector(), w.Labels)
}

// port finds a port by number.
func (d *destination) port(number int32) (destinationPort, bool) {
	for _, p := range d.ports {
		if p.number == number {
			return p, true
		}
	}
	return destinationPort{}, false
}

// targetOn is the pods' port that the destination's port leads to.
func (p destinationPort) targetOn(w model.Workload) (int32, bool) {
	if p.service == nil {
		if target := p.entry.GetTargetPort(); target != 0 {
			return int32(target), true // #nosec G115 -- below 65536
		}
		return p.number, true
	}
	if p.service.TargetPort.StrVal == "" {
		return p.service.TargetPort.IntVal, true
	}
	for _, declared := range w.Ports {
		if declared.Name == p.service.TargetPort.StrVal {
			return declared.Number, true
		}
	}
	return 0, false
}

// destinationsIn are those that the namespace's Services and ServiceEntries declare, in order.
func (v *view) destinationsIn(namespace string) []*destination {
	var all []*destination
	for _, host := range v.hosts {
		for _, d := range v.destinations[host] {
			if d.Namespace == namespace {
				all = append(all, d)
			}
		}
	}
	return all
}

// visible are the declarations of the host that a client's namespace sees, that which counts first: the namespace's own, then a
// Service's.
func (v *view) visible(host, client string) []*destination {
	var all []*destination
	for _, d := range v.destinations[host] {
		if d.exportedTo(client) {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b *destination) int {
		return cmp.Or(rank(a.Namespace != client)-rank(b.Namespace != client), rank(a.service == nil)-rank(b.service == nil),
			strings.Compare(a.Namespace, b.Namespace))
	})
	return all
}

func rank(last bool) int {
	if last {
		return 1
	}
	return 0
}

// exportedTo says whether a namespace's clients see the destination, as far as the ServiceEntry says it itself.
func (d *destination) exportedTo(namespace string) bool {
	if d.entry == nil {
		return true
	}
	exportTo := d.entry.Spec.GetExportTo()
	return len(exportTo) == 0 || slices.Contains(exportTo, "*") || slices.Contains(exportTo, namespace) ||
		slices.Contains(exportTo, ".") && d.Namespace == namespace
}

// backends are the pods and machines behind the destination.
func (v *view) backends(d *destination) []model.Workload {
	return slices.Concat(v.selected(d.Namespace, d.selector()), v.machines(d))
}

// toward is the call of a port of the destination.
func (v *view) toward(d *destination, port destinationPort) effective.Destination {
	to := effective.Destination{Host: d.Host, Port: port.number, Protocol: port.protocol}
	if d.service != nil && d.service.Headless {
		to.Headless, to.Endpoints = true, v.backends(d)
	}
	return to
}
