package destinations

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// Index finds destinations by host.
type Index struct {
	byHost map[string][]*Destination
	hosts  []string
}

// NewIndex indexes what the Services and the ServiceEntries declare. It points to the Services.
func NewIndex(services []model.Service, entries []*istionetworkingv1.ServiceEntry) Index {
	index := Index{byHost: make(map[string][]*Destination, len(services))}
	for i := range services {
		index.add(OfService(&services[i]))
	}
	for _, entry := range entries {
		for _, host := range entry.Spec.GetHosts() {
			index.add(OfEntry(entry, host))
		}
	}
	index.hosts = slices.Sorted(maps.Keys(index.byHost))
	return index
}

func (i Index) add(d *Destination) { i.byHost[d.Name] = append(i.byHost[d.Name], d) }

// Hosts are the names that are declared, in order. The list is not the caller's to change.
func (i Index) Hosts() []string { return i.hosts }

// All are the destinations, in the order of their hosts; those of one host as they were indexed.
func (i Index) All() []*Destination {
	var all []*Destination
	for _, host := range i.hosts {
		all = append(all, i.byHost[host]...)
	}
	return all
}

// Of are the declarations of the very host.
func (i Index) Of(host string) []*Destination { return i.byHost[host] }

// Under are the destinations that a host of a DestinationRule, qualified, stands for: those of the host, or of all that a wildcard
// covers.
func (i Index) Under(host string) []*Destination {
	if !hosts.IsWildcard(host) {
		return i.byHost[host]
	}
	var covered []*Destination
	for _, name := range i.hosts {
		if name == host || hosts.Covers(host, name) {
			covered = append(covered, i.byHost[name]...)
		}
	}
	return covered
}

// Visible are the declarations of the host that clients of a namespace see, that which counts first: the namespace's own, then a
// Service's.
func (i Index) Visible(host, client string) []*Destination {
	var all []*Destination
	for _, d := range i.byHost[host] {
		if d.ExportedTo(client) {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b *Destination) int {
		return cmp.Or(rank(a.Namespace != client)-rank(b.Namespace != client), rank(a.Service == nil)-rank(b.Service == nil),
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
