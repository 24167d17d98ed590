package faults

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// TestWebhook has the API server ask a webhook about Istio's objects at which nobody answers, for a while.
func TestWebhook(t *testing.T) {
	each(t, "a webhook is down", 2, 6, func(t *testing.T, namespace string, _ uint64) {
		down := nobodyAnswers(namespace)
		must(t, admin.Create(t.Context(), down))
		t.Cleanup(func() { _ = admin.Delete(context.Background(), down) })
		start(t, namespace, &transport{})
		eventually(t, "no policy says that its objects cannot be written", func(ctx context.Context) error {
			var list meshtlsv1alpha1.MeshTLSPolicyList
			if err := admin.List(ctx, &list, client.InNamespace(namespace)); err != nil {
				return err
			}
			for i := range list.Items {
				if meta.IsStatusConditionFalse(list.Items[i].Status.Conditions, meshtlsv1alpha1.ConditionProgrammed) {
					return nil
				}
			}
			return errors.New("all are Programmed")
		})
		must(t, admin.Delete(t.Context(), down))
	})
}

// nobodyAnswers returns a webhook for what the operator writes in the namespace, at a port where nothing listens.
func nobodyAnswers(namespace string) *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "down-" + namespace},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name:                    "down.faults.meshtls.dev",
			ClientConfig:            admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://127.0.0.1:1/")},
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
			TimeoutSeconds:          ptr.To[int32](1),
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{"security.istio.io", "networking.istio.io"}, APIVersions: []string{"*"}, Resources: []string{"*"},
				},
			}},
		}},
	}
}

// TestClock has the operator's clock jump a day ahead and back, again and again.
func TestClock(t *testing.T) {
	each(t, "the clock jumps", 2, 6, func(t *testing.T, namespace string, _ uint64) {
		var asked atomic.Int64
		startFor(t, []string{namespace}, &transport{clock: func() time.Time {
			return time.Now().Add([]time.Duration{0, 24 * time.Hour, -24 * time.Hour}[asked.Add(1)%3])
		}})
	})
}

// TestHostileLabels: what somebody dresses up as the operator's own stays as it is, and changes nothing of what is.
func TestHostileLabels(t *testing.T) {
	each(t, "hostile labels", 2, 6, func(t *testing.T, namespace string, _ uint64) {
		dressed := &istiosecurityv1.PeerAuthentication{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: "meshtls-dressed-up",
				Labels: map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy},
			},
			Spec: securityapi.PeerAuthentication{Selector: selecting("nobody")},
		}
		must(t, admin.Create(t.Context(), dressed))
		version := dressed.ResourceVersion
		start(t, namespace, &transport{})
		ready(t, namespace)
		must(t, admin.Get(t.Context(), client.ObjectKeyFromObject(dressed), dressed))
		if dressed.ResourceVersion != version {
			t.Error("what is somebody else's was changed")
		}
		must(t, admin.Delete(t.Context(), dressed))
	})
}
