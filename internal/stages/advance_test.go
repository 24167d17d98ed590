package stages_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/stages"
	"github.com/meshtls/meshtls/test/manifests"
)

const shop = `
apiVersion: v1
kind: Service
metadata: {name: payments, namespace: shop}
spec:
  selector: {app: payments}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-db, port: 90, targetPort: 8090}, {name: admin, port: 70, targetPort: 8070}]
---
apiVersion: v1
kind: Pod
metadata: {name: payments-1, namespace: shop, labels: {app: payments}}
spec: {containers: [{name: app, image: a, ports: [{containerPort: 8080}]}, {name: istio-proxy, image: p}]}
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: payments, namespace: shop, uid: "1", generation: 1}
spec: {workload: {service: payments}, accept: {mode: Strict, rollout: {observe: 168h%s}%s}}
`

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// world is a namespace whose passes come one after the other, as the operator makes them.
type world struct {
	t        *testing.T
	snapshot model.Snapshot
	now      time.Time
	answer   *stages.Answer
	advanced stages.Advanced
}

// newWorld returns the shop with more settings of the rollout and of what is accepted, and with more objects.
func newWorld(t *testing.T, rollout, accept, more string) *world {
	t.Helper()
	return worldOf(t, fmt.Sprintf(shop, rollout, accept)+more)
}

// worldOf returns the world of some manifests.
func worldOf(t *testing.T, text string) *world {
	t.Helper()
	m := manifests.Read(t, noon, text)
	return &world{t: t, now: noon, snapshot: model.Snapshot{Namespace: "shop", Policies: m.Policies, Inventory: m.Inventory}}
}

// pass returns a pass after a time: the stages move on, and what they come to is written.
func (w *world) pass(after time.Duration) meshtlsv1alpha1.RolloutStatus {
	w.t.Helper()
	w.now = w.now.Add(after)
	in := stages.Input{Now: w.now, Free: 1, Pace: stages.DefaultPace(), Answers: map[types.UID]stages.Answer{}}
	if w.answer != nil {
		in.Answers["1"] = *w.answer
	}
	w.snapshot.Now = metav1.NewTime(w.now)
	w.advanced = stages.Advance(w.snapshot, in)
	result := compile.Compile(w.advanced.Snapshot)
	foreign := slices.DeleteFunc(slices.Clone(w.snapshot.PeerAuthentications), func(pa *istiosecurityv1.PeerAuthentication) bool { return model.Ours(pa) })
	w.snapshot = w.advanced.Snapshot
	w.snapshot.PeerAuthentications = slices.Concat(result.Objects.PeerAuthentications, foreign)
	return *w.snapshot.Policies[0].Status.Rollout
}

// sees returns what the source says from now on.
func (w *world) sees(outcome evidence.Outcome, calls ...evidence.Call) {
	o := evidence.Observation{Source: "Prometheus", Outcome: outcome, Window: evidence.Window{From: noon.Add(-1000 * time.Hour)}}
	for _, c := range calls {
		c.Server = evidence.Workload{Namespace: "shop", Name: "payments"}
		if c.Principal != "" {
			o.Mutual = append(o.Mutual, c)
		} else {
			o.Refusable = append(o.Refusable, c)
		}
	}
	ports := []evidence.Port{{Number: 8070}, {Number: 8080}, {Number: 8090}}
	w.answer = &stages.Answer{Observation: o, Targets: []evidence.Target{{Namespace: "shop", Workloads: []string{"payments"}, Ports: ports}}}
}

func mutual(port int32) evidence.Call {
	return evidence.Call{Client: evidence.Workload{Namespace: "shop", Name: "cart"}, Principal: "spiffe://a", Port: port, Count: 1}
}

// without returns a call of port 8080 without mutual TLS.
func without(last time.Time) evidence.Call {
	return evidence.Call{Client: evidence.Workload{Namespace: "legacy", Name: "crawler"}, Port: 8080, Count: 3, LastSeen: last}
}

// stand returns what a status says of the way to Strict.
func stand(r meshtlsv1alpha1.RolloutStatus) string {
	return strings.TrimSpace(fmt.Sprint(r.Phase, " ", r.Mode, " ", r.StrictPorts))
}

// TestAdvance goes through a week in a moment. A port without a declared protocol becomes Strict with the last step.
func TestAdvance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", "", "")
	all := []evidence.Call{mutual(8070), mutual(8080), mutual(8090)}
	type step struct {
		after time.Duration
		seen  func()
		want  string
	}
	for i, s := range []step{
		{want: "Observing Permissive []"},
		{seen: func() { w.sees(evidence.Found, append(all, without(w.now))...) }, want: "Blocked Permissive []"},
		{after: time.Minute, seen: func() { w.sees(evidence.Clean, all...) }, want: "Observing Permissive []"},
		{after: 167 * time.Hour, want: "Observing Permissive []"},
		{after: time.Hour, want: "Switching Permissive []"},
		{after: 2 * time.Minute, want: "Switching Permissive [8080]"},
		{after: 2 * time.Minute, want: "Switching Permissive [8080 8090]"},
		{after: 2 * time.Minute, want: "Probation Strict []"},
		{after: 30 * time.Minute, want: "Completed Strict []"},
		{after: 1000 * time.Hour, seen: func() { w.sees(evidence.Found, without(w.now)) }, want: "Completed Strict []"},
	} {
		if s.seen != nil {
			s.seen()
		}
		if got := stand(w.pass(s.after)); got != s.want {
			t.Fatalf("step %d: got %s, want %s; %s", i, got, s.want, w.snapshot.Policies[0].Status.Rollout.Message)
		}
	}
	if len(w.advanced.Questions) > 0 || !w.advanced.Again.IsZero() {
		t.Errorf("a completed rollout asks %v and wants to come back at %s", w.advanced.Questions, w.advanced.Again)
	}
}

