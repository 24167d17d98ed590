package destinations

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// Index finds destinations by host.
type Index struct {
	byHost map[string][]*Destination
	hosts  []string
	domain hosts.Domain
	// aliases are the hosts that the names of ExternalName Services stand for.
	aliases map[string]Alias
}

// Alias is the name of an ExternalName Service.
type Alias struct {
	Service *model.Service
	// Host is what it stands for, followed through other aliases; empty: they lead in a circle.
	Host string
}

// NewIndex indexes what the Services and the ServiceEntries declare. It points to the Services.
func NewIndex(mesh model.Inventory) Index {
	domain := hosts.Domain(mesh.Mesh.ClusterDomain)
	index := Index{
		byHost: make(map[string][]*Destination, len(mesh.Services)), domain: domain, aliases: aliasesOf(domain, mesh.Services),
	}
	add := func(d *Destination) {
		if len(d.exportTo) == 0 {
			d.exportTo = mesh.Mesh.DefaultServiceExportTo
		}
		index.byHost[d.Name] = append(index.byHost[d.Name], d)
	}
	for i := range mesh.Services {
		if !mesh.Services[i].External {
			add(OfService(domain, &mesh.Services[i]))
		}
	}
	for _, entry := range mesh.ServiceEntries {
		for _, host := range entry.Spec.GetHosts() {
			add(OfEntry(entry, host))
		}
	}
	index.hosts = slices.Sorted(maps.Keys(index.byHost))
	return index
}

// aliasesOf follows the ExternalName Services. Istio makes no cluster of them: where the name stands for a host that it knows, it is that
// host, and else it is not known at all.
// Source: istio pilot/pkg/model/push_context.go, resolveServiceAliases; pilot/pkg/networking/core/cluster.go, buildOutboundClusters.
func aliasesOf(domain hosts.Domain, services []model.Service) map[string]Alias {
	aliases := map[string]Alias{}
	for i := range services {
		if s := &services[i]; s.External {
			aliases[domain.OfService(s.Namespace, s.Name)] = Alias{Service: s, Host: s.ExternalName}
		}
	}
	followed := make(map[string]Alias, len(aliases))
	for name, alias := range aliases {
		seen := map[string]bool{name: true}
		for next, more := aliases[alias.Host]; more; next, more = aliases[alias.Host] {
			if seen[alias.Host] {
				alias.Host = ""
				break
			}
			seen[alias.Host] = true
			alias.Host = next.Host
		}
		followed[name] = alias
	}
	return followed
}

// Alias finds the alias of the name.
func (i Index) Alias(name string) (Alias, bool) {
	alias, known := i.aliases[name]
	return alias, known
}

// Aliases returns the names of ExternalName Services, in order.
func (i Index) Aliases() []string { return slices.Sorted(maps.Keys(i.aliases)) }

// Hosts returns the names that are declared, in order. The list is not the caller's to change.
func (i Index) Hosts() []string { return i.hosts }

// All returns the destinations, in the order of their hosts; those of one host as they were indexed.
func (i Index) All() []*Destination {
	var all []*Destination
	for _, host := range i.hosts {
		all = append(all, i.byHost[host]...)
	}
	return all
}

// DeclaredBy returns what the Service declares.
func (i Index) DeclaredBy(s *model.Service) *Destination {
	for _, d := range i.byHost[i.domain.OfService(s.Namespace, s.Name)] {
		if d.Service == s {
			return d
		}
	}
	return OfService(i.domain, s)
}

// Of returns the declarations of the very host.
func (i Index) Of(host string) []*Destination { return i.byHost[host] }

// Under returns the destinations that a host of a DestinationRule, qualified, stands for: those of the host, or of all that a wildcard
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

// Visible returns the declarations of the host, or of that which it is an alias of, that clients of a namespace see, that which counts
// first: the namespace's own, then a Service's, then one that names the namespace in its exportTo, then the oldest.
// Source: istio pilot/pkg/model/sidecar.go, selectServices; pilot/pkg/model/push_context.go, servicesExportedToNamespace and
// SortServicesByCreationTime.
func (i Index) Visible(host, client string) []*Destination {
	all := i.VisibleToGateways(host, client)
	slices.SortStableFunc(all, func(a, b *Destination) int { return rank(a.Namespace != client) - rank(b.Namespace != client) })
	return all
}

// VisibleToGateways returns the destinations that gateways of the namespace see. They do not prefer what their own namespace declares.
// Source: istio pilot/pkg/model/sidecar.go, DefaultSidecarScopeForGateway and appendSidecarServices.
func (i Index) VisibleToGateways(host, client string) []*Destination {
	if alias, is := i.aliases[host]; is {
		host = alias.Host
	}
	var all []*Destination
	for _, d := range i.byHost[host] {
		if d.ExportedTo(client) {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b *Destination) int {
		return cmp.Or(rank(a.Service == nil)-rank(b.Service == nil), rank(a.public())-rank(b.public()),
			a.created().Compare(b.created().Time), strings.Compare(a.Namespace, b.Namespace))
	})
	return all
}

// SeenBy returns the hosts that clients of the namespace see, by name; those of one name with the namespace's own first. Declarations
// of one host in one namespace are one, with the ports of all.
func (i Index) SeenBy(client string) []model.Host {
	var seen []model.Host
	for _, host := range i.hosts {
		first := len(seen)
		for _, d := range i.Visible(host, client) {
			seen = addHost(seen, first, d.Host)
		}
	}
	return seen
}

// KnownTo returns the hosts that clients of the namespace see, by name: of several declarations of one name the first counts, as
// SeenBy orders them.
func (i Index) KnownTo(client string) map[string]model.Host {
	known := make(map[string]model.Host, len(i.hosts))
	for _, h := range i.SeenBy(client) {
		if _, taken := known[h.Name]; !taken {
			known[h.Name] = h
		}
	}
	return known
}

// addHost adds the host to those of the same name, which begin at first.
func addHost(seen []model.Host, first int, h model.Host) []model.Host {
	same := func(known model.Host) bool { return known.Namespace == h.Namespace && known.External == h.External }
	at := slices.IndexFunc(seen[first:], same)
	if at < 0 {
		h.Ports = slices.Compact(slices.Sorted(slices.Values(h.Ports)))
		return append(seen, h)
	}
	known := &seen[first+at]
	known.Ports = slices.Compact(slices.Sorted(slices.Values(slices.Concat(known.Ports, h.Ports))))
	return seen
}

func rank(last bool) int {
	if last {
		return 1
	}
	return 0
}
