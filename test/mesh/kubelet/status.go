package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// LogFile is the kubelet's log, in its folder.
const LogFile = "kubelet.log"

// status is that of a pod whose containers run, and are ready or not.
func (p *Pod) status(ready corev1.ConditionStatus) corev1.PodStatus {
	now := metav1.Now()
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, HostIP: p.kubelet.Address.String(), PodIP: p.IP.String(), PodIPs: []corev1.PodIP{{IP: p.IP.String()}},
		StartTime: &now,
	}
	for _, condition := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: condition, Status: corev1.ConditionTrue})
	}
	for _, condition := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: condition, Status: ready, LastTransitionTime: now})
	}
	for _, container := range p.object.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: container.Image, Ready: ready == corev1.ConditionTrue,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	return status
}

// report writes the pod's status.
func (p *Pod) report(ctx context.Context, status corev1.PodStatus) {
	patch, err := json.Marshal(map[string]any{"status": status})
	if err == nil {
		_, err = p.kubelet.Client.CoreV1().Pods(p.object.Namespace).Patch(
			ctx, p.object.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	}
	if err != nil && ctx.Err() == nil {
		p.say("writing its status: %v", err)
	}
}

// say puts a line into the kubelet's log.
func (p *Pod) say(format string, args ...any) {
	file, err := os.OpenFile(filepath.Join(p.kubelet.Folder, LogFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return // the folder is gone, and nobody will read it
	}
	defer func() { _ = file.Close() }()
	_, _ = fmt.Fprintf(file, "pod %s: %s\n", p.name(), fmt.Sprintf(format, args...))
}
