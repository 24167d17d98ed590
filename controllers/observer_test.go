package controllers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/stages"
	"github.com/meshtls/meshtls/internal/traffic"
)

// countingSource is a source that counts how often it is asked, and at how many targets a time.
type countingSource struct {
	evidence.Source
	takes time.Duration

	mu                    sync.Mutex
	asked, inFlight, most int
	doubt                 string
}

func (s *countingSource) Refusable(context.Context, evidence.Target, evidence.Window) evidence.Observation {
	s.mu.Lock()
	s.asked++
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	doubt := s.doubt
	s.mu.Unlock()
	<-time.After(s.takes) // as a source that takes its time
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	return evidence.Observation{Outcome: evidence.Unknown, Doubt: doubt}
}

func (s *countingSource) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// observedAtATime is how many targets the observer of these tests asks about at a time.
const observedAtATime = 3

// observing returns an observer of one workload of each of some policies, as many a second as asked for.
func observing(t *testing.T, source evidence.Source, perSecond rate.Limit) *observer {
	t.Helper()
	o := newObserver(Options{Evidence: EvidenceOptions{Interval: time.Hour, Concurrency: observedAtATime}}, sources{calls: source})
	o.rate = rate.NewLimiter(perSecond, 1)
	o.look = func(context.Context) (sight, error) {
		pod := &model.Workload{
			Namespace: "shop", Example: "a", Pods: []model.Pod{{Name: "a"}}, Labels: map[string]string{"app": "a"},
			Dataplane: model.DataplaneSidecar,
		}
		return sight{views: mesh.NewViews(model.Inventory{Workloads: []*model.Workload{pod}}), pods: traffic.NewPods(nil)}, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- o.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return o
}

func questions(count int) []stages.Question {
	var all []stages.Question
	for i := range count {
		all = append(all, stages.Question{
			UID: types.UID(fmt.Sprint(i)), Policy: types.NamespacedName{Namespace: "shop", Name: fmt.Sprint(i)},
			Namespace: "shop", Selector: map[string]string{"app": "a"}, Observe: time.Hour,
		})
	}
	return all
}

// heard waits for so many changes.
func heard(t *testing.T, o *observer, count int) {
	t.Helper()
	for range count {
		select {
		case <-o.changed:
		case <-time.After(time.Minute):
			t.Fatal("no change is told")
		}
	}
}

// TestObserverIsBounded asks about a thousand targets: no more at a time than was said, and no faster.
func TestObserverIsBounded(t *testing.T) {
	t.Parallel()
	const targets, perSecond = 1000, 2000
	source := &countingSource{takes: time.Millisecond}
	o := observing(t, source, perSecond)
	began := time.Now()
	o.ask("shop", questions(targets))
	heard(t, o, targets)
	if took, least := time.Since(began), time.Second*targets/perSecond*9/10; took < least {
		t.Errorf("asked about %d targets in %s, want at least %s", targets, took, least)
	}
	if source.most > 3 || source.asked != targets {
		t.Errorf("asked %d times, and about %d targets at a time; want %d and 3", source.asked, source.most, targets)
	}
	if got := len(o.answersFor("shop")); got != targets {
		t.Errorf("got %d answers, want %d", got, targets)
	}
}

// TestNewQuestionDoesNotWaitForTheRound adds a target while all others are asked about.
func TestNewQuestionDoesNotWaitForTheRound(t *testing.T) {
	t.Parallel()
	const targets, perSecond = 20 * atOnce, 2000
	o := observing(t, &countingSource{}, perSecond)
	o.ask("shop", questions(targets))
	heard(t, o, targets)
	var told atomic.Bool
	o.told = func(time.Duration) { told.Store(true) }
	go o.askAll(t.Context())
	late := questions(1)
	late[0].UID, late[0].Policy.Namespace = "late", "zoo"
	o.ask("zoo", late)
	heard(t, o, 1)
	if told.Load() {
		t.Error("the new target waited for all others")
	}
}

// queries is a fake Prometheus that counts what it is asked. It says that it has metrics, and one call without labels, so no query is left
// out.
type queries struct {
	count, inFlight, most atomic.Int64
}

func (q *queries) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.count.Add(1)
	now := q.inFlight.Add(1)
	defer q.inFlight.Add(-1)
	for most := q.most.Load(); now > most && !q.most.CompareAndSwap(most, now); most = q.most.Load() {
	}
	answer := `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"1"]}]}}`
	if strings.HasSuffix(r.URL.Path, "query_range") {
		answer = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"]]}]}}`
	}
	_, _ = io.WriteString(w, answer)
}

