package rollouts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

// TestRollouts takes two workloads to Strict. One is called by a client without a proxy, and once by a job: it is blocked until these
// are gone. The other has a client that no evidence knew of, which is refused in the probation: it goes back, once.
func TestRollouts(t *testing.T) {
	if testing.Short() {
		t.Skip("a rollout takes minutes: the shortest observation is one")
	}
	w := start(t)
	from := func(pod, host string, port uint16, protocol app.Protocol) mesh.Call {
		return mesh.Call{From: w.pods[pod], Host: host, Port: port, Protocol: protocol}
	}
	calls := []mesh.Call{
		from("front", catalogHost, 80, app.HTTP1), from("front", catalogHost, 90, app.TCP), from("front", catalogHost, 91, app.TCP),
		from("front", ledgerHost, 80, app.HTTP1),
	}
	for _, c := range calls {
		w.untilAnswered(t, c)
	}
	well, _ := w.repeat(t, 500*time.Millisecond, calls...)
	_, fix := w.repeat(t, 500*time.Millisecond, from("crawler", catalogHost, 80, app.HTTP1))
	catalog, ledger := w.follow(t, rollout("catalog")), w.follow(t, rollout("ledger"))

	catalog.reaches(t, meshtlsv1alpha1.RolloutBlocked)
	if err := w.once(t.Context(), from("nightly", catalogHost, 90, app.TCP)); err != nil {
		t.Fatal(err)
	}
	catalog.blockedBy(t, "unknown http [8080]", "unknown tcp [8090]")
	fix()
	w.giveProxy(t, "crawler")
	fixed, _ := w.repeat(t, time.Second, from("crawler", catalogHost, 80, app.HTTP1))
	catalog.reaches(t, meshtlsv1alpha1.RolloutObserving)
	held := map[uint16]*asked{90: w.hold(t, from("front", catalogHost, 90, app.TCP)), 91: w.hold(t, from("front", catalogHost, 91, app.TCP))}

	ledger.reaches(t, meshtlsv1alpha1.RolloutProbation)
	w.untilRefused(t, from("nightly", ledgerHost, 80, app.HTTP1))
	ledger.reaches(t, meshtlsv1alpha1.RolloutUndone)
	w.untilAnswered(t, from("nightly", ledgerHost, 80, app.HTTP1))

	catalog.reaches(t, meshtlsv1alpha1.RolloutProbation)
	catalog.cuts(t, held)
	w.skipProbation(t, catalog)
	catalog.reaches(t, meshtlsv1alpha1.RolloutCompleted)
	w.untilRefused(t, from("nightly", catalogHost, 80, app.HTTP1))
	w.staysRefused(t, from("nightly", catalogHost, 80, app.HTTP1))

	catalog.went(t, "Blocked", "Observing", "Switching", "Switching 8080", "Switching 8080,8090", "Probation", "Completed")
	ledger.went(t, "Observing", "Switching", "Switching 8080", "Probation", "Undone")
	loses(t, "the client with a proxy", well)
	loses(t, "the client that was given one", fixed)
}

// moment is what the status said from a time on.
type moment struct {
	words string
	at    time.Time
}

// followed is a policy whose rollout is watched.
type followed struct {
	*meshtlsv1alpha1.MeshTLSPolicy

	world *world
	mu    sync.Mutex
	last  *meshtlsv1alpha1.RolloutStatus
	way   []moment
}

// follow creates the policy, and takes down what its status says.
func (w *world) follow(t *testing.T, p *meshtlsv1alpha1.MeshTLSPolicy) *followed {
	t.Helper()
	if err := w.policies.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	f := &followed{MeshTLSPolicy: p, world: w}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		_ = wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			f.look(ctx)
			return false, nil
		})
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		f.tell(t)
	})
	return f
}

func (f *followed) look(ctx context.Context) {
	now := &meshtlsv1alpha1.MeshTLSPolicy{}
	if f.world.policies.Get(ctx, client.ObjectKeyFromObject(f.MeshTLSPolicy), now) != nil || now.Status.Rollout == nil {
		return
	}
	words := string(now.Status.Rollout.Phase)
	if ports := now.Status.Rollout.StrictPorts; len(ports) > 0 {
		words += " " + strings.ReplaceAll(strings.Trim(fmt.Sprint(ports), "[]"), " ", ",")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = now.Status.Rollout
	if len(f.way) == 0 || f.way[len(f.way)-1].words != words {
		f.way = append(f.way, moment{words, time.Now()})
	}
}

// tell says how long each part of the way took.
func (f *followed) tell(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var told []string
	for i, m := range f.way {
		if i > 0 {
			told = append(told, fmt.Sprintf("%s at %.1f s", m.words, m.at.Sub(f.way[0].at).Seconds()))
		}
	}
	t.Logf("%s: %s", f.Name, strings.Join(told, "; "))
}

// since returns when the status began to say the words; zero: it did not.
func (f *followed) since(words string) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.way, func(m moment) bool { return m.words == words }); i >= 0 {
		return f.way[i].at
	}
	return time.Time{}
}

func (f *followed) status() meshtlsv1alpha1.RolloutStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		return meshtlsv1alpha1.RolloutStatus{}
	}
	return *f.last
}

