package evidence

import (
	"context"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
)

// Recording is the source of series that were recorded: from Prometheus into a file, or from the proxies' pages.
type Recording struct {
	// Name is what the source is called.
	Name   string
	Series []Series
}

// Series is a counter of a proxy over time.
type Series struct {
	// Labels are the series' own, with its name as __name__.
	Labels  map[string]string
	Samples []Sample
	// Old says that the counter was there when the recording began: its first sample is where the count starts.
	Old bool
	// Undated is what the counter had by then, of a source that cannot look further back: when that came is not known.
	Undated float64
}

// Sample is a value at a time. A series has them in order of time.
type Sample struct {
	At    time.Time
	Value float64
}

var _ Source = (*Recording)(nil)

// Refusable is Source's.
func (r *Recording) Refusable(_ context.Context, t Target, w Window) Observation {
	window, found := r.covered(w)
	if !found {
		return unknown(r.Name, "Nothing was recorded in the window.")
	}
	return judge(t, facts{
		source: r.Name, window: window, reporting: r.reporting(t, w.To), calls: r.calls(t, w), audit: r.audit(t, w),
	})
}

// Refused is Source's.
func (r *Recording) Refused(_ context.Context, t Target, w Window) Refusals {
	refused := Refusals{Doubt: noChainDoubt}
	for _, s := range r.Series {
		g := s.growth(w)
		switch {
		case s.is(metricNoChain) && s.ofPods(t) && strings.HasSuffix(s.Labels["listener_address"], "_15006"):
			refused.Visible, refused.Doubt = true, ""
			refused.Count += int64(g.count)
		case s.is(metricClosed) && s.Labels["response_flags"] == "DENY" && s.ofTarget(t) && !g.none():
			c := g.apply(callOf(s.label))
			c.Port, c.Candidates = portOf(t, c)
			refused.Visible, refused.Doubt = true, ""
			refused.Count += c.Count
			refused.Calls = append(refused.Calls, c.Call)
		}
	}
	refused.Calls = merged(refused.Calls)
	return refused
}

// Edges is Source's.
func (r *Recording) Edges(_ context.Context, s Scope, w Window) ([]Edge, error) {
	return edgesOf(r.calls(Target{Namespace: s.Namespace}, w)), nil
}

// covered returns the part of the window in which something was recorded.
func (r *Recording) covered(w Window) (Window, bool) {
	begin := time.Time{}
	for _, s := range r.Series {
		if len(s.Samples) > 0 && !s.Samples[0].At.After(w.To) {
			begin = earlier(begin, s.Samples[0].At)
		}
	}
	switch {
	case begin.IsZero():
		return Window{}, false
	case begin.After(w.From):
		return Window{From: begin, To: w.To}, true
	default:
		return w, true
	}
}

func (r *Recording) reporting(t Target, at time.Time) int {
	heard := sets.New[string]()
	for _, s := range r.Series {
		if s.is(metricBuild) && s.reportsAt(at) {
			heard.Insert(s.pod(), addressOf(s.Labels["instance"]))
		}
	}
	reporting := 0
	for _, p := range t.Pods {
		young := !p.Since.IsZero() && at.Sub(p.Since) < reportsWithin
		if young || heard.HasAny(p.Proxy.Namespace+"/"+p.Proxy.Name, "/"+p.Proxy.Name, p.Proxy.IP) {
			reporting++
		}
	}
	return reporting
}

// calls returns the calls whose counters grew in the window, and the connections of before that are open.
func (r *Recording) calls(t Target, w Window) []counted {
	var calls []counted
	open := map[string]int64{}
	for _, s := range r.Series {
		if !s.ofTarget(t) || s.Labels["reporter"] != "destination" {
			continue
		}
		c := callOf(s.label)
		switch g := s.growth(w); {
		case (s.is(metricRequests) || s.is(metricOpened)) && !g.none():
			calls = append(calls, g.apply(c))
		case s.is(metricMessages) && c.Principal == "" && !s.growth(Last(streamsWithin, w.To)).none():
			c.security, c.Open, c.Count, c.LastSeen = "none", true, 1, w.To
			calls = append(calls, c)
		}
		open[c.label+c.key()] += s.opened(w.To)
	}
	return r.withIdle(calls, t, open, w)
}

// withIdle adds connections that are open and did not grow in the window, and marks those that did.
func (r *Recording) withIdle(calls []counted, t Target, open map[string]int64, w Window) []counted {
	for _, s := range r.Series {
		c := callOf(s.label)
		if !s.is(metricOpened) || !s.ofTarget(t) || c.security == mutualTLS || open[c.label+c.key()] <= 0 || !s.reportsAt(w.To) {
			continue
		}
		c.Open, c.LastSeen = true, w.To
		if i := indexOf(calls, c); i >= 0 {
			calls[i].Open, calls[i].LastSeen = true, w.To
			continue
		}
		c.Count = 1
		calls = append(calls, c)
	}
	return calls
}

func (r *Recording) audit(t Target, w Window) []PortCount {
	if !t.Audited {
		return nil
	}
	ports := map[int32]*PortCount{}
	for _, s := range r.Series {
		if (s.is(metricAuditHTTP) || s.is(metricAuditTCP)) && s.ofPods(t) && s.Labels["authz_dry_run_action"] == "deny" {
			g := s.growth(w)
			port := listenerPort(s.Labels["http_conn_manager_prefix"])
			addAudit(ports, port, s.Labels["authz_dry_run_result"], int64(g.count+s.Undated))
		}
	}
	return auditOf(ports)
}
