package evidence

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"

	"github.com/meshtls/meshtls/internal/evidence"
)

// server is Prometheus' engine over series, with as much of Prometheus' API as is asked for.
type server struct {
	engine    *promql.Engine
	storage   storage.Queryable
	retention string
	queries   int
}

// epoch is when the series of tests begin.
var epoch = time.Unix(0, 0).UTC()

// start serves series in promtool's notation: "load 1m" and a line for each.
func start(t *testing.T, series string) (*server, *evidence.Prometheus) {
	t.Helper()
	s := &server{
		engine:  promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute}),
		storage: loaded(t, series), retention: "15d",
	}
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	source, err := evidence.NewPrometheus(evidence.Settings{URL: listening.URL})
	if err != nil {
		t.Fatal(err)
	}
	return s, source
}

// loaded returns a storage with the series. They are written in order of time, as scrapes come: the storage takes no old sample long after
// a new one.
func loaded(t *testing.T, text string) storage.Queryable {
	t.Helper()
	first, lines, _ := strings.Cut(text, "\n")
	interval, err := time.ParseDuration(strings.TrimPrefix(first, "load "))
	if err != nil {
		t.Fatal(err)
	}
	all := parsed(t, lines)
	store := teststorage.New(t)
	appender := store.Appender(t.Context())
	for i, more := 0, true; more; i++ {
		more = false
		for _, s := range all {
			if i >= len(s.values) {
				continue
			}
			more = true
			if s.values[i].Omitted {
				continue
			}
			if _, err := appender.Append(0, s.labels, epoch.Add(time.Duration(i)*interval).UnixMilli(), s.values[i].Value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := appender.Commit(); err != nil {
		t.Fatal(err)
	}
	return store
}

// written is a line of promtool's notation.
type written struct {
	labels labels.Labels
	values []parser.SequenceValue
}

func parsed(t *testing.T, lines string) []written {
	t.Helper()
	var all []written
	for line := range strings.Lines(lines) {
		name, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(strings.TrimSpace(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, written{labels: name, values: values})
	}
	return all
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.queries++
	if r.URL.Path == "/api/v1/status/runtimeinfo" {
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"storageRetention":%q}}`, s.retention)
		return
	}
	seconds, err := strconv.ParseFloat(r.FormValue("time"), 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	at := time.UnixMilli(int64(seconds * 1000))
	query, err := s.engine.NewInstantQuery(r.Context(), s.storage, nil, r.FormValue("query"), at)
	if err != nil {
		answerError(w, err)
		return
	}
	defer query.Close()
	result := query.Exec(r.Context())
	if result.Err != nil {
		answerError(w, result.Err)
		return
	}
	answer(w, result.Value)
}

func answerError(w http.ResponseWriter, err error) {
	w.WriteHeader(http.StatusUnprocessableEntity)
	_, _ = fmt.Fprintf(w, `{"status":"error","errorType":"bad_data","error":%q}`, err.Error())
}

func answer(w http.ResponseWriter, value parser.Value) {
	type sample struct {
		Metric any    `json:"metric"`
		Value  [2]any `json:"value"`
	}
	samples := []sample{}
	if vector, ok := value.(promql.Vector); ok {
		for _, s := range vector {
			samples = append(samples, sample{Metric: s.Metric, Value: [2]any{float64(s.T) / 1000, strconv.FormatFloat(s.F, 'f', -1, 64)}})
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"status": "success", "data": map[string]any{"resultType": "vector", "result": samples},
	})
}

// evaluate gives the query to the engine, and returns the values by the given label.
func (s *server) evaluate(t *testing.T, query string, at time.Time, label string) map[string]float64 {
	t.Helper()
	instant, err := s.engine.NewInstantQuery(t.Context(), s.storage, nil, query, at)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer instant.Close()
	result := instant.Exec(t.Context())
	if result.Err != nil {
		t.Fatalf("%s: %v", query, result.Err)
	}
	vector, err := result.Vector()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, sample := range vector {
		got[sample.Metric.Get(label)] = sample.F
	}
	return got
}
