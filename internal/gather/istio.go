package gather

import (
	"cmp"
	"context"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// readIstioObjects reads the namespace's live objects of the kinds that are rendered, ours and foreign.
func (g *gathering) readIstioObjects(ctx context.Context, s *model.Snapshot) error {
	var (
		peerAuthentications istiosecurityv1.PeerAuthenticationList
		destinationRules    istionetworkingv1.DestinationRuleList
		gateways            istionetworkingv1.GatewayList
	)
	for kind, into := range map[string]client.ObjectList{
		model.KindPeerAuthentication: &peerAuthentications,
		model.KindDestinationRule:    &destinationRules,
		model.KindGateway:            &gateways,
	} {
		if g.missing(kind) {
			continue
		}
		if err := g.list(ctx, into, client.InNamespace(g.namespace)); err != nil {
			return err
		}
	}
	s.PeerAuthentications = byName(peerAuthentications.Items)
	s.DestinationRules = byName(destinationRules.Items)
	s.Gateways = byName(gateways.Items)
	return nil
}

// byName orders objects by namespace and name. The list is the caller's own: a reader hands out a new one each time.
func byName[T client.Object](objects []T) []T {
	slices.SortFunc(objects, func(a, b T) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
	return objects
}
