package evidence

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// counter returns a series of calls of catalog, a sample a minute that end at noon; a negative value is none.
func counter(values ...float64) Series {
	s := Series{Labels: map[string]string{
		"__name__": metricRequests, "reporter": "destination", "destination_workload_namespace": "shop", "destination_workload": "catalog",
		"source_workload_namespace": "shop", "source_workload": "batch", "request_protocol": "http", "connection_security_policy": "none",
	}}
	begin := noon.Add(-time.Duration(len(values)-1) * time.Minute)
	for i, value := range values {
		if value >= 0 {
			s.Samples = append(s.Samples, Sample{At: begin.Add(time.Duration(i) * time.Minute), Value: value})
		}
	}
	return s
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		series   Series
		want     float64
		wantLast int // minutes before noon
	}{
		"it grows":                            {counter(1, 2, 2, 4, 4), 3, 1},
		"it rests":                            {counter(4, 4, 4, 4, 4), 0, 0},
		"it is born":                          {counter(-1, -1, 1, 1, 1), 1, 2},
		"it is reset":                         {counter(9, 9, 9, 2, 2), 2, 1},
		"it died":                             {counter(-1, 3, 3, -1, -1), 3, 3},
		"the step into the window is its own": {counter(1, 2, 2, 2, 2), 1, 3},
		"it was there when the recording began": {Series{Old: true, Samples: []Sample{
			{At: noon.Add(-3 * time.Minute), Value: 7}, {At: noon.Add(-time.Minute), Value: 8}, {At: noon, Value: 8},
		}}, 1, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tc.series.growth(Last(4*time.Minute, noon))
			if got.count != tc.want {
				t.Errorf("got %v, want %v", got.count, tc.want)
			}
			if last := noon.Add(-time.Duration(tc.wantLast) * time.Minute); tc.want > 0 && !got.last.Equal(last) {
				t.Errorf("got last seen %s, want %s", got.last, last)
			}
		})
	}
}

// TestReadRecording reads what Prometheus answers.
func TestReadRecording(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/recording.json")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	r, err := ReadRecording("recording.json", file)
	if err != nil {
		t.Fatal(err)
	}
	o := r.Refusable(t.Context(), shop, Last(time.Hour, r.End()))
	if o.Outcome != Found || len(o.Refusable) != 1 || o.Refusable[0].Client.Name != "batch" || o.Coverage.MutualTLS != 6 {
		t.Errorf("got %+v, want a call of batch, and 6 of others with mutual TLS", o)
	}
}

func TestReadRecordingErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"no JSON":      {"<html>", "reading recorded series"},
		"an error":     {`{"status":"error","error":"no such metric"}`, "no such metric"},
		"one instant":  {`{"status":"success","data":{"resultType":"vector","result":[]}}`, "no answer of the type matrix"},
		"wrong series": {`{"status":"success","data":{"resultType":"matrix","result":[{"values":7}]}}`, "reading recorded series"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ReadRecording("a", strings.NewReader(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestNothingRecorded is Unknown, as an empty Prometheus is.
func TestNothingRecorded(t *testing.T) {
	t.Parallel()
	if o := (&Recording{Name: "empty"}).Refusable(t.Context(), shop, Last(time.Hour, noon)); o.Outcome != Unknown || o.Doubt == "" {
		t.Errorf("got %+v, want Unknown", o)
	}
}

// TestWithout leaves out calls, and judges what is left: where there are doubts, nothing left is not Clean.
func TestWithout(t *testing.T) {
	t.Parallel()
	all := func(Call) bool { return true }
	tests := map[string]struct {
		observation Observation
		ignored     func(Call) bool
		want        Outcome
	}{
		"nothing is ignored":              {Observation{Outcome: Found, Refusable: make([]Call, 1)}, func(Call) bool { return false }, Found},
		"all is ignored":                  {Observation{Outcome: Found, Refusable: make([]Call, 1)}, all, Clean},
		"all is ignored, and half unseen": {Observation{Outcome: Found, Refusable: make([]Call, 1), Doubt: "Half is unseen."}, all, Unknown},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.observation.Without(tc.ignored).Outcome; got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestPortOf(t *testing.T) {
	t.Parallel()
	ports := []Port{
		{Number: 8080, Protocol: "HTTP", Services: []string{"a"}}, {Number: 8081, Protocol: "GRPC", Services: []string{"b"}},
		{Number: 9000, Protocol: "TCP", Services: []string{"a"}}, {Number: 9001},
	}
	tests := map[string]struct {
		ports          []Port
		call           counted
		want           int32
		wantCandidates []int32
	}{
		"one port":                     {ports[:1], counted{Call: Call{Protocol: "tcp", Service: "z"}}, 8080, nil},
		"a label":                      {ports, counted{label: "9000"}, 9000, nil},
		"a label that is no port":      {ports[:2], counted{label: "unknown", Call: Call{Service: "b", Protocol: "http"}}, 8081, nil},
		"by Service":                   {ports[:3], counted{Call: Call{Service: "b", Protocol: "grpc"}}, 8081, nil},
		"by protocol":                  {ports[:3], counted{Call: Call{Service: "a", Protocol: "http"}}, 8080, nil},
		"undeclared ports take all":    {ports, counted{Call: Call{Service: "a", Protocol: "http"}}, 0, []int32{8080, 9001}},
		"bytes may be of any port":     {ports, counted{Call: Call{Service: "a", Protocol: "tcp"}}, 0, []int32{8080, 9000, 9001}},
		"the Service is not known":     {ports[:3], counted{Call: Call{Protocol: "http"}}, 0, []int32{8080, 8081}},
		"no port fits: it may be each": {ports[:3], counted{Call: Call{Service: "z", Protocol: "http"}}, 0, []int32{8080, 8081, 9000}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, candidates := portOf(Target{Ports: tc.ports}, tc.call)
			if got != tc.want || !slices.Equal(candidates, tc.wantCandidates) {
				t.Errorf("got %d or one of %v, want %d or one of %v", got, candidates, tc.want, tc.wantCandidates)
			}
		})
	}
}
