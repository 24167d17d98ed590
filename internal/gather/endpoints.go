package gather

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
)

// readEndpointsOfService reads where the Service leads: its pods and machines, or the addresses that somebody gave it.
func (m *making) readEndpointsOfService(ctx context.Context, s *corev1.Service) error {
	switch selector := selectorOf(s); {
	case s.Spec.Type == corev1.ServiceTypeExternalName:
		return nil
	case selector != nil:
		return m.readSelected(ctx, s.Namespace, selector)
	}
	read, err := m.endpointSlices.read(ctx, client.InNamespace(s.Namespace), client.MatchingFields{IndexEndpointSliceService: s.Name})
	if err != nil {
		return err
	}
	for _, slice := range read {
		if err := m.readAddresses(ctx, sliceAddresses(slice)); err != nil {
			return err
		}
	}
	return nil
}

// readEndpointsOfEntry reads where the ServiceEntry leads.
func (m *making) readEndpointsOfEntry(ctx context.Context, e *istionetworkingv1.ServiceEntry) error {
	if selector := e.Spec.GetWorkloadSelector().GetLabels(); len(selector) > 0 {
		return m.readSelected(ctx, e.Namespace, selector)
	}
	return m.readAddresses(ctx, serviceEntryAddresses(e))
}

// readSelected reads the pods and machines of the namespace that have the labels, and what they accept.
func (m *making) readSelected(ctx context.Context, namespace string, labels map[string]string) error {
	pods, err := m.podsWith(ctx, namespace, labels)
	if err != nil {
		return err
	}
	first := client.MatchingFields{IndexWorkloadEntryLabel: labelPairs(labels)[0]}
	machines, err := m.workloadEntries.read(ctx, client.InNamespace(namespace), first)
	if err != nil {
		return err
	}
	for _, machine := range machines {
		if err := m.readAddresses(ctx, workloadEntryAddresses(machine)); err != nil {
			return err
		}
	}
	return m.readAccepted(ctx, namespace, pods)
}

// readAddresses reads the pods that have one of the addresses, with all those that are like them, and what they accept.
func (m *making) readAddresses(ctx context.Context, addresses []string) error {
	for _, address := range addresses {
		pods, err := m.pods.read(ctx, client.MatchingFields{IndexPodAddress: address})
		if err != nil {
			return err
		}
		for _, pod := range pods {
			if len(pod.Labels) > 0 {
				if _, err := m.podsWith(ctx, pod.Namespace, pod.Labels); err != nil {
					return err
				}
			}
			if err := m.readAccepted(ctx, pod.Namespace, pods); err != nil {
				return err
			}
		}
	}
	return nil
}

// readAccepted reads what the pods of a namespace accept: the PeerAuthentications. Where there are pods, that depends on the namespace
// too.
func (m *making) readAccepted(ctx context.Context, namespace string, pods []*corev1.Pod) error {
	if _, err := m.peerAuthentications.read(ctx, client.InNamespace(namespace)); err != nil || len(pods) == 0 {
		return err
	}
	_, err := m.labelsOf(ctx, namespace)
	return err
}
