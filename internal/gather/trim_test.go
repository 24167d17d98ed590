package gather

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// TestTrimmedServiceIsReadAlike holds what the cache keeps of a Service to all that is read of one.
func TestTrimmedServiceIsReadAlike(t *testing.T) {
	t.Parallel()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web", UID: "uid-web", CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
			Labels: map[string]string{
				model.LabelUseWaypoint: "waypoint", model.LabelUntranslated: "", model.LabelTag: "stable",
				meshtlsv1alpha1.LabelRevision: "1-31", versions.LabelVersion: "1.31.2", "app": "web",
			},
			Annotations: map[string]string{model.AnnotationExportTo: "shop,bank", meshtlsv1alpha1.AnnotationMute: "a,b", "owner": "team"},
		},
		Spec: corev1.ServiceSpec{
			ClusterIP: "10.0.0.1", ClusterIPs: []string{"10.0.0.1", "fd00::1"}, Selector: map[string]string{"app": "web"},
			Ports: []corev1.ServicePort{
				{Name: "http", Port: 80, TargetPort: intstr.FromString("web"), Protocol: corev1.ProtocolTCP},
				{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP},
			},
		},
	}
	external := service.DeepCopy()
	external.Spec.Type, external.Spec.ExternalName = corev1.ServiceTypeExternalName, "web.example.com."
	for name, s := range map[string]*corev1.Service{"of pods": service, "a name for another": external} {
		trimmed := trimService(s.DeepCopy())
		if diff := cmp.Diff(serviceOf(s), serviceOf(trimmed)); diff != "" {
			t.Errorf("%s (-whole +trimmed):\n%s", name, diff)
		}
		if diff := cmp.Diff(tagOf(model.KindService, s), tagOf(model.KindService, trimmed)); diff != "" {
			t.Errorf("%s as the Service of a tag (-whole +trimmed):\n%s", name, diff)
		}
	}
}
