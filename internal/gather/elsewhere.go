package gather

import (
	"context"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/hosts"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/pods"
)

// readElsewhere reads the Istio objects of other namespaces that Istio's lookups may find for this one.
func (g *gathering) readElsewhere(ctx context.Context, s *model.Snapshot) error {
	if err := g.readRoot(ctx, s); err != nil {
		return err
	}
	if err := g.readHostRules(ctx, s); err != nil {
		return err
	}
	if err := g.readSharedGateways(ctx, s); err != nil {
		return err
	}
	s.Elsewhere.DestinationRules = byName(s.Elsewhere.DestinationRules)
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
		s.Elsewhere.PeerAuthentications = byName(list.Items)
	}
	if !g.missing(model.KindDestinationRule) {
		var list istionetworkingv1.DestinationRuleList
		if err := g.list(ctx, &list, inRoot); err != nil {
			return err
		}
		s.Elsewhere.DestinationRules = list.Items
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
	for _, host := range s.Hosts {
		if host.Namespace == g.namespace || host.Namespace == s.Mesh.RootNamespace {
			continue
		}
		for _, name := range append(hosts.Wildcards(host.Name), host.Name) {
			query := hostRuleQuery{namespace: host.Namespace, host: name}
			if read.Has(query) {
				continue
			}
			read.Insert(query)
			var list istionetworkingv1.DestinationRuleList
			err := g.list(ctx, &list, client.InNamespace(query.namespace), client.MatchingFields{IndexDestinationRuleHost: query.host})
			if err != nil {
				return err
			}
			s.Elsewhere.DestinationRules = append(s.Elsewhere.DestinationRules, list.Items...)
		}
	}
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
			s.Elsewhere.Gateways = append(s.Elsewhere.Gateways, gateway)
		}
	}
	s.Elsewhere.Gateways = byName(s.Elsewhere.Gateways)
	return nil
}

// gatewayPods are the pods, of any namespace, that the gateway targets of the policies select.
func (g *gathering) gatewayPods(s *model.Snapshot) []model.Workload {
	index := pods.NewIndex(s.Workloads)
	selected := slices.Clone(s.GatewayPods)
	for _, selector := range gatewaySelectors(s) {
		selected = append(selected, index.Selected(selector)...)
	}
	return selected
}
