package traffic_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/traffic"
	"github.com/meshtls/meshtls/test/manifests"
)

// strictShop makes a part of the world Strict: by a PeerAuthentication that others wrote, or by one of the operator's.
func strictShop(t *testing.T, peerAuthentication string) *mesh.View {
	t.Helper()
	return mesh.New(manifests.Read(t, time.Time{}, world+"---\n"+peerAuthentication).Inventory, "")
}

const (
	foreignStrict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: all, namespace: shop}
spec: {mtls: {mode: STRICT}}
`
	strictButOne = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: catalog
  namespace: shop
  labels: {app.kubernetes.io/managed-by: meshtls}
  ownerReferences: [{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, name: shop, uid: u}]
spec: {selector: {matchLabels: {app: catalog}}, mtls: {mode: STRICT}, portLevelMtls: {9000: {mode: PERMISSIVE}}}
`
)

func TestWouldRefuse(t *testing.T) {
	t.Parallel()
	crawler := evidence.Workload{Namespace: "legacy", Name: "crawler"}
	call := func(client evidence.Workload, port int32, candidates ...int32) evidence.Call {
		return evidence.Call{
			Client: client, Server: evidence.Workload{Namespace: "shop", Name: "catalog-1"}, Count: 9, Port: port, Candidates: candidates,
		}
	}
	dated := call(crawler, 8080)
	dated.LastSeen = time.Date(2026, time.November, 30, 3, 10, 0, 0, time.UTC)
	tests := map[string]struct {
		strict string
		calls  []evidence.Call
		want   []string
	}{
		"nobody called":    {strict: foreignStrict},
		"nobody is Strict": {strict: strings.Replace(foreignStrict, "STRICT", "PERMISSIVE", 1), calls: []evidence.Call{dated}},
		"what others wrote is Strict": {
			foreignStrict, []evidence.Call{dated, call(evidence.Workload{}, 0, 8080, 9000)},
			[]string{"PeerAuthentication shop/all spec.mtls.mode: Strict would refuse calls of shop/catalog-1. " +
				"legacy/crawler at port 8080 (9, last 2026-11-30 03:10Z). A client that is not known (9)."},
		},
		"nothing is known of the ports": {
			foreignStrict, []evidence.Call{call(crawler, 0)},
			[]string{"PeerAuthentication shop/all spec.mtls.mode: Strict would refuse calls of shop/catalog-1. legacy/crawler (9)."},
		},
		"nothing is known of the ports, and one is left open": {strict: strictButOne, calls: []evidence.Call{call(crawler, 0)}},
		"a policy makes it Strict": {
			strictButOne, []evidence.Call{call(crawler, 8080)},
			[]string{"MeshTLSPolicy shop/shop spec.accept: Strict would refuse calls of shop/catalog-1. legacy/crawler at port 8080 (9)."},
		},
		"the port that was called is left open":            {strict: strictButOne, calls: []evidence.Call{call(crawler, 9000)}},
		"one of the ports that were perhaps called is":     {strict: strictButOne, calls: []evidence.Call{call(crawler, 0, 8080, 9000)}},
		"a workload that is gone is nobody's to be Strict": {strict: foreignStrict, calls: []evidence.Call{{Client: crawler, Server: crawler, Port: 80}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range traffic.WouldRefuse(strictShop(t, tc.strict), tc.calls) {
				got = append(got, f.Subject.String()+" "+f.Field+": "+f.Message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStrictTargets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		strict string
		want   []string
	}{
		"a namespace":        {foreignStrict, []string{"shop: around, catalog-1, disabled, front"}},
		"a workload alone":   {strictButOne, []string{"shop: catalog-1"}},
		"nobody is Strict":   {strings.Replace(foreignStrict, "STRICT", "PERMISSIVE", 1), nil},
		"who has no proxy":   {strings.Replace(foreignStrict, "namespace: shop", "namespace: legacy", 1), nil},
		"one port is Strict": {strings.NewReplacer("mode: STRICT", "mode: PERMISSIVE", "mode: PERMISSIVE", "mode: STRICT").Replace(strictButOne), []string{"shop: catalog-1"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, target := range traffic.StrictTargets(strictShop(t, tc.strict), traffic.NewPods(nil)) {
				got = append(got, target.Namespace+": "+strings.Join(target.Workloads, ", "))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
