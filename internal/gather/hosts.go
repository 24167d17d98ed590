package gather

import (
	"context"
	"maps"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// annotationExportTo, on a Service, names the namespaces that see it, comma-separated, as a ServiceEntry's exportTo does.
const annotationExportTo = "networking.istio.io/exportTo"

// readHosts reads the destinations that the policies send to: the Services and ServiceEntries of any namespace that declare them.
func (g *gathering) readHosts(ctx context.Context, s *model.Snapshot) error {
	found := newDeclarations()
	for _, host := range sentHosts(s) {
		if err := g.findServices(ctx, host, found); err != nil {
			return err
		}
		if err := g.findServiceEntries(ctx, host, found); err != nil {
			return err
		}
	}
	s.Hosts = found.inOrder()
	s.Beside.Services = found.services()
	s.Beside.ServiceEntries = byName(slices.Collect(maps.Values(found.entries)))
	return nil
}

// sentHosts are the hosts that the policies send to, qualified, each once.
func sentHosts(s *model.Snapshot) []string {
	var all []string
	for _, policy := range s.Policies {
		all = append(all, SendHosts(policy)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// findServices finds the Services that the host means. A wildcard wider than one namespace means the whole cluster's.
func (g *gathering) findServices(ctx context.Context, host string, found declarations) error {
	if namespace, name, ok := hosts.Service(host); ok {
		var service corev1.Service
		exists, err := g.get(ctx, namespace, name, &service)
		if exists {
			g.addService(&service, found)
		}
		return err
	}
	namespace, one := hosts.ServicesNamespace(host)
	if !one && !hosts.Covers(host, hosts.OfService("any", "any")) {
		return nil
	}
	var services corev1.ServiceList
	if err := g.list(ctx, &services, client.InNamespace(namespace)); err != nil {
		return err
	}
	for i := range services.Items {
		g.addService(&services.Items[i], found)
	}
	return nil
}

func (g *gathering) addService(service *corev1.Service, found declarations) {
	var exportTo []string
	if list := service.Annotations[annotationExportTo]; list != "" {
		exportTo = strings.Split(strings.ReplaceAll(list, " ", ""), ",")
	}
	if !g.sees(service.Namespace, exportTo) {
		return
	}
	ports := make([]int32, 0, len(service.Spec.Ports))
	for _, p := range servicePorts(service) {
		ports = append(ports, p.Port)
	}
	found.add(declaration{
		name:      hosts.OfService(service.Namespace, service.Name),
		namespace: service.Namespace,
		external:  service.Spec.Type == corev1.ServiceTypeExternalName,
	}, ports)
	if service.Namespace != g.namespace {
		found.elsewhere[client.ObjectKeyFromObject(service)] = service
	}
}

// findServiceEntries finds the ServiceEntries that declare the host, a wildcard above it, or, where it is a wildcard itself, hosts
// below it.
func (g *gathering) findServiceEntries(ctx context.Context, host string, found declarations) error {
	if g.missing(model.KindServiceEntry) {
		return nil
	}
	fields := []client.MatchingFields{{IndexServiceEntryHost: host}}
	for _, wildcard := range hosts.Wildcards(host) {
		fields = append(fields, client.MatchingFields{IndexServiceEntryHost: wildcard})
	}
	if hosts.IsWildcard(host) {
		fields = append(fields, client.MatchingFields{IndexServiceEntryWildcard: host})
	}
	for _, matching := range fields {
		var entries istionetworkingv1.ServiceEntryList
		if err := g.list(ctx, &entries, matching); err != nil {
			return err
		}
		for _, entry := range entries.Items {
			g.addServiceEntry(entry, host, found)
		}
	}
	return nil
}

// addServiceEntry adds those hosts of the entry that have to do with the host that is sent to.
func (g *gathering) addServiceEntry(entry *istionetworkingv1.ServiceEntry, host string, found declarations) {
	if !g.sees(entry.Namespace, entry.Spec.GetExportTo()) {
		return
	}
	ports := make([]int32, 0, len(entry.Spec.GetPorts()))
	for _, p := range entry.Spec.GetPorts() {
		ports = append(ports, int32(p.GetNumber())) // #nosec G115 -- the CRD admits no number above 65535
	}
	for _, name := range entry.Spec.GetHosts() {
		if name != host && !hosts.Covers(name, host) && !hosts.Covers(host, name) {
			continue
		}
		found.add(declaration{
			name:      name,
			namespace: entry.Namespace,
			external:  entry.Spec.GetLocation() == networkingapi.ServiceEntry_MESH_EXTERNAL,
		}, ports)
		found.entries[client.ObjectKeyFromObject(entry)] = entry
	}
}

// sees says whether what another namespace exports is visible in the gathered one. What does not say goes by the mesh's
// default, and that is everybody unless the mesh config says otherwise.
func (g *gathering) sees(owner string, exportTo []string) bool {
	if len(exportTo) == 0 {
		exportTo = g.serviceExportTo
	}
	return len(exportTo) == 0 ||
		slices.Contains(exportTo, "*") ||
		slices.Contains(exportTo, g.namespace) ||
		slices.Contains(exportTo, ".") && owner == g.namespace
}

// declaration is what tells a destination apart from others.
type declaration struct {
	name, namespace string
	external        bool
}

// declarations are the destinations found so far, and the objects that declare them.
type declarations struct {
	ports map[declaration]map[int32]bool
	// elsewhere are the Services of other namespaces.
	elsewhere map[client.ObjectKey]*corev1.Service
	entries   map[client.ObjectKey]*istionetworkingv1.ServiceEntry
}

func newDeclarations() declarations {
	return declarations{
		ports:     map[declaration]map[int32]bool{},
		elsewhere: map[client.ObjectKey]*corev1.Service{},
		entries:   map[client.ObjectKey]*istionetworkingv1.ServiceEntry{},
	}
}

func (d declarations) add(found declaration, ports []int32) {
	if d.ports[found] == nil {
		d.ports[found] = map[int32]bool{}
	}
	for _, p := range ports {
		d.ports[found][p] = true
	}
}

// services are those of other namespaces.
func (d declarations) services() []model.Service {
	var all []model.Service
	for service := range maps.Values(d.elsewhere) {
		all = append(all, serviceOf(service))
	}
	return servicesByName(all)
}

// inOrder orders the destinations by name, then by namespace, and their ports.
func (d declarations) inOrder() []model.Host {
	all := make([]model.Host, 0, len(d.ports))
	for found, ports := range d.ports {
		all = append(all, model.Host{
			Name:      found.name,
			Namespace: found.namespace,
			External:  found.external,
			Ports:     slices.Sorted(maps.Keys(ports)),
		})
	}
	model.SortHosts(all)
	return all
}
