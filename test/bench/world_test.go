package bench

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// world is the namespaces with the applications that policies are for.
type world struct {
	namespaces []string
	policies   int
}

// newWorld makes as many applications, each a pod behind a Service.
func newWorld(t *testing.T, policies int) world {
	t.Helper()
	w := world{policies: policies}
	for n := 0; n*perNamespace < policies; n++ {
		w.namespaces = append(w.namespaces, fmt.Sprintf("%s-%d", strings.ToLower(t.Name()), n))
	}
	must(t, together(len(w.namespaces), func(n int) error {
		return admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespaces[n]}})
	}))
	must(t, together(policies, func(i int) error { return newApplication(t.Context(), w.namespaceOf(i), appOf(i)) }))
	return w
}

func (w world) namespaceOf(i int) string { return w.namespaces[i/perNamespace] }

func appOf(i int) string { return fmt.Sprintf("app-%d", i) }

// together does something for each number below n, some at a time.
func together(n int, do func(i int) error) error {
	var group errgroup.Group
	group.SetLimit(inFlight)
	for i := range n {
		group.Go(func() error { return do(i) })
	}
	return group.Wait()
}

func newApplication(ctx context.Context, namespace, app string) error {
	labels := map[string]string{"app": app}
	if err := admin.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app, Labels: labels},
		Spec: corev1.PodSpec{AutomountServiceAccountToken: ptr.To(false), Containers: []corev1.Container{
			{Name: "app", Image: "app", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}},
			{Name: "istio-proxy", Image: "proxy"},
		}},
	}); err != nil {
		return err
	}
	return admin.Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app},
		Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Name: "http", Port: 8080}}},
	})
}

// policy returns the one for an application, which becomes a PeerAuthentication and a DestinationRule.
func (w world) policy(i int) *meshtlsv1alpha1.MeshTLSPolicy {
	app := appOf(i)
	return &meshtlsv1alpha1.MeshTLSPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: meshtlsv1alpha1.GroupVersion.String(), Kind: "MeshTLSPolicy"},
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespaceOf(i), Name: app},
		Spec: meshtlsv1alpha1.MeshTLSPolicySpec{
			Workload: &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: map[string]string{"app": app}}},
			Accept:   &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict},
			Send: []meshtlsv1alpha1.Send{{
				Hosts: []string{app}, ClientTLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendIstioMutual},
			}},
		},
	}
}

// clear deletes what a turn has left.
func (w world) clear(t *testing.T) {
	t.Helper()
	must(t, together(len(w.namespaces), func(n int) error {
		for _, kind := range []client.Object{
			&meshtlsv1alpha1.MeshTLSPolicy{}, &istiosecurityv1.PeerAuthentication{}, &istionetworkingv1.DestinationRule{}, trivial("", ""),
		} {
			err := admin.DeleteAllOf(t.Context(), kind, client.InNamespace(w.namespaces[n]))
			if err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
		return nil
	}))
}
