package controllers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/stages"
	"github.com/meshtls/meshtls/internal/traffic"
)

// EvidenceOptions name the source of what rollouts learn of calls. They are the operator's, not a policy's: who writes a policy must not
// choose whom the operator calls.
type EvidenceOptions struct {
	// Prometheus is the one with Istio's metrics; without a URL there is none.
	Prometheus evidence.Settings
	// Scrape says that the operator reads the proxies themselves: for refused calls, and for all calls where there is no Prometheus.
	Scrape bool
	// Audit says that the operator writes audit policies where rollouts ask for one (spec.accept.rollout.evidence.audit), if it may.
	Audit bool
	// Dial opens connections to the proxies that are read; nil: from where the operator runs.
	Dial evidence.Dialer
	// Interval is how often each target is asked about. Zero: a minute.
	Interval time.Duration
	// Concurrency is how many targets are asked about at a time. Zero: one.
	Concurrency int
}

func (o EvidenceOptions) interval() time.Duration { return cmp.Or(o.Interval, time.Minute) }

// sources are whom the operator asks; nil: there is none.
type sources struct {
	calls, refusals evidence.Source
}

// sources returns the sources that the options name.
func (o EvidenceOptions) sources() (sources, error) {
	var s sources
	if o.Scrape {
		scraper := evidence.NewScraper(evidence.Direct(o.Dial))
		s = sources{calls: scraper, refusals: scraper}
	}
	if o.Prometheus.URL != "" {
		prometheus, err := evidence.NewPrometheus(o.Prometheus)
		if err != nil {
			return sources{}, fmt.Errorf("preparing to ask Prometheus: %w", err)
		}
		s.calls = prometheus
	}
	return s, nil
}

const (
	noSource   = "The operator has no source of evidence: start it with --prometheus-url, or with --evidence-scrape."
	noRefusals = "Refused calls are not looked for: the operator is to be started with --evidence-scrape for that."
	noTarget   = "No pod of the target has a proxy."
)

// answer asks about the targets of a question.
func (s sources) answer(ctx context.Context, targets []evidence.Target, q stages.Question, now time.Time) reply {
	r := reply{Targets: targets}
	if q.Observe > 0 {
		r.Observation = s.refusable(ctx, targets, evidence.Last(q.Observe, now))
	}
	if !q.RefusedSince.IsZero() {
		r.Refused = s.refused(ctx, targets, evidence.Window{From: q.RefusedSince, To: now})
	}
	return r
}

func (s sources) refusable(ctx context.Context, targets []evidence.Target, w evidence.Window) evidence.Observation {
	switch {
	case s.calls == nil:
		return evidence.Observation{Outcome: evidence.Unknown, Doubt: noSource}
	case len(targets) == 0:
		return evidence.Observation{Outcome: evidence.Unknown, Doubt: noTarget}
	}
	all := make([]evidence.Observation, 0, len(targets))
	for _, t := range targets {
		all = append(all, s.calls.Refusable(ctx, t, w))
	}
	if len(all) == 1 {
		return all[0]
	}
	return evidence.Together(all)
}

func (s sources) refused(ctx context.Context, targets []evidence.Target, w evidence.Window) evidence.Refusals {
	if s.refusals == nil {
		return evidence.Refusals{Doubt: noRefusals}
	}
	var sum evidence.Refusals
	for _, t := range targets {
		one := s.refusals.Refused(ctx, t, w)
		sum.Visible = sum.Visible || one.Visible
		sum.Doubt = cmp.Or(sum.Doubt, one.Doubt)
		sum.Count += one.Count
		sum.Calls = append(sum.Calls, one.Calls...)
	}
	return sum
}

// reply is an answer that is not explained yet.
type reply stages.Answer

// explained returns the answer with why clients call as they do, which only the whole mesh tells.
func (r reply) explained(s sight, q stages.Question) stages.Answer {
	if !s.partial {
		r.Observation = traffic.Explain(s.views.Of(q.Revision), r.Observation)
	}
	return stages.Answer(r)
}

// sight is the mesh as the operator's caches have it.
type sight struct {
	views *mesh.Views
	pods  traffic.Pods
	// partial says that there are namespaces that the operator does not see.
	partial bool
}

// look reads the mesh from the caches.
func (r *Reconciler) look(ctx context.Context) (sight, error) {
	cluster, err := newView(r.client, r.options.scope(), r.kinds, r.audit)
	if err != nil {
		return sight{}, err
	}
	inventory, err := gather.Inventory(ctx, cluster, r.options.now(), gather.Options{
		IstioNamespace: r.options.IstioNamespace, RootNamespace: r.options.RootNamespace,
		Missing: cluster.missing,
	})
	if err != nil {
		return sight{}, err
	}
	var pods corev1.PodList
	if err := cluster.List(ctx, &pods, client.UnsafeDisableDeepCopy); err != nil {
		return sight{}, fmt.Errorf("listing pods: %w", err)
	}
	return sight{
		views: mesh.NewViews(inventory), pods: traffic.NewPods(pods.Items), partial: len(r.options.WatchNamespaces) > 0,
	}, nil
}

// targets returns the targets of the question: one for each namespace.
func (s sight) targets(q stages.Question) []evidence.Target {
	view := s.views.Of(q.Revision)
	workloads := traffic.Governed(view, q.Namespace)
	for _, name := range q.Besides {
		workloads = append(workloads, traffic.Named(view, evidence.Workload{Namespace: q.Namespace, Name: name})...)
	}
	if len(q.Selector) > 0 {
		workloads = mesh.Carried(view, q.Namespace, q.Selector)
	}
	var targets []evidence.Target
	for _, group := range traffic.ByNamespace(workloads) {
		targets = append(targets, traffic.TargetOf(view, group, s.pods))
	}
	return targets
}
