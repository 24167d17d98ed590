package gather

import (
	"context"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
)

// readClients reads what bears on the clients of the namespace's pods: the destinations that lead to the pods, whoever declares them, and
// the rules of all namespaces for these, with the clients that have them.
func (m *making) readClients(ctx context.Context) error {
	if !m.governsInbound() {
		return nil
	}
	leading, err := m.hostsLeadingHere(ctx)
	if err != nil {
		return err
	}
	for _, host := range sets.List(leading) {
		rules, err := m.rulesOfAll(ctx, host)
		if err == nil {
			err = m.readClientsOf(ctx, rules)
		}
		if err == nil {
			_, err = m.routesOfHost(ctx, host)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readClientsOf reads the clients that may have the rules, and what they see.
func (m *making) readClientsOf(ctx context.Context, rules []*istionetworkingv1.DestinationRule) error {
	for _, rule := range rules {
		in := client.InNamespace(rule.Namespace)
		if err := each(reads(ctx, &m.pods, in), reads(ctx, &m.sidecars, in)); err != nil {
			return err
		}
	}
	return nil
}

// hostsLeadingHere returns the hosts whose endpoints are pods of the namespace.
func (m *making) hostsLeadingHere(ctx context.Context) (sets.Set[string], error) {
	leading := sets.New[string]()
	for _, s := range m.services.all {
		if s.Namespace == m.namespace {
			leading.Insert(m.domain().OfService(s.Namespace, s.Name))
		}
	}
	for _, e := range m.serviceEntries.all {
		if e.Namespace == m.namespace {
			leading.Insert(serviceEntryHosts(e)...)
		}
	}
	own, err := m.pods.read(ctx, client.InNamespace(m.namespace))
	if err != nil {
		return nil, err
	}
	for _, pod := range own {
		for _, address := range podAddresses(pod) {
			if err := m.addLeadingTo(ctx, address, leading); err != nil {
				return nil, err
			}
		}
	}
	return leading, nil
}

// addLeadingTo adds the hosts of the ServiceEntries and Services, of any namespace, that lead to the address.
func (m *making) addLeadingTo(ctx context.Context, address string, leading sets.Set[string]) error {
	by := client.MatchingFields{IndexAddress: address}
	entries, err := m.serviceEntries.read(ctx, by)
	if err != nil {
		return err
	}
	slices, err := m.endpointSlices.read(ctx, by)
	if err != nil {
		return err
	}
	for _, slice := range slices {
		if err := m.addService(ctx, slice, leading); err != nil {
			return err
		}
	}
	machines, err := m.workloadEntries.read(ctx, by)
	if err != nil {
		return err
	}
	for _, machine := range machines {
		selecting, err := m.serviceEntries.read(ctx, client.InNamespace(machine.Namespace))
		if err != nil {
			return err
		}
		if err := reads(ctx, &m.services, client.InNamespace(machine.Namespace))(); err != nil {
			return err
		}
		entries = append(entries, selecting...)
	}
	for _, entry := range entries {
		leading.Insert(serviceEntryHosts(entry)...)
	}
	return nil
}

// addService adds the Service that the addresses are given to, if it has no selector.
func (m *making) addService(ctx context.Context, slice *discoveryv1.EndpointSlice, leading sets.Set[string]) error {
	services, err := m.services.named(ctx, slice.Namespace, slice.Labels[discoveryv1.LabelServiceName])
	if err != nil {
		return err
	}
	for _, s := range services {
		if selectorOf(s) != nil {
			continue
		}
		leading.Insert(m.domain().OfService(s.Namespace, s.Name))
		if err := m.readEndpointsOfService(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
