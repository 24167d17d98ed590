package gather

import (
	"context"
	"fmt"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/meshtls/meshtls/internal/model"
)

// Inventory reads everything of the mesh that bears on its TLS, of all namespaces. Certificates are judged as of now.
func Inventory(ctx context.Context, reader client.Reader, now time.Time, options Options) (model.Inventory, error) {
	g := newGathering(reader, metav1.NamespaceAll, options)
	inventory, err := g.inventory(ctx, now)
	if err != nil {
		return model.Inventory{}, fmt.Errorf("taking the inventory of the mesh: %w", err)
	}
	return inventory, nil
}

func (g *gathering) inventory(ctx context.Context, now time.Time) (model.Inventory, error) {
	for _, read := range []func(context.Context) error{
		g.readTags,
		g.readMesh,
		g.readEverything,
	} {
		if err := read(ctx); err != nil {
			return model.Inventory{}, err
		}
	}
	i, err := g.collected(ctx)
	if err != nil {
		return model.Inventory{}, err
	}
	i.Now = metav1.NewTime(now)
	if i.Webhooks, err = g.webhooks(ctx); err != nil {
		return model.Inventory{}, err
	}
	i.Credentials, i.CredentialNamespaces, err = g.credentials(ctx)
	return i, err
}

// readEverything reads the objects of every kind, of all namespaces.
func (g *gathering) readEverything(ctx context.Context) error {
	return each(
		reads(ctx, &g.namespaces), reads(ctx, &g.services), reads(ctx, &g.pods),
		reads(ctx, &g.endpointSlices), reads(ctx, &g.ingresses), reads(ctx, &g.ingressClasses),
		reads(ctx, &g.peerAuthentications), reads(ctx, &g.authorizationPolicies),
		reads(ctx, &g.destinationRules), reads(ctx, &g.gateways), reads(ctx, &g.serviceEntries),
		reads(ctx, &g.sidecars), reads(ctx, &g.virtualServices), reads(ctx, &g.workloadEntries),
		func() error { return g.readOthers(ctx) },
	)
}

// reads returns a read whose answer is only taken in.
func reads[T client.Object](ctx context.Context, of *found[T], options ...client.ListOption) func() error {
	return func() error {
		_, err := of.read(ctx, options...)
		return err
	}
}

// collected turns what was read into an inventory, each list by namespace and name.
func (g *gathering) collected(ctx context.Context) (model.Inventory, error) {
	workloads, err := g.workloadsOf(ctx, g.pods.sorted())
	services := servicesOf(g.services.sorted())
	i := model.Inventory{
		Mesh:                  g.mesh,
		Files:                 g.options.Files,
		Omitted:               g.options.Omitted,
		Tags:                  g.tags,
		Services:              services,
		Workloads:             workloads,
		Endpoints:             endpointsOf(g.endpointSlices.sorted(), services),
		Ingresses:             g.ingresses.sorted(),
		IngressClasses:        ingressClassesOf(g.ingressClasses.sorted()),
		ServiceEntries:        g.serviceEntries.sorted(),
		WorkloadEntries:       g.workloadEntries.sorted(),
		PeerAuthentications:   g.peerAuthentications.sorted(),
		AuthorizationPolicies: g.authorizationPolicies.sorted(),
		DestinationRules:      g.destinationRules.sorted(),
		Gateways:              g.gateways.sorted(),
		Sidecars:              g.sidecars.sorted(),
		VirtualServices:       g.virtualServices.sorted(),
		Others:                g.othersOf(),
		KubernetesGateways:    typedOf[gatewayv1.Gateway](g, model.KindGatewayAPIGateway),
		ReferenceGrants:       typedOf[gatewayv1beta1.ReferenceGrant](g, model.KindReferenceGrant),
		Undecoded:             g.undecodedOf(),
	}
	for _, namespace := range g.namespaces.sorted() {
		i.Namespaces = append(i.Namespaces, model.Namespace{Name: namespace.Name, Labels: namespace.Labels})
	}
	return i, err
}

func ingressClassesOf(all []*networkingv1.IngressClass) []model.IngressClass {
	var classes []model.IngressClass
	for _, c := range all {
		classes = append(classes, model.IngressClass{Name: c.Name, Controller: c.Spec.Controller})
	}
	return classes
}
