package faults

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// TestWebhook has the API server ask a webhook about Istio's objects at which nobody answers, for a while.
func TestWebhook(t *testing.T) {
	each(t, "a webhook is down", 2, 6, func(t *testing.T, namespace string, _ uint64) {
		down := asking(namespace, admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://127.0.0.1:1/")})
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

// TestSlowWebhook has the API server ask a webhook that takes its time. One answer in three comes when the API server has given up.
func TestSlowWebhook(t *testing.T) {
	each(t, "a webhook is slow", 2, 6, func(t *testing.T, namespace string, seed uint64) {
		slow, asked := slowly(t, seed)
		hook := asking(namespace, slow)
		must(t, admin.Create(t.Context(), hook))
		t.Cleanup(func() { _ = admin.Delete(context.Background(), hook) })
		eventually(t, "the webhook is not asked", func(ctx context.Context) error {
			_ = admin.Create(ctx, probe(namespace), client.DryRunAll)
			if asked.Load() == 0 {
				return errors.New("nobody asked")
			}
			return nil
		})
		start(t, namespace, &transport{})
	})
}

// timeout is what the API server gives a webhook: the least that it can be told.
const timeout = time.Second

// asking returns a webhook that is asked about what the operator writes in the namespace.
func asking(namespace string, at admissionregistrationv1.WebhookClientConfig) *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "webhook-" + namespace},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name:                    "webhook.faults.meshtls.dev",
			ClientConfig:            at,
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
			TimeoutSeconds:          ptr.To(int32(timeout.Seconds())),
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

// slowly runs a webhook that allows everything, at its own pace until it has been asked often enough, and counts how often it was.
func slowly(t *testing.T, seed uint64) (admissionregistrationv1.WebhookClientConfig, *atomic.Int64) {
	t.Helper()
	d, asked := newDice(seed), &atomic.Int64{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(request.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if asked.Add(1) <= enough {
			select {
			case <-time.After(timeout * time.Duration(d.below(15)) / 10):
			case <-request.Context().Done():
			}
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
		_ = json.NewEncoder(w).Encode(review) // who does not wait for it does not get it
	}))
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return admissionregistrationv1.WebhookClientConfig{URL: ptr.To(server.URL), CABundle: authority}, asked
}
