package evidence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheusv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Settings say which Prometheus is asked, and how.
type Settings struct {
	// URL is its address.
	URL string
	// CAFile and TokenFile are read for TLS and for a bearer token; empty: the system's authorities, no token.
	CAFile, TokenFile string
	// Matchers are more label matchers for every series, such as cluster="east".
	Matchers string
	// Timeout is for all the queries about one target together. Default: 30 s.
	Timeout time.Duration
}

const (
	defaultTimeout   = 30 * time.Second
	sourcePrometheus = "Prometheus"
)

// matcherPattern is a list of label matchers.
var matcherPattern = regexp.MustCompile(`^[a-zA-Z_]\w*(=|!=|=~|!~)"([^"\\]|\\.)*"(,[a-zA-Z_]\w*(=|!=|=~|!~)"([^"\\]|\\.)*")*$`)

// Prometheus is the source that asks a Prometheus, or what speaks its API.
type Prometheus struct {
	api      prometheusv1.API
	host     string
	matchers string
	timeout  time.Duration
}

// NewPrometheus returns the source. Nothing is asked yet.
func NewPrometheus(s Settings) (*Prometheus, error) {
	if !strings.HasPrefix(s.URL, "http://") && !strings.HasPrefix(s.URL, "https://") {
		return nil, errors.New("the address of Prometheus begins with http:// or https://")
	}
	if s.Matchers != "" && !matcherPattern.MatchString(s.Matchers) {
		return nil, fmt.Errorf("%q is no list of label matchers, such as cluster=\"east\"", s.Matchers)
	}
	timeout := cmp.Or(s.Timeout, defaultTimeout)
	client, err := newHTTPClient(s.CAFile, s.TokenFile, timeout)
	if err != nil {
		return nil, err
	}
	connection, err := api.NewClient(api.Config{Address: s.URL, Client: client})
	if err != nil {
		return nil, errors.New("the address of Prometheus is no URL")
	}
	return &Prometheus{api: prometheusv1.NewAPI(connection), host: hostOf(s.URL), matchers: s.Matchers, timeout: timeout}, nil
}

var _ Source = (*Prometheus)(nil)

// Refusable is Source's.
func (p *Prometheus) Refusable(ctx context.Context, t Target, w Window) Observation {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	a := &asking{ctx: ctx, api: p.api, at: w.To}
	q, length := Queries{Target: t, Matchers: p.matchers}, w.Length()
	f := facts{source: sourcePrometheus, window: a.covered(q, w)}
	if doubt := a.retention(length); doubt != "" {
		f.doubts = append(f.doubts, doubt)
	}
	if a.err == nil && f.window == (Window{}) {
		return unknown(sourcePrometheus, "Prometheus at "+p.host+" has no metrics of Istio's proxies: it does not scrape them.")
	}
	f.reporting = a.reporting(q)
	f.calls = a.calls(q, w)
	f.audit = a.audit(q, length)
	if a.err != nil {
		return unknown(sourcePrometheus, causeOf(p.host, a.err))
	}
	return judge(t, f)
}

// Refused is Source's.
func (p *Prometheus) Refused(ctx context.Context, t Target, w Window) Refusals {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	a := &asking{ctx: ctx, api: p.api, at: w.To}
	refused := a.refused(Queries{Target: t, Matchers: p.matchers}, t, w)
	if a.err != nil {
		return Refusals{Doubt: causeOf(p.host, a.err)}
	}
	return refused
}

// Edges is Source's.
func (p *Prometheus) Edges(ctx context.Context, s Scope, w Window) ([]Edge, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	a := &asking{ctx: ctx, api: p.api, at: w.To}
	q := Queries{Target: Target{Namespace: s.Namespace}, Matchers: p.matchers}
	calls := a.calls(q, w)
	if a.err != nil {
		return nil, errors.New(causeOf(p.host, a.err))
	}
	return edgesOf(calls), nil
}

// asking puts queries one after the other, until the first error.
type asking struct {
	ctx context.Context //nolint:containedctx // it lives for one observation
	api prometheusv1.API
	at  time.Time
	err error
}

// vector evaluates a query.
func (a *asking) vector(query string) model.Vector {
	if a.err != nil {
		return nil
	}
	value, warnings, err := a.api.Query(a.ctx, query, a.at)
	if err != nil {
		a.err = err
		return nil
	}
	if len(warnings) > 0 {
		// Thanos and its kin warn where a store did not answer.
		a.err = fmt.Errorf("the answer may be partial: %s", strings.Join(warnings, "; "))
		return nil
	}
	vector, ok := value.(model.Vector)
	if !ok {
		a.err = &prometheusv1.Error{Type: prometheusv1.ErrBadResponse}
		return nil
	}
	return vector
}

// calls returns the calls of the window, with when they were seen.
func (a *asking) calls(q Queries, w Window) []counted {
	length := w.Length()
	var calls []counted
	for _, query := range []string{q.Requests(length), q.Connections(length)} {
		for _, sample := range a.vector(query) {
			c := callOf(labelsOf(sample))
			c.Count = atLeastOne(sample.Value)
			calls = append(calls, c)
		}
	}
	calls = a.withOpen(calls, q, w)
	if refusable(calls) {
		a.date(calls, a.times(q.FirstSeen(length)), a.times(q.LastSeen(length)))
	}
	return calls
}

// withOpen marks calls whose connections are open, and adds those that were opened before the window.
func (a *asking) withOpen(calls []counted, q Queries, w Window) []counted {
	for _, query := range []string{q.Open(), q.Streams()} {
		for _, sample := range a.vector(query) {
			open := callOf(labelsOf(sample))
			open.security, open.Open, open.LastSeen = "none", true, w.To
			if i := indexOf(calls, open); i >= 0 {
				calls[i].Open = true
				continue
			}
			open.Count = 1
			calls = append(calls, open)
		}
	}
	return calls
}

// indexOf finds the call that is not mutual TLS with the same labels; -1: there is none.
func indexOf(calls []counted, c counted) int {
	for i := range calls {
		if calls[i].security != mutualTLS && calls[i].label == c.label && calls[i].key() == c.key() {
			return i
		}
	}
	return -1
}

func refusable(calls []counted) bool {
	for _, c := range calls {
		if c.security != mutualTLS {
			return true
		}
	}
	return false
}

// times returns the answers of a query for times, by what makes two calls the same.
func (a *asking) times(query string) map[string]time.Time {
	all := map[string]time.Time{}
	for _, sample := range a.vector(query) {
		c := callOf(labelsOf(sample))
		all[c.label+c.key()] = model.TimeFromUnixNano(int64(float64(sample.Value) * float64(time.Second))).Time().UTC()
	}
	return all
}

// date says when the calls that are not mutual TLS were seen. One that is open is seen now; one whose growth falls between two steps
// counts as seen now, too: that is late, and never early.
func (a *asking) date(calls []counted, first, last map[string]time.Time) {
	for i := range calls {
		c := &calls[i]
		if c.security == mutualTLS {
			continue
		}
		c.FirstSeen, c.LastSeen = first[c.label+c.key()], last[c.label+c.key()]
		if c.Open || c.LastSeen.IsZero() {
			c.LastSeen = a.at.UTC()
		}
	}
}

// atLeastOne rounds what increase() has extrapolated.
func atLeastOne(value model.SampleValue) int64 { return max(1, int64(math.Round(float64(value)))) }

func labelsOf(sample *model.Sample) func(string) string {
	return func(name string) string { return string(sample.Metric[model.LabelName(name)]) }
}
