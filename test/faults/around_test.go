package faults

import (
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

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

// probe returns an object that nobody is served by, to ask the API server about.
func probe(namespace string) *istiosecurityv1.PeerAuthentication {
	return &istiosecurityv1.PeerAuthentication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "probe"},
		Spec:       securityapi.PeerAuthentication{Selector: selecting("nobody")},
	}
}
