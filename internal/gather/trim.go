package gather

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Trim is a transform for the manager's cache: of a Pod it keeps what a snapshot is made of, a small part. Other objects stay whole.
func Trim(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       pod.Namespace,
			Name:            pod.Name,
			UID:             pod.UID,
			ResourceVersion: pod.ResourceVersion,
			Labels:          pod.Labels,
			Annotations:     trimAnnotations(pod.Annotations),
		},
		Spec: corev1.PodSpec{
			HostNetwork:    pod.Spec.HostNetwork,
			Containers:     trimContainers(pod.Spec.Containers),
			InitContainers: trimContainers(pod.Spec.InitContainers),
		},
		Status: corev1.PodStatus{Phase: pod.Status.Phase},
	}, nil
}

// trimAnnotations shortens the sidecar's status, a long text, to the fact that there is one.
func trimAnnotations(annotations map[string]string) map[string]string {
	kept := map[string]string{}
	if _, injected := annotations[annotationSidecarStatus]; injected {
		kept[annotationSidecarStatus] = ""
	}
	if redirection, ok := annotations[annotationRedirection]; ok {
		kept[annotationRedirection] = redirection
	}
	return kept
}

func trimContainers(containers []corev1.Container) []corev1.Container {
	trimmed := make([]corev1.Container, 0, len(containers))
	for i := range containers {
		trimmed = append(trimmed, corev1.Container{
			Name:          containers[i].Name,
			Ports:         containers[i].Ports,
			RestartPolicy: containers[i].RestartPolicy,
		})
	}
	return trimmed
}
