package translate

import (
	"fmt"
	"testing"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// BenchmarkGateways plans 50 policies of two servers for one gateway of three kinds of pods.
func BenchmarkGateways(b *testing.B) {
	const count = 50
	s := edgeWorld()
	for i := range 3 {
		s.Workloads = append(s.Workloads, gatewayPod("far", fmt.Sprintf("in-%d", i), "in"))
	}
	for i := range count {
		spec := terminating(onPort(443, fmt.Sprintf("%d.example", i)))
		spec.Plaintext = redirecting(onPort(80, fmt.Sprintf("%d.example", i))).Plaintext
		s.Policies = append(s.Policies, gatewayPolicy(fmt.Sprintf("p%d", i), int64(i), spec))
	}
	m := indexed{Snapshot: s, views: mesh.NewViews(s.Inventory)}
	policies := withTargets(m)
	var rules []model.GatewayRule
	b.ReportAllocs()
	for b.Loop() {
		rules = gateways(m, policies).rules
	}
	if len(rules) != count {
		b.Fatalf("got %d rules, want one for each of the %d policies", len(rules), count)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/policy")
}
