package gather

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
)

// readSent reads what the policies send to: the destinations with their endpoints, what these accept, and the rules and routes on the way.
func (m *making) readSent(ctx context.Context) error {
	sent := m.sentHosts(anySend)
	if err := errors.Join(m.readHosts(ctx, sent), m.readLeadingTo(ctx, sent)); err != nil {
		return err
	}
	if len(sent) > 0 && len(m.sidecars.all) > 0 {
		// Where a Sidecar lists the host of a route, the clients know what it leads to as well.
		if err := reads(ctx, &m.virtualServices)(); err != nil {
			return err
		}
	}
	for _, host := range m.sentHosts(sendForAll) {
		rules, err := m.rulesOfAll(ctx, host)
		if err == nil {
			err = m.readClientsOf(ctx, rules)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readLeadingTo reads the VirtualServices, of any namespace, that lead to the hosts: they may bring other than what the hosts' ports are
// declared to carry.
func (m *making) readLeadingTo(ctx context.Context, sent []string) error {
	for _, host := range sent {
		for _, spelling := range spellings(m.domain(), host) {
			if _, err := m.virtualServices.read(ctx, client.MatchingFields{IndexVirtualServiceLeadsTo: spelling}); err != nil {
				return err
			}
		}
	}
	return nil
}

// readHosts reads the destinations of the hosts, and of those that routes and aliases lead on to.
func (m *making) readHosts(ctx context.Context, pending []string) error {
	for len(pending) > 0 {
		host := pending[0]
		pending = pending[1:]
		if m.asked.Has(host) {
			continue
		}
		m.asked.Insert(host)
		further, err := m.readHost(ctx, host)
		if err != nil {
			return err
		}
		pending = append(pending, further...)
	}
	return nil
}

// readHost reads what the host is, and returns the hosts that it leads on to.
func (m *making) readHost(ctx context.Context, host string) ([]string, error) {
	services, err := m.servicesOfHost(ctx, host)
	if err != nil {
		return nil, err
	}
	entries, err := m.entriesOfHost(ctx, host)
	if err != nil {
		return nil, err
	}
	namespaces := sets.New[string]()
	if namespace, _, ok := m.domain().Service(host); ok {
		namespaces.Insert(namespace) // its rules count before the Service exists
	}
	var further []string
	for _, s := range services {
		namespaces.Insert(s.Namespace)
		if s.Spec.Type == corev1.ServiceTypeExternalName {
			further = append(further, s.Spec.ExternalName)
		}
		if err := m.readEndpointsOfService(ctx, s); err != nil {
			return nil, err
		}
	}
	for _, e := range entries {
		namespaces.Insert(e.Namespace)
		if err := m.readEndpointsOfEntry(ctx, e); err != nil {
			return nil, err
		}
	}
	for _, namespace := range sets.List(namespaces) {
		if err := m.readRulesIn(ctx, namespace, host); err != nil {
			return nil, err
		}
	}
	routed, err := m.routesOfHost(ctx, host)
	return append(further, routed...), err
}

// servicesOfHost reads the Services that the host means. A wildcard wider than one namespace means the whole cluster's.
func (m *making) servicesOfHost(ctx context.Context, host string) ([]*corev1.Service, error) {
	if namespace, name, ok := m.domain().Service(host); ok {
		return m.services.named(ctx, namespace, name)
	}
	namespace, one := m.domain().ServicesNamespace(host)
	if !one && !hosts.Covers(host, m.domain().OfService("any", "any")) {
		return nil, nil
	}
	return m.services.read(ctx, client.InNamespace(namespace))
}

// entriesOfHost reads the ServiceEntries that declare the host, a wildcard above it, or, where it is a wildcard itself, hosts below it.
func (m *making) entriesOfHost(ctx context.Context, host string) ([]*istionetworkingv1.ServiceEntry, error) {
	var all []*istionetworkingv1.ServiceEntry
	for _, fields := range aroundHost(m.domain(), host, IndexServiceEntryHost, IndexServiceEntryWildcard) {
		read, err := m.serviceEntries.read(ctx, fields)
		if err != nil {
			return nil, err
		}
		all = append(all, read...)
	}
	return all, nil
}

// aroundHost returns the look-ups, by an index of hosts and one of the wildcards above them, of the host, of those that cover it and of
// those that it covers.
func aroundHost(domain hosts.Domain, host, byHost, byWildcard string) []client.MatchingFields {
	fields := []client.MatchingFields{{byHost: host}}
	for _, wildcard := range hosts.Wildcards(host) {
		fields = append(fields, client.MatchingFields{byHost: wildcard})
	}
	if hosts.IsWildcard(host) {
		fields = append(fields, client.MatchingFields{byWildcard: host})
	}
	for _, short := range spellings(domain, host)[1:] {
		by := byHost
		if hosts.IsWildcard(host) {
			by = byWildcard
		}
		fields = append(fields, client.MatchingFields{by: short})
	}
	return fields
}

// readRulesIn reads the DestinationRules that a namespace has for the host: Istio looks for them in the client's namespace, the
// host's and the root's, and nowhere else.
// Source: istio pilot/pkg/model/push_context.go, destinationRule.
func (m *making) readRulesIn(ctx context.Context, namespace, host string) error {
	if namespace == m.namespace || namespace == m.mesh.RootNamespace {
		return nil
	}
	for _, fields := range aroundHost(m.domain(), host, IndexDestinationRuleHost, IndexDestinationRuleWildcard) {
		if _, err := m.destinationRules.read(ctx, client.InNamespace(namespace), fields); err != nil {
			return err
		}
	}
	return nil
}

// rulesOfAll reads the DestinationRules that any namespace has for the host. A rule of the client's namespace goes before all others.
func (m *making) rulesOfAll(ctx context.Context, host string) ([]*istionetworkingv1.DestinationRule, error) {
	var all []*istionetworkingv1.DestinationRule
	for _, fields := range aroundHost(m.domain(), host, IndexDestinationRuleHost, IndexDestinationRuleWildcard) {
		read, err := m.destinationRules.read(ctx, fields)
		if err != nil {
			return nil, err
		}
		all = append(all, read...)
	}
	return all, nil
}

// routesOfHost reads the VirtualServices, of any namespace, that route the host, and returns where they lead.
func (m *making) routesOfHost(ctx context.Context, host string) ([]string, error) {
	var further []string
	for _, fields := range aroundHost(m.domain(), host, IndexVirtualServiceHost, IndexVirtualServiceWildcard) {
		read, err := m.virtualServices.read(ctx, fields)
		if err != nil {
			return nil, err
		}
		led, err := m.hostsRouted(ctx, read)
		if err != nil {
			return nil, err
		}
		further = append(further, led...)
	}
	return further, nil
}

// hostsRouted returns the hosts that VirtualServices lead to, by themselves or by their delegates, which are read.
func (m *making) hostsRouted(ctx context.Context, all []*istionetworkingv1.VirtualService) ([]string, error) {
	var led []string
	for _, vs := range all {
		led = append(led, m.hostsIn(vs)...)
		for _, route := range vs.Spec.GetHttp() {
			if route.GetDelegate() == nil {
				continue
			}
			namespace := route.GetDelegate().GetNamespace()
			if namespace == "" {
				namespace = vs.Namespace
			}
			delegate, err := m.virtualServices.named(ctx, namespace, route.GetDelegate().GetName())
			if err != nil {
				return nil, err
			}
			for _, d := range delegate {
				led = append(led, m.hostsIn(d)...)
			}
		}
	}
	return led, nil
}

func (m *making) hostsIn(vs *istionetworkingv1.VirtualService) []string {
	var all []string
	for _, route := range routes.All(vs) {
		for _, to := range route.To {
			all = append(all, route.Host(m.domain(), to.GetDestination()))
		}
		for _, mirror := range route.Mirrors {
			all = append(all, route.Host(m.domain(), mirror))
		}
	}
	return all
}

// readRoutes reads the VirtualServices that name a Gateway which is rendered for the policies, where they lead, and the rules that the
// gateway's pods have for that.
func (m *making) readRoutes(ctx context.Context) error {
	var led []string
	for _, policy := range m.policies {
		if policy.Spec.Gateway == nil {
			continue
		}
		read, err := m.virtualServices.read(ctx, client.MatchingFields{IndexVirtualServiceGateway: renderedGateway(policy)})
		if err != nil {
			return err
		}
		further, err := m.hostsRouted(ctx, read)
		if err != nil {
			return err
		}
		namespaces, err := m.namespacesOfGateway(ctx, m.gatewaySelector(policy))
		if err == nil {
			err = m.readRulesOf(ctx, namespaces, further)
		}
		if err != nil {
			return err
		}
		led = append(led, further...)
	}
	return m.readHosts(ctx, led)
}
