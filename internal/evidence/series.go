package evidence

import (
	"math"
	"slices"
	"time"
)

func (s Series) label(name string) string { return s.Labels[name] }

func (s Series) is(metric string) bool { return s.Labels["__name__"] == metric }

// ofTarget reports whether the server of the series is the target's.
func (s Series) ofTarget(t Target) bool {
	return (t.Namespace == "" || s.Labels["destination_workload_namespace"] == t.Namespace) &&
		(len(t.Workloads) == 0 || slices.Contains(t.Workloads, s.Labels["destination_workload"]))
}

// pod returns the namespace/name of the pod that the series was read from, as far as its labels say.
func (s Series) pod() string {
	if name := s.Labels["kubernetes_pod_name"]; name != "" {
		return s.Labels["kubernetes_namespace"] + "/" + name
	}
	return s.Labels["namespace"] + "/" + s.Labels["pod"]
}

// ofPods reports whether the series was read from a pod of the target.
func (s Series) ofPods(t Target) bool {
	return slices.ContainsFunc(t.Pods, func(p Pod) bool {
		return s.pod() == p.Namespace+"/"+p.Name || s.pod() == "/"+p.Name
	})
}

// at returns the last sample until the time; false: there is none within the span before.
func (s Series) at(when time.Time, within time.Duration) (Sample, bool) {
	for i := len(s.Samples) - 1; i >= 0; i-- {
		if sample := s.Samples[i]; !sample.At.After(when) {
			return sample, when.Sub(sample.At) < within
		}
	}
	return Sample{}, false
}

// reportsAt reports whether the series still has samples.
func (s Series) reportsAt(when time.Time) bool {
	_, reports := s.at(when, reportsWithin)
	return reports
}

// opened returns what the series adds to the number of connections that are open and not mutual TLS.
func (s Series) opened(when time.Time) int64 {
	sample, reports := s.at(when, reportsWithin)
	switch {
	case !reports || security(s.Labels["connection_security_policy"]) == mutualTLS:
		return 0
	case s.is(metricOpened):
		return int64(sample.Value)
	case s.is(metricClosed):
		return -int64(sample.Value)
	default:
		return 0
	}
}

// growth is how much a counter grew, and between when.
type growth struct {
	count       float64
	first, last time.Time
	// undated is what it had before the recording began.
	undated float64
}

func (g growth) none() bool { return g.count <= 0 && g.undated <= 0 }

// growth adds up the steps of the counter in the window. One that is new in it, or was reset, grew by all that it has. A sample of
// shortly before the window tells that it is not new.
func (s Series) growth(w Window) growth {
	g := growth{undated: s.Undated}
	before, known := s.at(w.From, edgeTolerance)
	for i, sample := range s.Samples {
		if !sample.At.After(w.From) || sample.At.After(w.To) {
			continue
		}
		if i == 0 && s.Old {
			before, known = sample, true
		}
		step := sample.Value
		if known && sample.Value >= before.Value {
			step -= before.Value
		}
		if step > 0 {
			g.count += step
			g.first, g.last = earlier(g.first, sample.At), sample.At
		}
		before, known = sample, true
	}
	return g
}

// apply gives a call the growth.
func (g growth) apply(c counted) counted {
	c.Count = max(1, int64(math.Round(g.count+g.undated)))
	c.FirstSeen, c.LastSeen = g.first, g.last
	if g.undated > 0 {
		c.FirstSeen, c.Undated = time.Time{}, g.count <= 0
	}
	return c
}
