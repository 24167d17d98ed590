package gather

import (
	"context"

	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
)

// readPassedThrough reads the gateways, of any namespace, that pass their clients' TLS through to what the policies send to: what the
// policies have clients send is sent by these too.
func (m *making) readPassedThrough(ctx context.Context) error {
	for _, host := range m.sentHosts(anySend) {
		for _, spelling := range spellings(m.domain(), host) {
			passing, err := m.virtualServices.read(ctx, client.MatchingFields{IndexVirtualServicePassesTo: spelling})
			if err != nil {
				return err
			}
			for _, vs := range passing {
				if err := m.readGatewaysOf(ctx, vs, host); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// spellings returns the host, and what an index has of it where it was written with a short name: indexes know no domain, and spell it
// out in the default one.
func spellings(domain hosts.Domain, host string) []string {
	respelled, ofServices := domain.InDefault(host)
	if !ofServices || domain == hosts.Default {
		return []string{host}
	}
	return []string{host, respelled}
}

// readGatewaysOf reads the Gateways that the VirtualService names, with their pods and the rules that these have for the host.
func (m *making) readGatewaysOf(ctx context.Context, vs *istionetworkingv1.VirtualService, host string) error {
	for name := range routes.Gateways(vs.Spec.GetGateways(), vs.Namespace) {
		gateways, err := m.gateways.named(ctx, name.Namespace, name.Name)
		if err != nil {
			return err
		}
		for _, gateway := range gateways {
			namespaces, err := m.namespacesOfGateway(ctx, gateway.Spec.GetSelector())
			if err == nil {
				err = m.readRulesOf(ctx, namespaces, []string{host})
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// namespacesOfGateway reads the pods that a gateway's labels select, of any namespace, and returns their namespaces. A Gateway without
// labels is for the pods that are read anyway.
func (m *making) namespacesOfGateway(ctx context.Context, labels map[string]string) (sets.Set[string], error) {
	namespaces := sets.New[string]()
	if len(labels) == 0 {
		return namespaces, nil
	}
	selected, err := m.podsWith(ctx, "", labels)
	if err != nil {
		return nil, err
	}
	for _, pod := range selected {
		namespaces.Insert(pod.Namespace)
		if err := m.readAccepted(ctx, pod.Namespace, selected); err != nil {
			return nil, err
		}
	}
	return namespaces, nil
}

// readRulesOf reads the DestinationRules that the namespaces have for the hosts.
func (m *making) readRulesOf(ctx context.Context, namespaces sets.Set[string], all []string) error {
	for _, namespace := range sets.List(namespaces) {
		for _, host := range all {
			if err := m.readRulesIn(ctx, namespace, host); err != nil {
				return err
			}
		}
	}
	return nil
}

// readCompeting reads the VirtualServices of the Gateways that pass TLS through: of those at one port the first that names a server name
// takes its connections.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayNetworkFiltersFromTLSRoutes.
func (m *making) readCompeting(ctx context.Context) error {
	for _, gateway := range m.gateways.sorted() {
		for _, server := range gateway.Spec.GetServers() {
			if routes.KindFor(server) != routes.TLS {
				continue
			}
			named := client.MatchingFields{IndexVirtualServiceGateway: client.ObjectKeyFromObject(gateway).String()}
			if err := reads(ctx, &m.virtualServices, named)(); err != nil {
				return err
			}
		}
	}
	return nil
}

// passedTo returns the hosts that the tls routes of the VirtualService lead to.
func passedTo(vs *istionetworkingv1.VirtualService) []string {
	return targetsOf(vs, func(r routes.Route) bool { return r.Kind == routes.TLS })
}

// ledTo returns the hosts that the routes of the VirtualService lead to.
func ledTo(vs *istionetworkingv1.VirtualService) []string {
	return targetsOf(vs, func(routes.Route) bool { return true })
}

// targetsOf returns the hosts that some routes of the VirtualService lead to, with the wildcards above them, each once; short names are
// spelled out in the default domain.
func targetsOf(vs *istionetworkingv1.VirtualService, wanted func(routes.Route) bool) []string {
	all := sets.New[string]()
	for _, route := range routes.All(vs) {
		if !wanted(route) {
			continue
		}
		for _, to := range route.To {
			host := route.Host(hosts.Default, to.GetDestination())
			all.Insert(host).Insert(wildcardsAbove([]string{host})...)
		}
	}
	return sets.List(all)
}
