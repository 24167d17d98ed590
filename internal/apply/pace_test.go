package apply

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// TestPace applies a plan again and again, and looks what each pass writes.
func TestPace(t *testing.T) {
	const settle = time.Second
	web := []model.Service{{Namespace: "shop", Name: "web", Selector: map[string]string{"app": "a"}}}
	const host = "web.shop.svc.cluster.local"
	tests := map[string]struct {
		live, want []client.Object
		passes     []time.Duration // when each begins
		requests   []string        // those of each
		wait       time.Duration   // after the last
	}{
		"servers that tighten wait for their clients": {
			want:     []client.Object{paFor("a", strict, ours("a", "p")), dr(host, ours("d", "p"))},
			passes:   []time.Duration{0, settle / 2, settle, settle},
			requests: []string{"apply DestinationRule d", "", "apply PeerAuthentication a", ""}, wait: settle,
		},
		"what is about other pods does not wait": {
			want:     []client.Object{paFor("b", strict, ours("a", "p")), dr(host, ours("d", "p"))},
			passes:   []time.Duration{0},
			requests: []string{"apply DestinationRule d, apply PeerAuthentication a"}, wait: settle,
		},
		"one phase does not wait for itself": {
			want:     []client.Object{dr("*.example.com", ours("wide", "p")), dr("a.example.com", ours("narrow", "p"))},
			passes:   []time.Duration{0},
			requests: []string{"apply DestinationRule narrow, apply DestinationRule wide"}, wait: settle,
		},
		"what follows a change that waits, waits too": {
			live:     []client.Object{paFor("a", disable, ours("gone", "p"))},
			want:     []client.Object{paFor("a", strict, ours("a", "p")), dr(host, ours("d", "p"))},
			passes:   []time.Duration{0, settle, 2 * settle},
			requests: []string{"apply DestinationRule d", "apply PeerAuthentication a", "delete PeerAuthentication gone"}, wait: settle,
		},
		"all has settled": {
			want: []client.Object{dr(host, ours("d", "p"))}, passes: []time.Duration{0, settle},
			requests: []string{"apply DestinationRule d", ""}, wait: 0,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s, now := newStore(objectsOf(tc.live...)), time.Unix(0, 0)
			s.fail, s.look = func() error { return nil }, func() {}
			pace := NewPace(settle)
			pace.now = func() time.Time { return now }
			var requests []string
			var last model.ChangeSet
			for _, at := range tc.passes {
				now = time.Unix(0, 0).Add(at)
				noting := &noted{store: s}
				work := Work{Namespace: "shop", Services: web, Live: s.all(), Want: objectsOf(tc.want...)}
				last = Applier{Client: noting, Contests: NewContests(), Pace: pace}.Apply(t.Context(), work)
				if len(last.Failures) > 0 {
					t.Fatal(last.Failures)
				}
				requests = append(requests, strings.Join(noting.requests, ", "))
			}
			if diff := cmp.Diff(tc.requests, requests); diff != "" {
				t.Errorf("requests of each pass (-want +got):\n%s", diff)
			}
			if got := pace.Wait("shop", last); got != tc.wait {
				t.Errorf("wait after the last pass: got %s, want %s", got, tc.wait)
			}
			now = now.Add(2 * settle)
			if got := pace.Wait("shop", last); (got > 0) != (tc.wait > 0) {
				t.Errorf("wait after a pass that took long: got %s, and what it left unsettled must be looked at again", got)
			}
		})
	}
}

// noted is a store that notes the requests.
type noted struct {
	*store
	requests []string
}

func (n *noted) Patch(ctx context.Context, obj client.Object, patch client.Patch, options ...client.PatchOption) error {
	n.requests = append(n.requests, "apply "+RefOf(obj).Kind+" "+obj.GetName())
	return n.store.Patch(ctx, obj, patch, options...)
}

func (n *noted) Delete(ctx context.Context, obj client.Object, options ...client.DeleteOption) error {
	n.requests = append(n.requests, "delete "+RefOf(obj).Kind+" "+obj.GetName())
	return n.store.Delete(ctx, obj, options...)
}
