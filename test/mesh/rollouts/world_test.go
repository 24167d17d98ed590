package rollouts

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/controllers"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/stages"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/metrics"
	"github.com/meshtls/meshtls/test/mesh/operator"
)

const (
	shop        = "shop"
	catalogHost = "catalog.shop.svc.cluster.local"
	ledgerHost  = "ledger.shop.svc.cluster.local"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // errors tell what the libraries log
	os.Exit(m.Run())
}

// The times of the switch: a proxy is done with draining well before the next step.
const (
	drain = 4 * time.Second
	step  = 2 * drain
)

// annotations make a proxy drain soon, count calls, and count what it refuses.
func annotations() map[string]string {
	return map[string]string{
		"proxy.istio.io/config":                   fmt.Sprintf(`{"drainDuration": "%ds"}`, drain/time.Second),
		"sidecar.istio.io/statsInclusionPrefixes": metrics.Prefix,
		"sidecar.istio.io/statsInclusionSuffixes": "no_filter_chain_match",
	}
}

// services are the Services in front of the servers. Port 91 of catalog has no declared protocol: it becomes Strict with the rest.
const services = `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: catalog}
spec:
  selector: {app: catalog}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 90, targetPort: 8090}, {name: feed, port: 91, targetPort: 8091}]
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: ledger}
spec:
  selector: {app: ledger}
  ports: [{name: http, port: 80, targetPort: 8080}]
`

// world is a mesh with two servers, their clients, a Prometheus and the operator.
type world struct {
	*mesh.Mesh

	policies client.Client
	pods     map[string]*mesh.Running
	clock    clock
}

// clock tells the time, and can be put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) skip(d time.Duration) { c.ahead.Add(int64(d)) }

// startEmpty starts a mesh without pods.
func startEmpty(t *testing.T) *world {
	t.Helper()
	mesh.Require(t)
	metrics.Require(t)
	m, err := mesh.Start(t.Context(), operator.Options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Finish(t) })
	return &world{Mesh: m, pods: map[string]*mesh.Running{}}
}

// count has the proxies count calls, with more labels.
func (w *world) count(t *testing.T, more ...string) {
	t.Helper()
	if err := w.ApplyYAML(t.Context(), metrics.Filter(more...)); err != nil {
		t.Fatal(err)
	}
}

// run runs the pods.
func (w *world) run(t *testing.T, pods ...mesh.Pod) {
	t.Helper()
	running, err := w.Run(t.Context(), pods...)
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range running {
		w.pods[pod.Name] = pod
	}
}

// start starts the world.
func start(t *testing.T) *world {
	t.Helper()
	w := startEmpty(t)
	w.count(t, metrics.PortLabel)
	w.run(t,
		mesh.Pod{Namespace: shop, Name: "catalog", ServiceAccount: "catalog", Annotations: annotations(), Ports: []mesh.Port{{Number: 8080}, {Number: 8090}, {Number: 8091}}},
		mesh.Pod{Namespace: shop, Name: "ledger", ServiceAccount: "ledger", Annotations: annotations(), Ports: []mesh.Port{{Number: 8080}}},
		mesh.Pod{Namespace: shop, Name: "front", ServiceAccount: "front"},
		mesh.Pod{Namespace: shop, Name: "crawler", ServiceAccount: "crawler", Proxy: mesh.None},
		mesh.Pod{Namespace: shop, Name: "nightly", ServiceAccount: "nightly", Proxy: mesh.None},
	)
	prometheus := metrics.Start(t, w.Mesh, w.pods["catalog"], w.pods["ledger"])
	if err := w.ApplyYAML(t.Context(), services); err != nil {
		t.Fatal(err)
	}
	w.startOperator(t, prometheus)
	return w
}

// startOperator runs the operator in this process, so that its clock can be put forward, with the rights of its service account.
func (w *world) startOperator(t *testing.T, prometheus string, with ...func(*controllers.Options)) {
	t.Helper()
	user, err := operator.Install(t.Context(), w.Mesh)
	if err != nil {
		t.Fatal(err)
	}
	settings := controllers.Options{
		IstioNamespace: mesh.IstioNamespace, MaxConcurrentReconciles: 2, Settle: 300 * time.Millisecond, Clock: w.clock.now,
		Pace: &stages.Pace{Announce: time.Second, Step: step},
		Evidence: controllers.EvidenceOptions{
			Prometheus: evidence.Settings{URL: prometheus}, Interval: 500 * time.Millisecond, Concurrency: 2, Scrape: true, Dial: w.Dial,
		},
	}
	for _, set := range with {
		set(&settings)
	}
	options := controllers.ManagerOptions(settings)
	options.Metrics.BindAddress = "0"
	options.Controller.SkipNameValidation = ptr.To(true) // several tests run an operator in this process
	manager, err := ctrl.NewManager(user.Config, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := controllers.Setup(manager, settings); err != nil {
		t.Fatal(err)
	}
	if w.policies, err = client.New(w.Plane.Config, client.Options{Scheme: controllers.NewScheme()}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// rollout returns a policy that takes a workload to Strict.
func rollout(name string) *meshtlsv1alpha1.MeshTLSPolicy {
	p := &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name}}
	p.Spec.Workload = &meshtlsv1alpha1.Target{Service: name}
	p.Spec.Accept = &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict, Rollout: &meshtlsv1alpha1.Rollout{
		Observe: "1m", Probation: "5m", OnRefusal: meshtlsv1alpha1.ReactionUndo,
	}}
	return p
}