// TestPrometheusIsAskedAtABoundedRate asks a fake Prometheus about a thousand targets, as the operator does, and says what it comes to.
func TestPrometheusIsAskedAtABoundedRate(t *testing.T) {
	t.Parallel()
	const targets, perSecond = 1000, 500
	asked := &queries{}
	server := httptest.NewServer(asked)
	t.Cleanup(server.Close)
	prometheus, err := evidence.NewPrometheus(evidence.Settings{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	o := observing(t, prometheus, perSecond)
	began := time.Now()
	o.ask("shop", questions(targets))
	heard(t, o, targets)
	took, each := time.Since(began), float64(asked.count.Load())/targets
	t.Logf("%d targets, %d a second at most: %d queries (%.1f each) in %s, at most %d at a time; at the operator's rate of %d a second: "+
		"%.0f queries a second, a round of %.0f s", targets, perSecond, asked.count.Load(), each, took.Round(time.Millisecond), asked.most.Load(),
		asksPerSecond, each*asksPerSecond, float64(targets)/asksPerSecond)
	if least := time.Second * targets / perSecond * 9 / 10; took < least {
		t.Errorf("asked about %d targets in %s, want at least %s", targets, took, least)
	}
	const mostEach = 15
	if each > mostEach || asked.most.Load() > observedAtATime {
		t.Errorf("%.1f queries a target, %d at a time; want at most %d, and %d", each, asked.most.Load(), mostEach, observedAtATime)
	}
}

// TestObserverTellsChangesAlone holds that an answer is told once, and that nothing is kept of what nobody asks.
func TestObserverTellsChangesAlone(t *testing.T) {
	t.Parallel()
	source := &countingSource{doubt: "away"}
	o := observing(t, source, rate.Inf)
	o.ask("shop", questions(1))
	heard(t, o, 1)
	o.round(t.Context(), o.all()) // would not return if it told somebody
	source.mu.Lock()
	source.doubt = "away still"
	source.mu.Unlock()
	go o.round(t.Context(), o.all())
	heard(t, o, 1)
	if got := o.answersFor("shop")["0"].Observation.Doubt; got != "away still" {
		t.Errorf("got %q", got)
	}
	asked := source.count()
	o.ask("shop", nil)
	o.round(t.Context(), o.all())
	o.ask("shop", questions(1)[:0])
	if len(o.answersFor("shop")) > 0 || source.count() != asked {
		t.Errorf("answers are kept, or asked for, that nobody wants")
	}
}

// TestObserverTellsOfAnotherQuestion asks for refusals since another time: the answer is told although it has the same words, since the
// rollout that waits for it does not know the one to the question before.
func TestObserverTellsOfAnotherQuestion(t *testing.T) {
	t.Parallel()
	o := observing(t, &countingSource{}, rate.Inf)
	asked := questions(1)
	for _, since := range []time.Time{time.Unix(100, 0), time.Unix(200, 0)} {
		asked[0].RefusedSince = since
		o.ask("shop", slices.Clone(asked))
		heard(t, o, 1)
	}
}

// TestSlowSourceHoldsNothingUp asks a source that does not answer.
func TestSlowSourceHoldsNothingUp(t *testing.T) {
	t.Parallel()
	o := observing(t, &countingSource{takes: 2 * time.Second}, rate.Inf)
	o.ask("shop", questions(50))
	began := time.Now()
	for range 100 {
		o.ask("shop", questions(50))
		o.answersFor("shop")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the passes were held up for %s", took)
	}
	o.ask("shop", nil)
}
