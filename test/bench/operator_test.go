package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/controllers"
)

// rawClient returns a client of the operator's account that sends what it is given.
func rawClient(t *testing.T) rest.Interface {
	t.Helper()
	config := limitless(account.Config)
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	config.APIPath, config.GroupVersion = "/apis", &meshtlsv1alpha1.GroupVersion
	made, err := rest.RESTClientFor(config)
	must(t, err)
	return made
}

// startOperator runs the operator with its account until it is stopped.
func startOperator(t *testing.T, settle time.Duration, behind func(http.RoundTripper) http.RoundTripper) (stop func()) {
	t.Helper()
	config := limitless(account.Config)
	config.Wrap(behind)
	settings := controllers.Options{IstioNamespace: istioNamespace, MaxConcurrentReconciles: 4, Settle: settle}
	options := controllers.ManagerOptions(settings)
	options.Metrics.BindAddress = "0"
	options.Controller.SkipNameValidation = ptr.To(true)
	manager, err := ctrl.NewManager(config, options)
	must(t, err)
	must(t, controllers.Setup(manager, settings))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	<-manager.Elected()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// readiness counts the policies that are Ready, as a watch tells.
type readiness struct {
	t     *testing.T
	ready map[client.ObjectKey]bool
	from  <-chan client.ObjectKey
}

// watchReadiness begins to count.
func watchReadiness(t *testing.T) *readiness {
	t.Helper()
	watching, err := admin.Watch(t.Context(), &meshtlsv1alpha1.MeshTLSPolicyList{})
	must(t, err)
	told := make(chan client.ObjectKey, 1024)
	go func() {
		defer close(told)
		for event := range watching.ResultChan() {
			if p, is := event.Object.(*meshtlsv1alpha1.MeshTLSPolicy); is && isReady(p) {
				told <- client.ObjectKeyFromObject(p)
			}
		}
	}()
	t.Cleanup(watching.Stop)
	return &readiness{t: t, ready: map[client.ObjectKey]bool{}, from: told}
}

// isReady reports whether the policy is Ready as it is now.
func isReady(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
	return meta.IsStatusConditionTrue(p.Status.Conditions, meshtlsv1alpha1.ConditionReady) && p.Status.ObservedGeneration == p.Generation
}

// wait waits until as many are Ready.
func (r *readiness) wait(count int) {
	r.t.Helper()
	patience := time.After(10 * time.Minute)
	for len(r.ready) < count {
		select {
		case key := <-r.from:
			r.ready[key] = true
		case <-patience:
			r.t.Fatalf("%d of %d policies are Ready", len(r.ready), count)
		}
	}
}

// createAll creates the policies as their authors would.
func createAll(ctx context.Context, w world) error {
	return together(w.policies, func(i int) error {
		if err := admin.Create(ctx, w.policy(i)); err != nil {
			return fmt.Errorf("policy %d: %w", i, err)
		}
		return nil
	})
}
