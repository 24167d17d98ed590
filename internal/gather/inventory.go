package gather

import (
	"context"
	"fmt"
	"time"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// Inventory reads everything of the mesh that bears on its TLS, of all namespaces. Certificates are judged as of now.
func Inventory(ctx context.Context, reader client.Reader, now time.Time, options Options) (model.Inventory, error) {
	g := newGathering(reader, metav1.NamespaceAll, options)
	g.namesPods = true
	s := model.Snapshot{Inventory: model.Inventory{Now: metav1.NewTime(now)}}
	for _, read := range []func(context.Context, *model.Snapshot) error{
		g.readMesh,
		g.readServices,
		g.readNamespaces,
		g.readWorkloads,
		g.readAllIstioObjects,
		g.readWebhooks,
		g.readCredentials,
	} {
		if err := read(ctx, &s); err != nil {
			return model.Inventory{}, fmt.Errorf("taking the inventory of the mesh: %w", err)
		}
	}
	return s.Inventory, nil
}

func (g *gathering) readNamespaces(ctx context.Context, s *model.Snapshot) error {
	var found corev1.NamespaceList
	if err := g.list(ctx, &found); err != nil {
		return err
	}
	for n := range found.Items {
		namespace := &found.Items[n]
		g.namespaces[namespace.Name] = model.Namespace{Name: namespace.Name, Labels: namespace.Labels}
		s.Namespaces = append(s.Namespaces, g.namespaces[namespace.Name])
	}
	return nil
}

// readAllIstioObjects reads the objects of every Istio kind that there is.
func (g *gathering) readAllIstioObjects(ctx context.Context, s *model.Snapshot) error {
	var (
		peerAuthentications   istiosecurityv1.PeerAuthenticationList
		authorizationPolicies istiosecurityv1.AuthorizationPolicyList
		destinationRules      istionetworkingv1.DestinationRuleList
		gateways              istionetworkingv1.GatewayList
		serviceEntries        istionetworkingv1.ServiceEntryList
		virtualServices       istionetworkingv1.VirtualServiceList
		workloadEntries       istionetworkingv1.WorkloadEntryList
	)
	for kind, into := range map[string]client.ObjectList{
		model.KindPeerAuthentication:  &peerAuthentications,
		model.KindAuthorizationPolicy: &authorizationPolicies,
		model.KindDestinationRule:     &destinationRules,
		model.KindGateway:             &gateways,
		model.KindServiceEntry:        &serviceEntries,
		model.KindVirtualService:      &virtualServices,
		model.KindWorkloadEntry:       &workloadEntries,
	} {
		if g.missing(kind) {
			continue
		}
		if err := g.list(ctx, into); err != nil {
			return err
		}
	}
	s.PeerAuthentications = byName(peerAuthentications.Items)
	s.AuthorizationPolicies = byName(authorizationPolicies.Items)
	s.DestinationRules = byName(destinationRules.Items)
	s.Gateways = byName(gateways.Items)
	s.ServiceEntries = byName(serviceEntries.Items)
	s.VirtualServices = byName(virtualServices.Items)
	s.WorkloadEntries = byName(workloadEntries.Items)
	return nil
}

// readWebhooks reads the webhooks that the API server calls at a Service.
func (g *gathering) readWebhooks(ctx context.Context, s *model.Snapshot) error {
	var err error
	s.Webhooks, err = g.webhooks(ctx)
	return err
}