// phaseTimeout is what a rollout has to reach its next phase: the shortest observation, and a while.
const phaseTimeout = 100 * time.Second

// reaches waits for a phase.
func (f *followed) reaches(t *testing.T, want meshtlsv1alpha1.RolloutPhase) {
	t.Helper()
	eventually(t, phaseTimeout, func() error {
		if got := f.status(); got.Phase != want {
			return fmt.Errorf("%s: want the phase %s, got %s: %s", f.Name, want, got.Phase, got.Message)
		}
		return nil
	})
}

// blockedBy waits until these block, each with the pods without a proxy that it may be.
func (f *followed) blockedBy(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, 20*time.Second, func() error {
		var got []string
		for _, b := range f.status().Blockers {
			got = append(got, fmt.Sprintf("%s %s %v", b.Client, b.Protocol, b.Ports))
			if !strings.Contains(b.Hint, "shop/crawler, shop/nightly") {
				return fmt.Errorf("the hint does not name the pods without a proxy: %s", b.Hint)
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s: got the blockers %q, want %q", f.Name, got, want)
		}
		return nil
	})
}

// went compares the way of the rollout, from the first of these words on.
func (f *followed) went(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var got []string
	for _, m := range f.way {
		if m.words == want[0] || len(got) > 0 {
			got = append(got, m.words)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s went %q, want %q", f.Name, got, want)
	}
}

// cuts waits until the connections are cut: that to a port with a declared protocol in the step of this port, the other in the last.
func (f *followed) cuts(t *testing.T, held map[uint16]*asked) {
	t.Helper()
	eventually(t, 3*drain, func() error {
		if held[90].ended().IsZero() || held[91].ended().IsZero() {
			return fmt.Errorf("connections are open still")
		}
		return nil
	})
	first, second, fold := f.since("Switching 8080"), f.since("Switching 8080,8090"), f.since("Probation")
	ended := func(port uint16) time.Time { return held[port].ended() }
	t.Logf("port 8080 became Strict; the connection to 8090 was cut %.1f s later, %.1f s after its own step and %.1f s before the last; "+
		"that to 8091 %.1f s after the last step", ended(90).Sub(first).Seconds(), ended(90).Sub(second).Seconds(),
		fold.Sub(ended(90)).Seconds(), ended(91).Sub(fold).Seconds())
	if at := ended(90); at.Before(second) || at.After(fold) {
		t.Errorf("the connection to 8090 was cut at %s, want between its step at %s and the last at %s", at, second, fold)
	}
	if at := ended(91); at.Before(fold) {
		t.Errorf("the connection to 8091 was cut at %s, want after the last step at %s", at, fold)
	}
}

// giveProxy replaces a pod without a proxy by one with a sidecar.
func (w *world) giveProxy(t *testing.T, name string) {
	t.Helper()
	pod := w.pods[name].Pod
	pod.Proxy, pod.Labels = mesh.Sidecar, nil
	if err := w.Delete(t.Context(), w.pods[name]); err != nil {
		t.Fatal(err)
	}
	running, err := w.Run(t.Context(), pod)
	if err != nil {
		t.Fatal(err)
	}
	w.pods[name] = running[0]
}

// skipProbation puts the operator's clock past the probation, and has it look.
func (w *world) skipProbation(t *testing.T, f *followed) {
	t.Helper()
	w.clock.skip(6 * time.Minute)
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"looked-at":"now"}}}`))
	if err := w.policies.Patch(t.Context(), f.DeepCopy(), patch); err != nil {
		t.Fatal(err)
	}
}

// untilRefused calls until the call is refused.
func (w *world) untilRefused(t *testing.T, c mesh.Call) {
	t.Helper()
	eventually(t, 2*drain, func() error {
		if w.once(t.Context(), c) == nil {
			return fmt.Errorf("%s is not refused", c.Host)
		}
		return nil
	})
}

// untilAnswered calls until the call is answered.
func (w *world) untilAnswered(t *testing.T, c mesh.Call) {
	t.Helper()
	eventually(t, 3*drain, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // its proxy may not know the server yet
		defer cancel()
		return w.once(ctx, c)
	})
}

// staysRefused calls for a while, in which the operator looks for refusals several times if it looks at all.
func (w *world) staysRefused(t *testing.T, c mesh.Call) {
	t.Helper()
	for range 8 {
		if w.once(t.Context(), c) == nil {
			t.Fatalf("%s has become Permissive after its rollout was completed", c.Host)
		}
		<-time.After(500 * time.Millisecond)
	}
}

// loses says how many requests were lost. One that arrives while Envoy replaces a listener may be: at most one a change.
func loses(t *testing.T, who string, a *asked) {
	t.Helper()
	const changes = 5
	all, lost := a.counts()
	t.Logf("%s: %d of %d requests lost", who, len(lost), all)
	if len(lost) > changes || all == 0 {
		t.Errorf("%s: %d of %d requests lost: %s", who, len(lost), all, strings.Join(lost, "; "))
	}
}

func eventually(t *testing.T, limit time.Duration, holds func() error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, limit, true, func(context.Context) (bool, error) {
		last = holds()
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("after %s: %v", limit, last)
	}
}
