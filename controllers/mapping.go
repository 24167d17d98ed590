package controllers

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

// mapping says which namespaces' snapshots an object is part of. It reads the cache as it is: an event must not wait for
// writes to show, and whatever the cache does not have yet comes with an event of its own.
type mapping struct {
	cache   client.Reader
	roots   *roots
	options Options
}

// ofPolicy: its namespace, and those that it is a root policy for.
func (m mapping) ofPolicy(_ context.Context, obj client.Object) []ctrl.Request {
	return requests(append(m.roots.namespacesUnder(obj.GetNamespace()), obj.GetNamespace()))
}

// ofPeerAuthentication: its namespace, and those that its namespace is the root of.
func (m mapping) ofPeerAuthentication(ctx context.Context, obj client.Object) []ctrl.Request {
	return requests(append(m.roots.namespacesUnder(obj.GetNamespace()), m.here(ctx, obj)...))
}

// ofDestinationRule: its namespace, those that its namespace is the root of, and those that send to its host.
func (m mapping) ofDestinationRule(ctx context.Context, obj client.Object) []ctrl.Request {
	rule, ok := obj.(*istionetworkingv1.DestinationRule)
	if !ok {
		return nil
	}
	senders := told(ctx)(gather.NamespacesSendingTo(ctx, m.cache, gather.DestinationRuleHost(rule)))
	return requests(append(senders, append(m.roots.namespacesUnder(obj.GetNamespace()), m.here(ctx, obj)...)...))
}

// ofGateway: its namespace, and those whose gateways it may select: Istio merges the Gateways of all namespaces.
func (m mapping) ofGateway(ctx context.Context, obj client.Object) []ctrl.Request {
	governing := told(ctx)(gather.NamespacesGoverningGateways(ctx, m.cache))
	return requests(append(governing, m.here(ctx, obj)...))
}

// here is the object's namespace, if there is anything to compile there, or if the object is ours and nobody may want it any more.
func (m mapping) here(ctx context.Context, obj client.Object) []string {
	if model.Ours(obj) {
		return []string{obj.GetNamespace()}
	}
	return m.ifGoverned(ctx, obj.GetNamespace())
}

// ofService: its namespace, those that send to it, and those whose gateway's pods it leads to.
func (m mapping) ofService(ctx context.Context, obj client.Object) []ctrl.Request {
	service, ok := obj.(*corev1.Service)
	if !ok {
		return nil
	}
	senders := told(ctx)(gather.NamespacesSendingTo(ctx, m.cache, gather.ServiceHosts(service)...))
	behind := told(ctx)(gather.NamespacesBehind(ctx, m.cache, service))
	return requests(slices.Concat(senders, behind, m.ifGoverned(ctx, service.Namespace)))
}

// ofPod: its namespace, and those whose gateway it is.
func (m mapping) ofPod(ctx context.Context, obj client.Object) []ctrl.Request {
	owners := told(ctx)(gather.NamespacesWithGateway(ctx, m.cache, obj.GetLabels()))
	return requests(append(owners, m.ifGoverned(ctx, obj.GetNamespace())...))
}

// ofNamespace: itself, and those whose gateways live in it: whether its pods are ambient is on its labels.
func (m mapping) ofNamespace(ctx context.Context, obj client.Object) []ctrl.Request {
	namespaces := m.ifGoverned(ctx, obj.GetName())
	var pods corev1.PodList
	if err := m.cache.List(ctx, &pods, client.InNamespace(obj.GetName()), client.UnsafeDisableDeepCopy); err != nil {
		return requests(told(ctx)(namespaces, err))
	}
	for i := range pods.Items {
		owners := told(ctx)(gather.NamespacesWithGateway(ctx, m.cache, pods.Items[i].Labels))
		namespaces = append(namespaces, owners...)
	}
	return requests(namespaces)
}

// ofServiceEntry: the namespaces that send to what it declares.
func (m mapping) ofServiceEntry(ctx context.Context, obj client.Object) []ctrl.Request {
	entry, ok := obj.(*istionetworkingv1.ServiceEntry)
	if !ok {
		return nil
	}
	return requests(told(ctx)(gather.NamespacesSendingTo(ctx, m.cache, gather.ServiceEntryHosts(entry)...)))
}

// ofVirtualService: the namespaces whose policies have a Gateway that it names.
func (m mapping) ofVirtualService(ctx context.Context, obj client.Object) []ctrl.Request {
	vs, ok := obj.(*istionetworkingv1.VirtualService)
	if !ok {
		return nil
	}
	return requests(told(ctx)(gather.NamespacesRoutedBy(ctx, m.cache, vs)))
}

// ofWebhook: the namespaces of the Services that the API server calls, if they have policies.
func (m mapping) ofWebhook(ctx context.Context, obj client.Object) []ctrl.Request {
	var governed []string
	for _, namespace := range gather.WebhookNamespaces(obj) {
		governed = append(governed, m.ifGoverned(ctx, namespace)...)
	}
	return requests(governed)
}

// ofConfigMap: all namespaces, if it may hold a mesh config.
func (m mapping) ofConfigMap(ctx context.Context, obj client.Object) []ctrl.Request {
	name, prefix := obj.GetName(), gather.MeshConfigMap+"-"
	if obj.GetNamespace() != m.options.IstioNamespace || (name != gather.MeshConfigMap && !strings.HasPrefix(name, prefix)) {
		return nil
	}
	return m.ofAnything(ctx, obj)
}

// ofCredential: the namespaces whose policies name it.
func (m mapping) ofCredential(ctx context.Context, obj client.Object) []ctrl.Request {
	return requests(told(ctx)(gather.NamespacesNaming(ctx, m.cache, obj.GetName())))
}

// ofAnything: all namespaces with policies.
func (m mapping) ofAnything(ctx context.Context, _ client.Object) []ctrl.Request {
	return requests(told(ctx)(gather.Namespaces(ctx, m.cache)))
}

// ifGoverned is the namespace, if it has policies.
func (m mapping) ifGoverned(ctx context.Context, namespace string) []string {
	var policies meshtlsv1alpha1.MeshTLSPolicyList
	err := m.cache.List(ctx, &policies, client.InNamespace(namespace), client.Limit(1), client.UnsafeDisableDeepCopy)
	if len(policies.Items) == 0 {
		return told(ctx)(nil, err)
	}
	return []string{namespace}
}

// told logs the error of a look-up, since a map function cannot return one. The cache gives one only while it is stopping.
func told(ctx context.Context) func([]string, error) []string {
	return func(namespaces []string, err error) []string {
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "looking up whom an event concerns")
		}
		return namespaces
	}
}

// requests asks for each namespace once.
func requests(namespaces []string) []ctrl.Request {
	var all []ctrl.Request
	for _, namespace := range sets.List(sets.New(namespaces...)) {
		all = append(all, ctrl.Request{NamespacedName: types.NamespacedName{Name: namespace}})
	}
	return all
}
