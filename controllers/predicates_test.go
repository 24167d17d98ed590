package controllers

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

func TestPodDiffers(t *testing.T) {
	base := func() *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a"}, ResourceVersion: "1"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c"}}},
			Status:     corev1.PodStatus{Phase: corev1.PodPending},
		}
	}
	tests := map[string]struct {
		change func(*corev1.Pod)
		want   bool
	}{
		"only the version":  {func(p *corev1.Pod) { p.ResourceVersion = "2" }, false},
		"it runs":           {func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }, false},
		"it has a node":     {func(p *corev1.Pod) { p.Spec.NodeName = "a" }, false},
		"it is not ready":   {func(p *corev1.Pod) { p.Status.Conditions = readiness(corev1.ConditionFalse) }, false},
		"it is ready":       {func(p *corev1.Pod) { p.Status.Conditions = readiness(corev1.ConditionTrue) }, true},
		"it has an address": {func(p *corev1.Pod) { p.Status.PodIPs = []corev1.PodIP{{IP: "10.0.0.1"}} }, true},
		"it has finished":   {func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, true},
		"a label":           {func(p *corev1.Pod) { p.Labels["app"] = "b" }, true},
		"an annotation":     {func(p *corev1.Pod) { p.Annotations = map[string]string{"ambient.istio.io/redirection": "enabled"} }, true},
		"a container":       {func(p *corev1.Pod) { p.Spec.Containers[0].Name = "d" }, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			after := base()
			tc.change(after)
			if got := podDiffers(base(), after); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func readiness(status corev1.ConditionStatus) []corev1.PodCondition {
	return []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
}

func TestIstioObjectDiffers(t *testing.T) {
	base := func() *istiosecurityv1.PeerAuthentication {
		return &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{
			UID: "1", Generation: 1, ResourceVersion: "1", Labels: map[string]string{},
			OwnerReferences: []metav1.OwnerReference{{UID: "p"}},
		}}
	}
	tests := map[string]struct {
		change func(*istiosecurityv1.PeerAuthentication)
		want   bool
	}{
		"only the status":     {func(o *istiosecurityv1.PeerAuthentication) { o.ResourceVersion = "2" }, false},
		"the spec":            {func(o *istiosecurityv1.PeerAuthentication) { o.Generation = 2 }, true},
		"a label":             {func(o *istiosecurityv1.PeerAuthentication) { o.Labels["a"] = "b" }, true},
		"an owner":            {func(o *istiosecurityv1.PeerAuthentication) { o.OwnerReferences = nil }, true},
		"it is being deleted": {func(o *istiosecurityv1.PeerAuthentication) { o.DeletionTimestamp = ptr.To(metav1.Now()) }, true},
		"it is another one":   {func(o *istiosecurityv1.PeerAuthentication) { o.UID = "2" }, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			after := base()
			tc.change(after)
			if got := istioObjectDiffers(base(), after); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestWebhookDiffers(t *testing.T) {
	base := func() *admissionregistrationv1.ValidatingWebhookConfiguration {
		return &admissionregistrationv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{ResourceVersion: "1", Generation: 1},
			Webhooks: []admissionregistrationv1.ValidatingWebhook{{Name: "a", ClientConfig: admissionregistrationv1.WebhookClientConfig{
				Service: &admissionregistrationv1.ServiceReference{Namespace: "shop", Name: "api"},
			}}},
		}
	}
	tests := map[string]struct {
		change func(*admissionregistrationv1.ValidatingWebhookConfiguration)
		want   bool
	}{
		"what the cache drops": {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) {
			c.ResourceVersion, c.Generation = "2", 2
		}, false},
		"another Service": {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) {
			c.Webhooks[0].ClientConfig.Service.Name = "b"
		}, true},
		"a label": {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) {
			c.Labels = map[string]string{"istio.io/tag": "stable"}
		}, true},
		"another port": {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) {
			c.Webhooks[0].ClientConfig.Service.Port = ptr.To(int32(1))
		}, true},
		"a webhook that is gone":       {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) { c.Webhooks = nil }, true},
		"a webhook by another name":    {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) { c.Webhooks[0].Name = "b" }, true},
		"not even the version changed": {func(*admissionregistrationv1.ValidatingWebhookConfiguration) {}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			after := base()
			tc.change(after)
			if got := validatingDiffers(base(), after); got != tc.want {
				t.Errorf("validating: got %v, want %v", got, tc.want)
			}
			if got := mutatingDiffers(asMutating(base()), asMutating(after)); got != tc.want {
				t.Errorf("mutating: got %v, want %v", got, tc.want)
			}
		})
	}
}

// asMutating returns the same configuration of the other kind.
func asMutating(c *admissionregistrationv1.ValidatingWebhookConfiguration) *admissionregistrationv1.MutatingWebhookConfiguration {
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: c.ObjectMeta}
	for _, hook := range c.Webhooks {
		mutating.Webhooks = append(mutating.Webhooks, admissionregistrationv1.MutatingWebhook{Name: hook.Name, ClientConfig: hook.ClientConfig})
	}
	return mutating
}
