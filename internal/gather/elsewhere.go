package gather

import (
	"context"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// readElsewhere reads the Istio objects of other namespaces that Istio's lookups may find for this one.
func (g *gathering) readElsewhere(ctx context.Context, s *model.Snapshot) error {
	if err := g.readRoot(ctx, s); err != nil {
		return err
	}
	if err := g.readHostRules(ctx, s); err != nil {
		return err
	}
	if err := g.readClientRules(ctx, s); err != nil {
		return err
	}
	if err := g.readSharedGateways(ctx, s); err != nil {
		return err
	}
	if err := g.readAccepted(ctx, s); err != nil {
		return err
	}
	s.DestinationRules = eachOnce(byName(s.DestinationRules))
	return nil
}

// readRoot reads what the root namespace says for all others.
func (g *gathering) readRoot(ctx context.Context, s *model.Snapshot) error {
	if s.Mesh.RootNamespace == g.namespace {
		return nil
	}
	inRoot := client.InNamespace(s.Mesh.RootNamespace)
	if !g.missing(model.KindPeerAuthentication) {
		var list istiosecurityv1.PeerAuthenticationList
		if err := g.list(ctx, &list, inRoot); err != nil {
			return err
		}
		s.PeerAuthentications = byName(append(s.PeerAuthentications, list.Items...))
	}
	if !g.missing(model.KindDestinationRule) {
		var list istionetworkingv1.DestinationRuleList
		if err := g.list(ctx, &list, inRoot); err != nil {
			return err
		}
		s.DestinationRules = append(s.DestinationRules, list.Items...)
	}
	return nil
}

// readHostRules reads the DestinationRules that the namespaces of the hosts have for them. Istio looks for a host in the client's
// namespace, the host's and the root's, and nowhere else.
// Source: istio pilot/pkg/model/push_context.go, destinationRule.
func (g *gathering) readHostRules(ctx context.Context, s *model.Snapshot) error {
	if g.missing(model.KindDestinationRule) {
		return nil
	}
	read := sets.New[hostRuleQuery]()
	for _, host := range ruledHosts(s) {
		if host.namespace == g.namespace || host.namespace == s.Mesh.RootNamespace {
			continue
		}
		for _, name := range append(hosts.Wildcards(host.host), host.host) {
			query := hostRuleQuery{namespace: host.namespace, host: name}
			if read.Has(query) {
				continue
			}
			read.Insert(query)
			var list istionetworkingv1.DestinationRuleList
			err := g.list(ctx, &list, client.InNamespace(query.namespace), client.MatchingFields{IndexDestinationRuleHost: query.host})
			if err != nil {
				return err
			}
			s.DestinationRules = append(s.DestinationRules, list.Items...)
		}
	}
	return nil
}

// ruledHosts returns the hosts, each with a namespace whose rules govern it: those that are declared, and the Services that policies send
// to although nothing declares them yet.
func ruledHosts(s *model.Snapshot) []hostRuleQuery {
	var all []hostRuleQuery
	for _, d := range destinations.NewIndex(s.Inventory).All() {
		all = append(all, hostRuleQuery{namespace: d.Namespace, host: d.Name})
	}
	for _, host := range sentHosts(s) {
		if namespace, _, ok := hosts.Service(host); ok {
			all = append(all, hostRuleQuery{namespace: namespace, host: host})
		}
	}
	return all
}

// readClientRules reads the DestinationRules of all namespaces for the hosts that policies send to with clients All: a rule of the
// client's namespace goes before theirs.
func (g *gathering) readClientRules(ctx context.Context, s *model.Snapshot) error {
	if g.missing(model.KindDestinationRule) {
		return nil
	}
	for _, host := range sentForAll(s) {
		for _, name := range append(hosts.Wildcards(host), host) {
			var list istionetworkingv1.DestinationRuleList
			if err := g.list(ctx, &list, client.MatchingFields{IndexDestinationRuleHost: name}); err != nil {
				return err
			}
			s.DestinationRules = append(s.DestinationRules, list.Items...)
		}
	}
	return nil
}

// eachOnce leaves out the objects that were read twice. The list is ordered.
func eachOnce[T client.Object](ordered []T) []T {
	return slices.CompactFunc(ordered, func(a, b T) bool { return client.ObjectKeyFromObject(a) == client.ObjectKeyFromObject(b) })
}

// sentForAll are the hosts, qualified, about which policies decide for all clients.
func sentForAll(s *model.Snapshot) []string {
	var all []string
	for _, policy := range s.Policies {
		for i := range policy.Spec.Send {
			if policy.Spec.Send[i].Clients != meshtlsv1alpha1.ClientsAll {
				continue
			}
			for _, host := range policy.Spec.Send[i].Hosts {
				all = append(all, hosts.Qualify(host, policy.Namespace))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// readAccepted reads what the pods of other namespaces accept: the PeerAuthentications of these namespaces.
func (g *gathering) readAccepted(ctx context.Context, s *model.Snapshot) error {
	if g.missing(model.KindPeerAuthentication) {
		return nil
	}
	for _, namespace := range sets.List(namespacesOfPods(g.podsElsewhere(s)).Delete(s.Mesh.RootNamespace)) {
		var list istiosecurityv1.PeerAuthenticationList
		if err := g.list(ctx, &list, client.InNamespace(namespace)); err != nil {
			return err
		}
		s.PeerAuthentications = append(s.PeerAuthentications, list.Items...)
	}
	s.PeerAuthentications = byName(s.PeerAuthentications)
	return nil
}

// hostRuleQuery asks for the rules of a namespace for a host.
type hostRuleQuery struct{ namespace, host string }

// readSharedGateways reads the Gateways of other namespaces that select pods which the gateway targets select too: Istio merges
// the servers of all of them.
// Source: istio pilot/pkg/model/gateway.go, mergeGateways.
func (g *gathering) readSharedGateways(ctx context.Context, s *model.Snapshot) error {
	shared := g.gatewayPods(s)
	if len(shared) == 0 || g.missing(model.KindGateway) {
		return nil
	}
	var list istionetworkingv1.GatewayList
	if err := g.list(ctx, &list); err != nil {
		return err
	}
	for _, gateway := range list.Items {
		selects := func(w model.Workload) bool { return pods.Matches(gateway.Spec.GetSelector(), w.Labels) }
		if gateway.Namespace != g.namespace && slices.ContainsFunc(shared, selects) {
			s.Gateways = append(s.Gateways, gateway)
		}
	}
	s.Gateways = byName(s.Gateways)
	return nil
}

// gatewayPods are the pods, of any namespace, that the gateway targets of the policies select.
func (g *gathering) gatewayPods(s *model.Snapshot) []model.Workload {
	index := pods.NewIndex(s.Workloads)
	var selected []model.Workload
	for _, selector := range gatewaySelectors(s) {
		selected = append(selected, index.Selected(selector)...)
	}
	return selected
}
