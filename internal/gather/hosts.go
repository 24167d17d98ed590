package gather

import (
	"context"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// readHosts reads the destinations that the policies send to: the Services and ServiceEntries of any namespace that declare them.
func (g *gathering) readHosts(ctx context.Context, s *model.Snapshot) error {
	for _, host := range sentHosts(s) {
		if err := g.readServicesOf(ctx, s, host); err != nil {
			return err
		}
		if err := g.readServiceEntriesOf(ctx, s, host); err != nil {
			return err
		}
	}
	servicesByName(s.Services)
	s.ServiceEntries = eachOnce(byName(s.ServiceEntries))
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

// readServicesOf reads the Services of other namespaces that the host means. A wildcard wider than one namespace means the whole
// cluster's.
func (g *gathering) readServicesOf(ctx context.Context, s *model.Snapshot, host string) error {
	if namespace, name, ok := hosts.Service(host); ok {
		var service corev1.Service
		exists, err := g.get(ctx, namespace, name, &service)
		if exists {
			addService(s, &service)
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
		addService(s, &services.Items[i])
	}
	return nil
}

func addService(s *model.Snapshot, service *corev1.Service) {
	if service.Namespace == s.Namespace {
		return // all of them are read
	}
	if found := serviceOf(service); !holds(s.Services, found) {
		s.Services = append(s.Services, found)
	}
}

// readServiceEntriesOf reads the ServiceEntries that declare the host, a wildcard above it, or, where it is a wildcard itself, hosts
// below it.
func (g *gathering) readServiceEntriesOf(ctx context.Context, s *model.Snapshot, host string) error {
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
		s.ServiceEntries = append(s.ServiceEntries, entries.Items...)
	}
	return nil
}
