package page

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/meshtls/meshtls/test/browser"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/metrics"
	"github.com/meshtls/meshtls/test/mesh/operator"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // errors tell what the libraries log
	os.Exit(m.Run())
}

// timeout is what the browser has, from the first click to the last lock.
const timeout = 3 * time.Minute

// window is how far the page looks back: the shortest that it may. Calls of before a change are out of sight after it.
const window = "1m"

// world is the server, with a policy that makes its port Disable: both clients send plaintext, the one because its proxy is told to, the
// other because it has none.
const world = `
apiVersion: v1
kind: Service
metadata: {name: catalog, namespace: shop}
spec:
  selector: {app: catalog}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: catalog, namespace: shop}
spec:
  workload: {service: catalog}
  accept: {ports: [{port: 8080, mode: Disable}]}
`

// TestChangeInBrowser picks a workload, sets a port to Strict, reads who would be refused, applies, and waits until the locks say that
// calls are mutual TLS. The browser says how long each step took.
func TestChangeInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("calls leave the page's shortest window after a minute")
	}
	metrics.Require(t)
	browser.Require(t)
	m, programs := operator.RequireBuilt(t)
	pods := populate(t, m, programs)
	prometheus := metrics.Start(t, m, pods[0])
	for _, client := range pods[1:] {
		repeat(t, m, mesh.Call{From: client, Host: "catalog.shop.svc.cluster.local", Port: 80, Protocol: app.HTTP1})
	}
	address := browser.ServePage(t, filepath.Join(programs, "kubectl-meshtls"), "--allow-apply",
		"--kubeconfig", m.Plane.Kubeconfig, "--prometheus", prometheus, "--since", window)
	browser.Run(t, timeout, "flow.js", "ADDRESS="+address)
}

// populate runs the operator and the pods: the server, a client with a proxy and one without.
func populate(t *testing.T, m *mesh.Mesh, programs string) []*mesh.Running {
	t.Helper()
	if err := m.ApplyYAML(t.Context(), metrics.Filter()); err != nil {
		t.Fatal(err)
	}
	counted := map[string]string{"sidecar.istio.io/statsInclusionPrefixes": metrics.Prefix}
	pods, err := m.Run(t.Context(),
		mesh.Pod{Namespace: "shop", Name: "catalog", ServiceAccount: "catalog", Annotations: counted, Ports: []mesh.Port{{Number: 8080}}},
		mesh.Pod{Namespace: "shop", Name: "front", ServiceAccount: "front"},
		mesh.Pod{Namespace: "shop", Name: "crawler", ServiceAccount: "crawler", Proxy: mesh.None},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.ApplyYAML(t.Context(), world); err != nil {
		t.Fatal(err)
	}
	user, err := operator.Install(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Run(m, programs, user, operator.BriefSettle); err != nil {
		t.Fatal(err)
	}
	return pods
}

// repeat calls again and again until the test ends, whatever comes of it.
func repeat(t *testing.T, m *mesh.Mesh, c mesh.Call) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			m.Call(ctx, c)
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}
