package gather

import (
	"context"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
)

// The functions below are Snapshot read backwards: the namespaces, in order, whose snapshot something outside them is part of.

// Namespaces are those that have policies. All of them depend on the mesh config and on the root namespace's policies.
func Namespaces(ctx context.Context, reader client.Reader) ([]string, error) {
	return namespacesOf(ctx, reader, client.InNamespace(metav1.NamespaceAll))
}

// NamespacesSendingTo are those with policies that send to one of the declared hosts (of ServiceHosts or ServiceEntryHosts).
func NamespacesSendingTo(ctx context.Context, reader client.Reader, declared ...string) ([]string, error) {
	var fields []client.ListOption
	for _, host := range declared {
		fields = append(fields, client.MatchingFields{IndexSendHost: host})
		for _, wildcard := range hosts.Wildcards(host) {
			fields = append(fields, client.MatchingFields{IndexSendHost: wildcard})
		}
		if hosts.IsWildcard(host) {
			fields = append(fields, client.MatchingFields{IndexSendWildcard: host})
		}
	}
	return namespacesOf(ctx, reader, fields...)
}

// NamespacesWithGateway are those with policies whose gateway target selects pods with the labels.
func NamespacesWithGateway(ctx context.Context, reader client.Reader, labels map[string]string) ([]string, error) {
	found := sets.New[string]()
	for _, pair := range labelPairs(labels) {
		var policies meshtlsv1alpha1.MeshTLSPolicyList
		if err := list(ctx, reader, &policies, client.MatchingFields{IndexGatewayLabel: pair}); err != nil {
			return nil, err
		}
		for i := range policies.Items {
			if pods.Matches(policies.Items[i].Spec.Gateway.Selector.MatchLabels, labels) {
				found.Insert(policies.Items[i].Namespace)
			}
		}
		if err := addByService(ctx, reader, serviceQuery{pair: pair, labels: labels}, found); err != nil {
			return nil, err
		}
	}
	return sets.List(found), nil
}

// NamespacesBehind are those with policies whose gateway target selects pods that the Service selects, too.
func NamespacesBehind(ctx context.Context, reader client.Reader, service *corev1.Service) ([]string, error) {
	selector := selectorOf(service)
	if len(selector) == 0 {
		return nil, nil
	}
	var selected corev1.PodList
	if err := list(ctx, reader, &selected, client.InNamespace(service.Namespace), client.MatchingLabels(selector)); err != nil {
		return nil, err
	}
	asked, found := sets.New[string](), sets.New[string]()
	for i := range selected.Items {
		labels := strings.Join(labelPairs(selected.Items[i].Labels), ",")
		if asked.Has(labels) {
			continue
		}
		asked.Insert(labels)
		namespaces, err := NamespacesWithGateway(ctx, reader, selected.Items[i].Labels)
		if err != nil {
			return nil, err
		}
		found.Insert(namespaces...)
	}
	return sets.List(found), nil
}

// NamespacesGoverningGateways are those with policies that have a gateway target.
func NamespacesGoverningGateways(ctx context.Context, reader client.Reader) ([]string, error) {
	return namespacesOf(ctx, reader, client.MatchingFields{IndexHasGateway: "true"})
}

// NamespacesRoutedBy are those with a policy whose Gateway the VirtualService names.
func NamespacesRoutedBy(ctx context.Context, reader client.Reader, vs *istionetworkingv1.VirtualService) ([]string, error) {
	var selections []client.ListOption
	for _, gateway := range VirtualServiceGateways(vs) {
		selections = append(selections, client.MatchingFields{IndexGatewayName: gateway})
	}
	return namespacesOf(ctx, reader, selections...)
}

// NamespacesNaming are those with policies that name the credential.
func NamespacesNaming(ctx context.Context, reader client.Reader, credential string) ([]string, error) {
	return namespacesOf(ctx, reader, client.MatchingFields{IndexCredential: strings.TrimSuffix(credential, authoritySuffix)})
}

// serviceQuery asks for the Services that select pods with the labels, among those that are indexed by the pair.
type serviceQuery struct {
	pair   string
	labels map[string]string
}

// addByService adds the namespaces of the policies whose gateway target is a Service that the query finds.
func addByService(ctx context.Context, reader client.Reader, query serviceQuery, found sets.Set[string]) error {
	var services corev1.ServiceList
	if err := list(ctx, reader, &services, client.MatchingFields{IndexServiceLabel: query.pair}); err != nil {
		return err
	}
	for i := range services.Items {
		service := &services.Items[i]
		if found.Has(service.Namespace) || !pods.Matches(service.Spec.Selector, query.labels) {
			continue
		}
		var policies meshtlsv1alpha1.MeshTLSPolicyList
		err := list(ctx, reader, &policies, client.InNamespace(service.Namespace), client.MatchingFields{IndexGatewayService: service.Name})
		if err != nil {
			return err
		}
		if len(policies.Items) > 0 {
			found.Insert(service.Namespace)
		}
	}
	return nil
}

// namespacesOf are the namespaces of the policies that any of the selections finds.
func namespacesOf(ctx context.Context, reader client.Reader, selections ...client.ListOption) ([]string, error) {
	found := sets.New[string]()
	for _, selection := range selections {
		var policies meshtlsv1alpha1.MeshTLSPolicyList
		if err := list(ctx, reader, &policies, selection); err != nil {
			return nil, err
		}
		for i := range policies.Items {
			found.Insert(policies.Items[i].Namespace)
		}
	}
	return sets.List(found), nil
}
