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
	i := model.Inventory{Now: metav1.NewTime(now)}
	for _, read := range []func(context.Context, *model.Inventory) error{
		g.readInventoryMesh,
		g.readNamespaces,
		g.readAllWorkloads,
		g.readAllIstioObjects,
		g.readWebhooks,
		g.readCredentials,
	} {
		if err := read(ctx, &i); err != nil {
			return model.Inventory{}, fmt.Errorf("taking the inventory of the mesh: %w", err)
		}
	}
	return i, nil
}

// readInventoryMesh reads what Istio's mesh config says, and the Services.
func (g *gathering) readInventoryMesh(ctx context.Context, i *model.Inventory) error {
	var s model.Snapshot
	if err := g.readMesh(ctx, &s); err != nil {
		return err
	}
	if err := g.readServices(ctx, &s); err != nil {
		return err
	}
	i.Mesh, i.Services = s.Mesh, s.Services
	return nil
}

func (g *gathering) readNamespaces(ctx context.Context, i *model.Inventory) error {
	var found corev1.NamespaceList
	if err := g.list(ctx, &found); err != nil {
		return err
	}
	for n := range found.Items {
		namespace := &found.Items[n]
		i.Namespaces = append(i.Namespaces, model.Namespace{Name: namespace.Name, Labels: namespace.Labels})
		g.dataplaneLabels[namespace.Name] = namespace.Labels[LabelDataplaneMode]
	}
	return nil
}

func (g *gathering) readAllWorkloads(ctx context.Context, i *model.Inventory) error {
	var s model.Snapshot
	if err := g.readWorkloads(ctx, &s); err != nil {
		return err
	}
	i.Workloads = s.Workloads
	return nil
}

// readAllIstioObjects reads the objects of every Istio kind that there is.
func (g *gathering) readAllIstioObjects(ctx context.Context, i *model.Inventory) error {
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
	i.PeerAuthentications = byName(peerAuthentications.Items)
	i.AuthorizationPolicies = byName(authorizationPolicies.Items)
	i.DestinationRules = byName(destinationRules.Items)
	i.Gateways = byName(gateways.Items)
	i.ServiceEntries = byName(serviceEntries.Items)
	i.VirtualServices = byName(virtualServices.Items)
	i.WorkloadEntries = byName(workloadEntries.Items)
	return nil
}

// readWebhooks reads the webhooks that the API server calls at a Service.
func (g *gathering) readWebhooks(ctx context.Context, i *model.Inventory) error {
	var err error
	i.Webhooks, err = g.webhooks(ctx)
	return err
}
