package gather

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// workloadsOf groups the pods that are alike, leaving out those that have finished. The pods are ordered: a workload's example is the
// first of its pods by name.
func (g *gathering) workloadsOf(ctx context.Context, pods []*corev1.Pod) ([]*model.Workload, error) {
	var workloads []*model.Workload
	at := map[string]int{}
	for _, pod := range pods {
		if finished(pod) {
			continue
		}
		w, err := g.workloadOf(ctx, pod)
		if err != nil {
			return nil, err
		}
		shape := shapeOf(w)
		if first, known := at[shape]; known {
			workloads[first].Count++
			workloads[first].Unready = workloads[first].Unready && w.Unready
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

// unready reports whether the pod is not ready. A pod of a cluster has a phase from the beginning; of one without it nothing is known.
func unready(pod *corev1.Pod) bool {
	return pod.Status.Phase != "" && !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func (g *gathering) workloadOf(ctx context.Context, pod *corev1.Pod) (*model.Workload, error) {
	dataplane, err := g.dataplaneOf(ctx, pod)
	return &model.Workload{
		Namespace:      pod.Namespace,
		Example:        pod.Name,
		Count:          1,
		Unready:        unready(pod),
		Pods:           []model.Pod{{Name: pod.Name, Controller: controllerOf(pod), Addresses: podAddresses(pod)}},
		Labels:         pod.Labels,
		ServiceAccount: pod.Spec.ServiceAccountName,
		Ports:          containerPorts(pod),
		Dataplane:      dataplane,
		Gateway:        IsGateway(pod),
		Unprivileged:   isUnprivileged(pod),
		Revision:       revisionOf(pod),
		Interception:   interceptionOf(pod),
		Outbound:       outboundOf(pod),
		Uncaptured:     uncapturedPorts(pod),
		CapturedOnly:   capturedOnly(pod),
		Scraped:        scrapedPort(pod),
		Probes:         probesOf(pod),
	}, err
}

// shapeOf is equal for workloads that differ in nothing but their pods.
func shapeOf(w *model.Workload) string {
	var shape strings.Builder
	fmt.Fprintf(&shape, "%s\n%s\n%s\n%s\n%s\n", w.Namespace, w.ServiceAccount, w.Dataplane, w.Revision, w.Interception)
	fmt.Fprintf(&shape, "%v\n%v\n%#v\n%d\n%t\n%t\n%v\n%v\n",
		w.Ports, w.Uncaptured, w.CapturedOnly, w.Scraped, w.Gateway, w.Unprivileged, w.Outbound, w.Probes)
	for _, pair := range labelPairs(w.Labels) {
		shape.WriteString(pair + "\n")
	}
	return shape.String()
}
