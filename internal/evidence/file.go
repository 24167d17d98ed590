package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/common/model"
)

// ReadRecording reads series as Prometheus answers a query for a range with them: the whole answer of /api/v1/query or
// /api/v1/query_range, of the type matrix.
func ReadRecording(name string, in io.Reader) (*Recording, error) {
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			ResultType string          `json:"resultType"`
			Result     json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(in).Decode(&answer); err != nil {
		return nil, fmt.Errorf("reading recorded series: %w", err)
	}
	switch {
	case answer.Status == "error":
		return nil, fmt.Errorf("reading recorded series: Prometheus answered with an error: %s", answer.Error)
	case answer.Data.ResultType != model.ValMatrix.String():
		return nil, errors.New(
			"reading recorded series: this is no answer of the type matrix; ask for a range, such as {__name__=~\"istio_.+\"}[7d]")
	}
	var matrix model.Matrix
	if err := json.Unmarshal(answer.Data.Result, &matrix); err != nil {
		return nil, fmt.Errorf("reading recorded series: %w", err)
	}
	r := &Recording{Name: name}
	for _, stream := range matrix {
		r.Series = append(r.Series, seriesOf(stream))
	}
	r.markOld()
	return r, nil
}

// markOld marks the series that were there when the recording began: their first sample comes with its first scrape of each proxy.
func (r *Recording) markOld() {
	begin, known := r.covered(Window{To: r.End()})
	for i := range r.Series {
		samples := r.Series[i].Samples
		if known && len(samples) > 1 {
			r.Series[i].Old = samples[0].At.Sub(begin.From) <= samples[1].At.Sub(samples[0].At)
		}
	}
}

func seriesOf(stream *model.SampleStream) Series {
	s := Series{Labels: map[string]string{}}
	for label, value := range stream.Metric {
		s.Labels[string(label)] = string(value)
	}
	for _, pair := range stream.Values {
		s.Samples = append(s.Samples, Sample{At: pair.Timestamp.Time().UTC(), Value: float64(pair.Value)})
	}
	return s
}

// End returns the time of the last sample.
func (r *Recording) End() (end time.Time) {
	for _, s := range r.Series {
		if n := len(s.Samples); n > 0 && s.Samples[n-1].At.After(end) {
			end = s.Samples[n-1].At
		}
	}
	return end
}
