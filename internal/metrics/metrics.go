package metrics

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

const (
	// kindPolicy and verbStatus are what a written status is counted under.
	kindPolicy = "MeshTLSPolicy"
	verbStatus = "StatusUpdated"
)

// compileBuckets reach from 0.1 ms, a namespace of a few policies, to 1.6 s.
var compileBuckets = prometheus.ExponentialBuckets(0.0001, 4, 8)

// Metrics are the metrics of one operator. It is a prometheus.Collector.
type Metrics struct {
	writes   *prometheus.CounterVec
	compiles prometheus.Histogram
	// asked is how long it took to ask about all targets of rollouts.
	asked prometheus.Gauge
	// version is that of the program.
	version string

	mu sync.Mutex
	// tallies are what the last pass of each namespace with policies came to.
	tallies map[string]tally
	// expiries are, for each namespace with policies, when the certificates that they name expire, and exceptions when those end that
	// its floors make.
	expiries, exceptions map[string]expiries
	// rollouts are, for each namespace with rollouts, the phases that they are in.
	rollouts map[string]rollouts
}

// buildDesc describes the version, as the value of a label.
var buildDesc = prometheus.NewDesc("meshtls_build_info",
	"1, with the version of the operator and of the Go that built it.", []string{"version", "go_version"}, nil)

// New returns metrics that have counted nothing yet, for a program of the version.
func New(version string) *Metrics {
	return &Metrics{
		version: version,
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meshtls_writes_total",
			Help: "Objects and statuses written, by kind and by what was done.",
		}, []string{"kind", "verb"}),
		compiles: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "meshtls_compile_seconds",
			Help:    "Time to compile the policies of a namespace, without reading and writing.",
			Buckets: compileBuckets,
		}),
		asked: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meshtls_evidence_round_seconds",
			Help: "Time that the last round of questions about the targets of rollouts took. Answers may be as old.",
		}),
		tallies:  map[string]tally{},
		expiries: map[string]expiries{}, exceptions: map[string]expiries{}, rollouts: map[string]rollouts{},
	}
}

// Register adds the metrics to the registry, in the place of those of an operator that ran in this process before.
func (m *Metrics) Register(registry prometheus.Registerer) error {
	registry.Unregister(m)
	if err := registry.Register(m); err != nil {
		return fmt.Errorf("registering the metrics: %w", err)
	}
	return nil
}

// Compiled notes a compile.
func (m *Metrics) Compiled(took time.Duration) {
	m.compiles.Observe(took.Seconds())
}

// Applied counts the objects that were written.
func (m *Metrics) Applied(changes model.ChangeSet) {
	for _, change := range changes.Changes {
		m.writes.WithLabelValues(change.Object.Kind, string(change.Verb)).Inc()
	}
}

// StatusUpdated counts a status that was written.
func (m *Metrics) StatusUpdated() {
	m.writes.WithLabelValues(kindPolicy, verbStatus).Inc()
}

// Passed replaces what is known of the namespace by what its pass came to: the findings of the result, and the statuses of its
// policies. A namespace without policies is forgotten.
func (m *Metrics) Passed(result model.Result, statuses []meshtlsv1alpha1.MeshTLSPolicyStatus) {
	m.put(result.Namespace, tallyOf(result.Policies, statuses))
	m.mu.Lock()
	defer m.mu.Unlock()
	put(m.rollouts, result.Namespace, rolloutsOf(result.Policies, statuses))
}

// Checked replaces what is known of the ends that time brings in the namespace of the snapshot: of certificates that its policies name, and
// of exceptions from its floors.
func (m *Metrics) Checked(s model.Snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	put(m.expiries, s.Namespace, expiriesOf(s.Credentials))
	put(m.exceptions, s.Namespace, exceptionsOf(s))
}

// put replaces what is known of the namespace.
func put[E ~map[K]V, K comparable, V any](known map[string]E, namespace string, now E) {
	if len(now) > 0 {
		known[namespace] = now
	} else {
		delete(known, namespace)
	}
}

// Forget drops what is known of the namespace.
func (m *Metrics) Forget(namespace string) {
	m.Passed(model.Result{Namespace: namespace}, nil)
	m.Checked(model.Snapshot{Namespace: namespace})
}

func (m *Metrics) put(namespace string, t tally) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(t) == 0 {
		delete(m.tallies, namespace)
		return
	}
	m.tallies[namespace] = t
}

// Describe says which metrics there are.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	m.writes.Describe(to)
	m.compiles.Describe(to)
	m.asked.Describe(to)
	to <- buildDesc
	to <- policiesDesc
	to <- findingsDesc
	to <- expiryDesc
	to <- exceptionDesc
	to <- rolloutDesc
}

// Collect says what they are now.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.writes.Collect(to)
	m.compiles.Collect(to)
	m.asked.Collect(to)
	to <- prometheus.MustNewConstMetric(buildDesc, prometheus.GaugeValue, 1, m.version, runtime.Version())
	for s, n := range m.total() {
		to <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(n), s.first, s.second)
	}
	for secret, expiry := range m.first(m.expiries) {
		to <- prometheus.MustNewConstMetric(expiryDesc, prometheus.GaugeValue, float64(expiry), secret.Namespace, secret.Name)
	}
	for policy, end := range m.first(m.exceptions) {
		to <- prometheus.MustNewConstMetric(exceptionDesc, prometheus.GaugeValue, float64(end), policy.Namespace, policy.Name)
	}
	for policy, phase := range m.phases() {
		to <- prometheus.MustNewConstMetric(rolloutDesc, prometheus.GaugeValue, 1, policy.Namespace, policy.Name, string(phase))
	}
}

// total sums up all namespaces.
func (m *Metrics) total() tally {
	sum := noPolicies()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tallies {
		for s, n := range t {
			sum[s] += n
		}
	}
	return sum
}
