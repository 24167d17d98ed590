package operator

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// traffic notes the requests that the operator sends.
type traffic struct {
	mu       sync.Mutex
	requests []string
	// last is when the last request about each namespace was sent, also of those that are forgotten.
	last map[string]time.Time
}

// quietTime is how long no request about a namespace comes before it is taken to be quiet: events are sent beside the passes.
const quietTime = 500 * time.Millisecond

// roundTripper is a function that does what an http.RoundTripper does.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip sends the request.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// listen stands between the operator and the API server.
func (t *traffic) listen(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		t.mu.Lock()
		t.requests = append(t.requests, request.Method+" "+request.URL.Path)
		if t.last == nil {
			t.last = map[string]time.Time{}
		}
		t.last[namespaceOf(request.URL.Path)] = time.Now()
		t.mu.Unlock()
		return next.RoundTrip(request)
	})
}

// forget starts the count anew.
func (t *traffic) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = nil
}

// namespaceOf returns the namespace that a path is about; empty: none.
func namespaceOf(path string) string {
	_, inside, _ := strings.Cut(path, "/namespaces/")
	namespace, _, _ := strings.Cut(inside, "/")
	return namespace
}

// quiet reports whether all has been written about the namespace that there is to write for now, events too.
func (t *traffic) quiet(namespace string) func() bool {
	return func() bool {
		GinkgoHelper()
		t.mu.Lock()
		defer t.mu.Unlock()
		return idle() && time.Since(t.last[namespace]) > quietTime
	}
}

// in returns the requests about the namespace.
func (t *traffic) in(namespace string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.requests), func(request string) bool {
		return namespaceOf(request) != namespace
	})
}

// writes returns the requests that change something.
func (t *traffic) writes() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.requests), func(request string) bool { return strings.HasPrefix(request, "GET ") })
}

// passes returns how often Reconcile has run in this process.
func passes() float64 {
	GinkgoHelper()
	return metric("controller_runtime_reconcile_total", "controller")
}

// leftWaiting is how much waited in the queues of the operators of this process that were stopped: the metric counts it for ever.
var leftWaiting float64

// waiting returns how many requests wait, those of stopped operators among them.
func waiting() float64 {
	GinkgoHelper()
	return metric("workqueue_depth", "controller")
}

// idle reports whether no request waits and none is in work.
func idle() bool {
	GinkgoHelper()
	return waiting() == leftWaiting && metric("controller_runtime_active_workers", "controller") == 0
}

// metric sums up a metric of the controller of policies; label is what it calls the controller.
func metric(name, label string) float64 {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	var sum float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, pair := range m.GetLabel() {
				if pair.GetName() == label && pair.GetValue() == "meshtlspolicy" {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

// settle waits for one pass more than there were before, and for the passes that it sets off.
func settle(before float64) {
	GinkgoHelper()
	Eventually(passes).Should(BeNumerically(">", before))
	Eventually(idle).Should(BeTrue())
}
