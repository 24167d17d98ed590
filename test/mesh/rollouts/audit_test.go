package rollouts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/controllers"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/metrics"
)

const (
	storeHost = "store.shop.svc.cluster.local"
	// storeService has two HTTP ports that Istio's metrics do not tell apart.
	storeService = `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: store}
spec:
  selector: {app: store}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: http-admin, port: 81, targetPort: 8081}]
`
	// auditKnown is how long after an audit policy a call must come, so that it surely is counted by port.
	auditKnown = time.Minute
)

// startAudited starts a mesh with one server, a client with a proxy and one without, and an operator that may write audit policies.
// The metrics have no ports, as Istio's.
func startAudited(t *testing.T) (w *world, prometheus string) {
	t.Helper()
	w = startEmpty(t)
	w.count(t)
	w.run(t,
		mesh.Pod{Namespace: shop, Name: "store", ServiceAccount: "store", Annotations: annotations(), Ports: []mesh.Port{{Number: 8080}, {Number: 8081}}},
		mesh.Pod{Namespace: shop, Name: "front", ServiceAccount: "front"},
		mesh.Pod{Namespace: shop, Name: "crawler", ServiceAccount: "crawler", Proxy: mesh.None},
	)
	prometheus = metrics.Start(t, w.Mesh, w.pods["store"])
	root, err := controlplane.Root()
	if err != nil {
		t.Fatal(err)
	}
	role, err := os.ReadFile(filepath.Join(root, "config", "components", "audit", "role.yaml"))
	ofTheTest := strings.ReplaceAll(string(role), "name: meshtls-manager", "name: manager")
	if err = errors.Join(err, w.ApplyYAML(t.Context(), storeService), w.ApplyYAML(t.Context(), ofTheTest)); err != nil {
		t.Fatal(err)
	}
	w.startOperator(t, prometheus, func(o *controllers.Options) { o.Evidence.Audit = true })
	return w, prometheus
}

// audits returns the AuthorizationPolicies.
func (w *world) audits(t *testing.T) []*istiosecurityv1.AuthorizationPolicy {
	t.Helper()
	var list istiosecurityv1.AuthorizationPolicyList
	if err := w.policies.List(t.Context(), &list, client.InNamespace(shop)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// counted waits until the audit policy has counted these at each port.
func counted(t *testing.T, prometheus string, want func(port int32) (refusable int64, mutual bool)) {
	t.Helper()
	source, err := evidence.NewPrometheus(evidence.Settings{URL: prometheus})
	if err != nil {
		t.Fatal(err)
	}
	target := evidence.Target{Namespace: shop, Workloads: []string{"store"}, Audited: true, Pods: []evidence.Pod{{Namespace: shop, Name: "store"}}}
	eventually(t, 10*time.Second, func() error {
		got := source.Refusable(t.Context(), target, evidence.Last(5*time.Minute, time.Now())).Audit
		var wrong []error
		for _, port := range []int32{8080, 8081} {
			refusable, mutual := want(port)
			if !slices.ContainsFunc(got, func(c evidence.PortCount) bool {
				return c.Port == port && c.Refusable == refusable && (c.Mutual > 0) == mutual
			}) {
				wrong = append(wrong, fmt.Errorf("port %d: got %+v, want %d that Strict would refuse", port, got, refusable))
			}
		}
		return errors.Join(wrong...)
	})
}

// TestAuditPolicy has a client without a proxy call one of two HTTP ports that the metrics do not tell apart. The audit policy refuses
// nothing, counts exactly what came to each port, gives the blocker its port, and is gone when the target is Strict.
func TestAuditPolicy(t *testing.T) {
	w, prometheus := startAudited(t)
	call := func(from string, port uint16) mesh.Call {
		return mesh.Call{From: w.pods[from], Host: storeHost, Port: port, Protocol: app.HTTP1}
	}
	w.untilAnswered(t, call("front", 80))
	well, _ := w.repeat(t, 500*time.Millisecond, call("front", 80), call("front", 81))
	policy := rollout("store")
	policy.Spec.Accept.Rollout.Evidence = &meshtlsv1alpha1.RolloutEvidence{Audit: meshtlsv1alpha1.AuditEnabled}
	store := w.follow(t, policy)
	eventually(t, 30*time.Second, func() error {
		if got := len(w.audits(t)); got != 1 {
			return fmt.Errorf("got %d audit policies: %s", got, store.status().Message)
		}
		return nil
	})
	<-time.After(auditKnown)

	const calls = 7
	for range calls {
		if err := w.once(t.Context(), call("crawler", 81)); err != nil {
			t.Errorf("the audit policy refuses: %v", err)
		}
	}
	counted(t, prometheus, func(port int32) (int64, bool) { return map[int32]int64{8081: calls}[port], true })
	eventually(t, 20*time.Second, func() error {
		var got []string
		for _, b := range store.status().Blockers {
			got = append(got, fmt.Sprintf("%s %s %v", b.Client, b.Protocol, b.Ports))
		}
		if want := []string{"unknown http [8081]"}; !slices.Equal(got, want) {
			return fmt.Errorf("got the blockers %q, want %q", got, want)
		}
		return nil
	})

	store.reaches(t, meshtlsv1alpha1.RolloutSwitching)
	if got := len(w.audits(t)); got != 1 {
		t.Errorf("while ports switch: got %d audit policies, want 1", got)
	}
	store.reaches(t, meshtlsv1alpha1.RolloutProbation)
	eventually(t, 10*time.Second, func() error {
		if got := len(w.audits(t)); got != 0 {
			return fmt.Errorf("once it is Strict: got %d audit policies, want none", got)
		}
		return nil
	})
	w.untilRefused(t, call("crawler", 81))
	loses(t, "the client with a proxy", well)
}
