package operator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
)

// seenCall is a call as a proxy of the server tells of it.
type seenCall struct {
	client, namespace, workload string
	port                        int
	mutual                      bool
	// last is when it was seen; zero: now.
	last time.Time
}

// fakePrometheus answers the operator's queries over HTTP as a Prometheus would that had been told of some calls. It is a fake: it knows
// the queries by their words and evaluates none. What Prometheus' own engine makes of them is tested in test/evidence.
type fakePrometheus struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string][]seenCall
	// answer takes the place of the right answer; nil: it is given.
	answer http.HandlerFunc
	// since is when it began to scrape; zero: long ago. retention is how long it keeps series.
	since     time.Time
	retention string
	asked     int
}

func newFakePrometheus() *fakePrometheus {
	f := &fakePrometheus{}
	f.reset()
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	return f
}

// reset makes it well, and lets it know of no calls.
func (f *fakePrometheus) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.answer, f.since, f.retention = map[string][]seenCall{}, nil, time.Time{}, "90d"
}

// sees replaces the calls to a namespace.
func (f *fakePrometheus) sees(namespace string, calls ...seenCall) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range calls {
		calls[i].namespace = namespace
	}
	f.calls[namespace] = calls
}

// answers has it answer all queries in this way; nil: rightly.
func (f *fakePrometheus) answers(with http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = with
}

// begins has it know nothing of before, and say how long it keeps series.
func (f *fakePrometheus) begins(since time.Time, retention string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since, f.retention = since, retention
}

// count returns how many queries have come.
func (f *fakePrometheus) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// troubled counts a query, and returns what takes the place of its right answer.
func (f *fakePrometheus) troubled() http.HandlerFunc {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return f.answer
}

func (f *fakePrometheus) serve(w http.ResponseWriter, r *http.Request) {
	if answer := f.troubled(); answer != nil {
		answer(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/runtimeinfo") {
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"storageRetention":%q}}`, f.retention)
		return
	}
	answer, err := json.Marshal(map[string]any{
		"status": "success", "data": map[string]any{"resultType": "vector", "result": f.vector(r.FormValue("query"))},
	})
	if err == nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}
}

// vector returns the answer to a query.
func (f *fakePrometheus) vector(query string) []any {
	result := []any{}
	switch {
	case strings.HasPrefix(query, "min_over_time(timestamp(group"):
		since := f.since
		if since.IsZero() {
			since = clock.now().Add(-2000 * time.Hour)
		}
		return append(result, sample(nil, float64(since.Unix())))
	case strings.Contains(query, "istio_build"):
		for namespace := range f.calls {
			result = append(result, sample(map[string]string{"namespace": namespace, "pod": "shop"}, 1))
		}
		return result
	}
	for namespace, calls := range f.calls {
		if strings.Contains(query, fmt.Sprintf("destination_workload_namespace=%q", namespace)) {
			for _, c := range calls {
				result = append(result, c.samples(query)...)
			}
		}
	}
	return result
}

// samples returns the call's part of the answer.
func (c seenCall) samples(query string) []any {
	labels := map[string]string{
		"source_workload_namespace": "legacy", "source_workload": c.client, "source_principal": "unknown",
		"destination_workload_namespace": c.namespace, "destination_workload": c.workload, "destination_service_name": c.workload,
		"destination_port": fmt.Sprint(c.port), "request_protocol": "http",
	}
	last := c.last
	if last.IsZero() {
		last = clock.now()
	}
	switch {
	case strings.Contains(query, "increase(istio_requests_total") && strings.Contains(query, "connection_security_policy) ("):
		labels["connection_security_policy"] = "none"
		if c.mutual {
			labels["connection_security_policy"] = "mutual_tls"
		}
		return []any{sample(labels, 3)}
	case !c.mutual && (strings.HasPrefix(query, "max by") || strings.HasPrefix(query, "min by")):
		return []any{sample(labels, float64(last.Unix()))}
	default:
		return nil
	}
}

func sample(labels map[string]string, value float64) any {
	if labels == nil {
		labels = map[string]string{}
	}
	return map[string]any{"metric": labels, "value": []any{float64(clock.now().Unix()), fmt.Sprint(int64(value))}}
}

// fakeClock is the machine's clock, and ahead of it by what specs say.
type fakeClock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// now returns what the operator takes for the time.
func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// passes lets time pass.
func (c *fakeClock) passes(time time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += time
}

// reset returns the machine's time again.
func (c *fakeClock) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = 0
}

// html is what a proxy in between answers that wants somebody to log in.
func html(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>please log in</html>") }

// empty is what a Prometheus answers that has no metrics of Istio.
func empty(w http.ResponseWriter, _ *http.Request) {
	_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
}

// away is what a gateway answers for one that is not there.
func away(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }

var _ = AfterEach(func() {
	clock.reset()
	prometheus.reset()
})
