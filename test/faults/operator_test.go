package faults

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/controllers"
)

const (
	istioNamespace = "istio-system"
	// hangs is how long a run may take until it counts as one that does not end.
	hangs = 2 * time.Minute
	// poll is how often the cluster is asked.
	poll = 20 * time.Millisecond
)

func limitless(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.QPS = -1
	return config
}

// start runs an operator for the namespace behind the transport, and returns what ends it.
func start(t *testing.T, namespace string, behind *transport) (stop func()) {
	t.Helper()
	return startFor(t, []string{namespace}, behind)
}

// startFor runs an operator for the namespaces. As Kubernetes does with its container, it is started again when it ends by itself.
func startFor(t *testing.T, namespaces []string, behind *transport) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = wait.PollUntilContextCancel(ctx, 10*poll, true, func(ctx context.Context) (bool, error) {
			_ = runOnce(ctx, namespaces, behind) // it is what its faults make of it
			return false, nil
		})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(stop)
	return stop
}

// runOnce runs an operator until it ends.
func runOnce(ctx context.Context, namespaces []string, behind *transport) error {
	config := limitless(plane.Config)
	config.Wrap(behind.stand)
	settings := controllers.Options{IstioNamespace: istioNamespace, MaxConcurrentReconciles: 2, WatchNamespaces: namespaces}
	options := controllers.ManagerOptions(settings)
	options.Metrics.BindAddress = "0"
	options.Controller.SkipNameValidation = ptr.To(true)
	manager, err := ctrl.NewManager(config, options)
	if err != nil {
		return err
	}
	if err := controllers.Setup(manager, settings); err != nil {
		return err
	}
	return manager.Start(ctx)
}

// ready waits until all policies of the namespace are, as they are now.
func ready(t *testing.T, namespace string) {
	t.Helper()
	eventually(t, "policies are not Ready", func(ctx context.Context) error {
		var list meshtlsv1alpha1.MeshTLSPolicyList
		if err := admin.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			return err
		}
		for i := range list.Items {
			p := &list.Items[i]
			if p.Status.ObservedGeneration != p.Generation || !meta.IsStatusConditionTrue(p.Status.Conditions, meshtlsv1alpha1.ConditionReady) {
				return fmt.Errorf("%s: %v", p.Name, p.Status.Conditions)
			}
		}
		return nil
	})
}

// eventually waits until there is nothing wrong any more.
func eventually(t *testing.T, problem string, wrong func(context.Context) error) {
	t.Helper()
	eventuallyIn(t.Context(), t, problem, wrong)
}

func eventuallyIn(ctx context.Context, t *testing.T, problem string, wrong func(context.Context) error) {
	t.Helper()
	if last := settle(ctx, wrong); last != nil {
		t.Fatalf("%s after %s: %v", problem, hangs, last)
	}
}

// settle waits until there is nothing wrong any more, and says what is if that takes too long.
func settle(ctx context.Context, wrong func(context.Context) error) error {
	var last error
	_ = wait.PollUntilContextTimeout(ctx, poll, hangs, true, func(ctx context.Context) (bool, error) {
		last = wrong(ctx)
		return last == nil, nil
	})
	return last
}
