package gather

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// readWorkloads reads the namespace's pods.
func (g *gathering) readWorkloads(ctx context.Context, s *model.Snapshot) error {
	var found corev1.PodList
	if err := g.list(ctx, &found, client.InNamespace(g.namespace)); err != nil {
		return err
	}
	var err error
	s.Workloads, err = g.workloadsOf(ctx, found.Items)
	return err
}

// readGatewayPods reads the pods of other namespaces that the gateway targets select: Istio's Gateways know no namespace.
func (g *gathering) readGatewayPods(ctx context.Context, s *model.Snapshot) error {
	selected := map[client.ObjectKey]corev1.Pod{}
	for _, selector := range gatewaySelectors(s) {
		var found corev1.PodList
		err := g.list(ctx, &found, client.MatchingFields{IndexPodLabel: firstPair(selector)}, client.MatchingLabels(selector))
		if err != nil {
			return err
		}
		for i := range found.Items {
			if found.Items[i].Namespace != g.namespace {
				selected[client.ObjectKeyFromObject(&found.Items[i])] = found.Items[i]
			}
		}
	}
	found, err := g.workloadsOf(ctx, slices.Collect(maps.Values(selected)))
	s.Workloads = append(s.Workloads, found...)
	return err
}

// gatewaySelectors are the labels that the policies' gateway targets select by; a target whose Service is missing has none.
func gatewaySelectors(s *model.Snapshot) []map[string]string {
	var selectors []map[string]string
	for _, policy := range s.Policies {
		if selector := gatewaySelector(s, policy); len(selector) > 0 {
			selectors = append(selectors, selector)
		}
	}
	return selectors
}

func gatewaySelector(s *model.Snapshot, policy *meshtlsv1alpha1.MeshTLSPolicy) map[string]string {
	gateway := policy.Spec.Gateway
	switch {
	case gateway == nil:
		return nil
	case gateway.Selector != nil:
		return gateway.Selector.MatchLabels
	}
	for i := range s.Services {
		if s.Services[i].Namespace == policy.Namespace && s.Services[i].Name == gateway.Service {
			return s.Services[i].Selector
		}
	}
	return nil
}

// workloadsOf groups the pods that are alike, leaving out those that have finished. A workload's example is the first of its pods by name.
func (g *gathering) workloadsOf(ctx context.Context, pods []corev1.Pod) ([]model.Workload, error) {
	slices.SortFunc(pods, func(a, b corev1.Pod) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	var workloads []model.Workload
	at := map[string]int{}
	for i := range pods {
		if finished(&pods[i]) {
			continue
		}
		w, err := g.workloadOf(ctx, &pods[i])
		if err != nil {
			return nil, err
		}
		shape := shapeOf(w)
		if first, known := at[shape]; known {
			workloads[first].Count++
			workloads[first].Pods = append(workloads[first].Pods, w.Pods...)
			continue
		}
		at[shape] = len(workloads)
		workloads = append(workloads, w)
	}
	return workloads, nil
}

// finished pods serve and send nothing any more.
func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func (g *gathering) workloadOf(ctx context.Context, pod *corev1.Pod) (model.Workload, error) {
	dataplane, err := g.dataplaneOf(ctx, pod)
	var named []model.Pod
	if g.namesPods {
		named = []model.Pod{{Name: pod.Name, Controller: controllerOf(pod)}}
	}
	return model.Workload{
		Namespace:  pod.Namespace,
		Example:    pod.Name,
		Count:      1,
		Pods:       named,
		Labels:     pod.Labels,
		Ports:      containerPorts(pod),
		Dataplane:  dataplane,
		Gateway:    isGateway(pod),
		Uncaptured: uncapturedPorts(pod),
		Scraped:    scrapedPort(pod),
	}, err
}

// shapeOf is equal for workloads that differ in nothing but their pods' names.
func shapeOf(w model.Workload) string {
	var shape strings.Builder
	fmt.Fprintf(&shape, "%s\n%s\n%v\n%v\n%d\n%t\n", w.Namespace, w.Dataplane, w.Ports, w.Uncaptured, w.Scraped, w.Gateway)
	for _, pair := range labelPairs(w.Labels) {
		shape.WriteString(pair + "\n")
	}
	return shape.String()
}
