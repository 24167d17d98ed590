package gather

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// gathering is the making of one snapshot or inventory. What is read is collected, each object once, and turned into the model at the end:
// how an object was come upon makes no difference.
type gathering struct {
	reader    client.Reader
	namespace string
	options   Options
	mesh      model.Mesh
	tags      []model.RevisionTag
	// apart are the objects that could not be decoded, and why.
	apart map[model.ObjectRef]string

	namespaces            found[*corev1.Namespace]
	pods                  found[*corev1.Pod]
	services              found[*corev1.Service]
	endpointSlices        found[*discoveryv1.EndpointSlice]
	ingresses             found[*networkingv1.Ingress]
	ingressClasses        found[*networkingv1.IngressClass]
	peerAuthentications   found[*istiosecurityv1.PeerAuthentication]
	authorizationPolicies found[*istiosecurityv1.AuthorizationPolicy]
	destinationRules      found[*istionetworkingv1.DestinationRule]
	gateways              found[*istionetworkingv1.Gateway]
	serviceEntries        found[*istionetworkingv1.ServiceEntry]
	sidecars              found[*istionetworkingv1.Sidecar]
	virtualServices       found[*istionetworkingv1.VirtualService]
	workloadEntries       found[*istionetworkingv1.WorkloadEntry]
	envoyFilters          found[*istionetworkingv1alpha3.EnvoyFilter]
	gatewayAPI            map[string]*found[*unstructured.Unstructured]
}

// list reads a list without copying its objects: a snapshot is only looked at.
func (g *gathering) list(ctx context.Context, read Read, into client.ObjectList, options ...client.ListOption) error {
	g.note(read)
	return list(ctx, g.reader, into, options...)
}

func list(ctx context.Context, reader client.Reader, into client.ObjectList, options ...client.ListOption) error {
	if err := reader.List(ctx, into, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return fmt.Errorf("listing %T: %w", into, err)
	}
	return nil
}

// get reads an object, and reports whether there is one.
func (g *gathering) get(ctx context.Context, kind string, key client.ObjectKey, into client.Object) (bool, error) {
	g.note(Read{Kind: kind, Namespace: key.Namespace, Name: key.Name})
	err := g.reader.Get(ctx, key, into, client.UnsafeDisableDeepCopy)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("getting %T %s: %w", into, key, err)
	}
	return err == nil, nil
}

// note takes down a read, before it is made.
func (g *gathering) note(read Read) {
	if g.options.Note != nil {
		g.options.Note(read)
	}
}

// labelsOf returns the labels of the namespace; one that does not exist has none.
func (g *gathering) labelsOf(ctx context.Context, name string) (map[string]string, error) {
	if name == corev1.NamespaceAll {
		return nil, nil
	}
	namespace, err := g.namespaces.named(ctx, "", name)
	if err != nil || len(namespace) == 0 {
		return nil, err
	}
	return namespace[0].Labels, nil
}
