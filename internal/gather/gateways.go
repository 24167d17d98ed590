package gather

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// readGatewayTargets reads the pods, of any namespace, that the gateway targets of the policies select: Istio's Gateways know no namespace.
func (m *making) readGatewayTargets(ctx context.Context) error {
	for _, policy := range m.policies {
		selector := m.gatewaySelector(policy)
		if len(selector) == 0 {
			continue
		}
		if _, err := m.namespacesOfGateway(ctx, selector); err != nil {
			return err
		}
	}
	return nil
}

// gatewaySelector returns what the policy's gateway target selects by; one whose Service is missing selects by nothing.
func (m *making) gatewaySelector(policy *meshtlsv1alpha1.MeshTLSPolicy) map[string]string {
	gateway := policy.Spec.Gateway
	if gateway == nil {
		return nil
	}
	if labels := model.LabelsOf(gateway); labels != nil {
		return labels
	}
	service := m.services.all[client.ObjectKey{Namespace: policy.Namespace, Name: gateway.Service}]
	if service == nil {
		return nil
	}
	return selectorOf(service)
}

// readMerged reads what the gateways among the pods serve: the Gateways, of all namespaces, that select them, since Istio merges the
// servers of all of these, the Services by whose ports the Gateways name theirs, and the Ingresses.
// Source: istio pilot/pkg/model/push_context.go, mergeGateways.
func (m *making) readMerged(ctx context.Context) error {
	gateways := m.gatewayPods()
	if len(gateways) == 0 {
		return nil
	}
	labels, namespaces := sets.New[string](everyGateway), sets.New[string]()
	for _, pod := range gateways {
		labels.Insert(labelPairs(pod.Labels)...)
		namespaces.Insert(pod.Namespace)
	}
	for _, label := range sets.List(labels) {
		if err := reads(ctx, &m.gateways, client.MatchingFields{IndexGatewayLabel: label})(); err != nil {
			return err
		}
	}
	for _, namespace := range sets.List(namespaces) {
		if err := reads(ctx, &m.services, client.InNamespace(namespace))(); err != nil {
			return err
		}
	}
	if m.mesh.Ingress.Mode == model.IngressOff {
		return nil
	}
	return each(reads(ctx, &m.ingresses), reads(ctx, &m.ingressClasses))
}

// readMergedRoutes reads the VirtualServices that name a Gateway which was read: without any, Istio does not open a server that passes
// connections on.
func (m *making) readMergedRoutes(ctx context.Context) error {
	for _, gateway := range m.gateways.sorted() {
		name := client.ObjectKeyFromObject(gateway).String()
		if _, err := m.virtualServices.read(ctx, client.MatchingFields{IndexVirtualServiceGateway: name}); err != nil {
			return err
		}
	}
	return nil
}

// gatewayPods returns the gateways among the pods that were read, and the pods that gateway targets select: whether these are gateways is
// not for the reader to say.
func (m *making) gatewayPods() []*corev1.Pod {
	var selectors []map[string]string
	for _, policy := range m.policies {
		if selector := m.gatewaySelector(policy); len(selector) > 0 {
			selectors = append(selectors, selector)
		}
	}
	var all []*corev1.Pod
	index := pods.NewSelectors(selectors)
	for _, pod := range m.pods.all {
		if IsGateway(pod) || len(index.Selecting(pod.Labels)) > 0 {
			all = append(all, pod)
		}
	}
	return all
}
