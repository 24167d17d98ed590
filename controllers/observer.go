package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/stages"
)

const (
	// asksPerSecond bounds at which rate targets are asked about, each with some ten queries. With more targets than that in an interval,
	// a round takes longer, and the answers are older.
	asksPerSecond = 10
	// atOnce is how many targets are asked about before it is looked whether there are new ones, and before the mesh is read again.
	atOnce = 5 * asksPerSecond
)

// observer asks the source of evidence what the rollouts want to know, beside the passes: a source that is slow or away keeps none of them.
// It works for the leader alone, and remembers answers only as long as they are asked for.
type observer struct {
	sources  sources
	interval time.Duration
	// concurrency is how many targets are asked about at a time.
	concurrency int
	rate        *rate.Limiter
	now         func() time.Time
	// look reads the mesh as it is.
	look func(context.Context) (sight, error)
	// told is told how long it took to ask about all targets.
	told func(took time.Duration)

	mu sync.Mutex
	// questions are by namespace, answers by policy.
	questions map[string][]stages.Question
	answers   map[types.UID]answered
	// wake says that there is a question without an answer; changed is told of namespaces whose answers have changed.
	wake    chan struct{}
	changed chan event.GenericEvent
}

// answered is an answer with its question.
type answered struct {
	question stages.Question
	answer   stages.Answer
}

func newObserver(o Options, s sources) *observer {
	return &observer{
		sources: s, interval: o.Evidence.interval(), concurrency: max(1, o.Evidence.Concurrency), now: o.now,
		told:      func(time.Duration) {},
		rate:      rate.NewLimiter(asksPerSecond, max(1, o.Evidence.Concurrency)),
		questions: map[string][]stages.Question{}, answers: map[types.UID]answered{},
		wake: make(chan struct{}, 1), changed: make(chan event.GenericEvent),
	}
}

// NeedLeaderElection is manager.LeaderElectionRunnable's.
func (o *observer) NeedLeaderElection() bool { return true }

// Start asks until the context ends: at once what has no answer yet, and everything from time to time.
func (o *observer) Start(ctx context.Context) error {
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.wake:
			o.catchUp(ctx)
		case <-tick.C:
			o.askAll(ctx)
		}
	}
}

// askAll asks about every target, in chunks. Before each chunk it asks about targets that are new or have a new question.
func (o *observer) askAll(ctx context.Context) {
	began := o.now()
	for some := range slices.Chunk(o.all(), atOnce) {
		o.catchUp(ctx)
		o.round(ctx, some)
	}
	o.told(o.now().Sub(began))
}

// catchUp asks what has no answer yet.
func (o *observer) catchUp(ctx context.Context) {
	for ctx.Err() == nil {
		open := o.unanswered()
		if len(open) == 0 {
			return
		}
		o.round(ctx, open[:min(len(open), atOnce)])
	}
}

// ask replaces what the namespace wants to know.
func (o *observer) ask(namespace string, questions []stages.Question) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, q := range o.questions[namespace] {
		if !slices.ContainsFunc(questions, func(now stages.Question) bool { return now.UID == q.UID }) {
			delete(o.answers, q.UID)
		}
	}
	if len(questions) == 0 {
		delete(o.questions, namespace)
		return
	}
	o.questions[namespace] = questions
	if slices.ContainsFunc(questions, o.open) {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
}

// open reports whether the question has no answer yet. The lock is held.
func (o *observer) open(q stages.Question) bool {
	known, is := o.answers[q.UID]
	return !is || !sameQuestion(known.question, q)
}

// sameQuestion reports whether the same is asked of the same pods.
func sameQuestion(a, b stages.Question) bool {
	return sameTarget(a, b) && a.RefusedSince.Equal(b.RefusedSince)
}

// sameTarget reports whether the calls of the same pods are asked for, as far back.
func sameTarget(a, b stages.Question) bool {
	return a.Namespace == b.Namespace && a.Revision == b.Revision && a.Observe == b.Observe && maps.Equal(a.Selector, b.Selector) &&
		slices.Equal(a.Besides, b.Besides)
}

// answersFor returns the answers to what the namespace wanted to know, as far as they answer that.
func (o *observer) answersFor(namespace string) map[types.UID]stages.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := map[types.UID]stages.Answer{}
	for _, q := range o.questions[namespace] {
		known, is := o.answers[q.UID]
		if !is {
			continue
		}
		answer := known.answer
		if !sameTarget(known.question, q) {
			answer.Observation = evidence.Observation{}
		}
		if !known.question.RefusedSince.Equal(q.RefusedSince) {
			answer.Refused = evidence.Refusals{}
		}
		found[q.UID] = answer
	}
	return found
}

func (o *observer) all() []stages.Question {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []stages.Question
	for _, namespace := range slices.Sorted(maps.Keys(o.questions)) {
		all = append(all, o.questions[namespace]...)
	}
	return all
}

func (o *observer) unanswered() []stages.Question {
	all := o.all()
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(all, func(q stages.Question) bool { return !o.open(q) })
}

// round asks the questions, some at a time and not too many a second.
func (o *observer) round(ctx context.Context, questions []stages.Question) {
	if len(questions) == 0 {
		return
	}
	seen, err := o.look(ctx)
	var pool errgroup.Group
	pool.SetLimit(o.concurrency)
	for _, q := range questions {
		pool.Go(func() error {
			if o.rate.Wait(ctx) != nil {
				return nil // the operator stops
			}
			if err != nil {
				o.take(ctx, q, unreadable(err))
				return nil
			}
			o.take(ctx, q, o.sources.answer(ctx, seen.targets(q), q, o.now()).explained(seen, q))
			return nil
		})
	}
	_ = pool.Wait() // each has told of itself
}

// unreadable returns the answer where the operator does not know whom to ask about.
func unreadable(err error) stages.Answer {
	return stages.Answer{Observation: evidence.Observation{
		Outcome: evidence.Unknown, Doubt: fmt.Sprintf("The operator cannot read the mesh: %v.", err),
	}}
}

// take keeps an answer, and tells the namespace if it says something new.
func (o *observer) take(ctx context.Context, q stages.Question, a stages.Answer) {
	if ctx.Err() != nil {
		return
	}
	o.mu.Lock()
	before, known := o.answers[q.UID]
	asked := slices.ContainsFunc(o.questions[q.Policy.Namespace], func(now stages.Question) bool { return now.UID == q.UID })
	if asked {
		o.answers[q.UID] = answered{question: q, answer: a}
	}
	o.mu.Unlock()
	if !asked || known && sameQuestion(before.question, q) && wordsOf(before.answer) == wordsOf(a) {
		return
	}
	about := &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: q.Policy.Namespace, Name: q.Policy.Name}}
	select {
	case o.changed <- event.GenericEvent{Object: about}:
	case <-ctx.Done():
	}
}

// wordsOf returns what a rollout may act on: they differ where an answer says something new.
func wordsOf(a stages.Answer) string {
	words := []string{string(a.Observation.Outcome), a.Observation.Doubt, a.Observation.Window.From.Truncate(time.Hour).String(),
		a.Refused.Doubt, fmt.Sprint(a.Refused.Visible, a.Refused.Count)}
	for _, c := range a.Observation.Refusable {
		words = append(words, fmt.Sprint(c.Client, c.Server, c.Port, c.Candidates, c.LastSeen.Truncate(time.Minute)))
	}
	for _, c := range a.Observation.Mutual {
		words = append(words, fmt.Sprint(c.Client, c.Server, c.Port))
	}
	slices.Sort(words)
	return strings.Join(words, "\n")
}