// TestNothingNew holds that a status is not written because time passes or more is counted.
func TestNothingNew(t *testing.T) {
	t.Parallel()
	tests := map[string]func(w *world, i int){
		"clean":   func(w *world, _ int) { w.sees(evidence.Clean, mutual(8080)) },
		"blocked": func(w *world, i int) { w.sees(evidence.Found, without(w.now.Add(time.Duration(i)*time.Minute))) },
		"not known": func(w *world, i int) {
			w.sees(evidence.Unknown)
			w.answer.Observation.Doubt = fmt.Sprintf("%d pods do not report.", i)
		},
		"being asked": func(w *world, _ int) { w.answer = nil },
		"the source moves": func(w *world, i int) {
			w.sees(evidence.Clean, mutual(8080))
			w.answer.Observation.Window.From = w.now.Add(time.Duration(i) * time.Second)
		},
	}
	for name, see := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "", "", "")
			w.pass(0)
			see(w, 0)
			first := w.pass(0)
			for i := range 10 {
				see(w, i)
				if diff := cmp.Diff(first, w.pass(time.Minute)); diff != "" {
					t.Fatalf("after %d minutes (-was +is):\n%s", i+1, diff)
				}
			}
		})
	}
}

// TestWhatCounts is about which calls block, and what is missing.
func TestWhatCounts(t *testing.T) {
	t.Parallel()
	ripe := noon.Add(169 * time.Hour)
	tests := map[string]struct {
		rollout, accept string
		seen            []evidence.Call
		outcome         evidence.Outcome
		want            string
		wantWords       string
	}{
		"a client that is ignored": {
			rollout: `, ignore: [{namespace: legacy, workload: crawler, reason: gone}]`, outcome: evidence.Found,
			seen: []evidence.Call{without(ripe), mutual(8070), mutual(8080), mutual(8090)}, want: "Switching Permissive []",
		},
		"a port with a mode of its own": {
			accept: `, ports: [{port: 8080, mode: Permissive}]`, outcome: evidence.Found,
			seen: []evidence.Call{without(ripe), mutual(8070), mutual(8090)}, want: "Switching Permissive []",
		},
		"a port that nobody called": {
			outcome: evidence.Clean, seen: []evidence.Call{mutual(8080), mutual(8090)}, want: "Observing Permissive []",
			wantWords: "no call with mutual TLS is known of port 8070.",
		},
		"an expected client that was seen stands for ports that nobody called": {
			rollout: `, expectClients: [{namespace: shop, workload: cart}]`, outcome: evidence.Clean, seen: []evidence.Call{mutual(8080)},
			want: "Switching Permissive []",
		},
		"an expected client that was not seen": {
			rollout: `, expectClients: [{namespace: batch, workload: settlement}]`, outcome: evidence.Clean,
			seen: []evidence.Call{mutual(8070), mutual(8080), mutual(8090)}, want: "Observing Permissive []",
			wantWords: "batch/settlement of spec.accept.rollout.expectClients has not been seen",
		},
		"time alone": {rollout: `, gate: Timer`, want: "Switching Permissive []"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.rollout, tc.accept, "")
			if tc.outcome != "" {
				w.sees(tc.outcome, tc.seen...)
			}
			w.pass(0)
			got := w.pass(169 * time.Hour)
			if stand(got) != tc.want || !strings.Contains(got.Message, tc.wantWords) {
				t.Errorf("got %s: %s; want %s with %q", stand(got), got.Message, tc.want, tc.wantWords)
			}
		})
	}
}

// TestNeverLoosens is about what is in force when a rollout is first seen.
func TestNeverLoosens(t *testing.T) {
	t.Parallel()
	const byHand = `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: by-hand, namespace: shop}
spec: {mtls: {mode: STRICT}}
`
	w := newWorld(t, "", "", byHand)
	w.sees(evidence.Found, without(noon))
	if got := stand(w.pass(0)); got != "Completed Strict []" {
		t.Errorf("got %s of a target that is Strict", got)
	}
}

// TestOnlySomeSwitch holds that a rollout waits while others switch.
func TestOnlySomeSwitch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ", gate: Timer", "", "")
	w.pass(0)
	w.now = w.now.Add(169 * time.Hour)
	got := stages.Advance(w.snapshot, stages.Input{Now: w.now})
	r := got.Snapshot.Policies[0].Status.Rollout
	if r.Phase != meshtlsv1alpha1.RolloutSwitching || r.SwitchAt != nil || got.Switching != 0 || got.Again.Sub(w.now) != time.Minute {
		t.Errorf("got %+v, %d that switch, and to come back after %s", r, got.Switching, got.Again.Sub(w.now))
	}
	w.pass(0)
	if w.advanced.Switching != 1 {
		t.Errorf("got %d that switch, want 1", w.advanced.Switching)
	}
}
