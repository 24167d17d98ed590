package evidence

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Page is where a proxy shows its metrics.
type Page struct {
	Port, Path string
	// Filter is a pattern for the names of Envoy's statistics; empty: all.
	Filter string
}

var (
	sidecarPage = Page{Port: "15090", Path: "/stats/prometheus", Filter: "istio_|rbac|no_filter_chain_match"}
	ztunnelPage = Page{Port: "15020", Path: "/metrics"}
)

const (
	scrapeTimeout     = 5 * time.Second
	scrapesAtATime    = 8
	sourceScrape      = "the proxies' own metrics"
	forgetsTargetsIn  = 24 * time.Hour
	scrapeMemoryLimit = 31 * 24 * time.Hour
)

// Reach opens the page of a proxy's metrics.
type Reach func(ctx context.Context, proxy Proxy, page Page) (io.ReadCloser, error)

// Scraper is the source that reads the proxies of the target itself, where there is no Prometheus. It remembers what it read: only so
// it knows what grew, and when. What the proxies had counted before it first looked is undated.
type Scraper struct {
	reach   Reach
	mu      sync.Mutex
	targets map[string]*memory
}

// NewScraper returns the source.
func NewScraper(reach Reach) *Scraper { return &Scraper{reach: reach, targets: map[string]*memory{}} }

// Dialer opens a connection to an IP address and a port.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Direct reaches proxies at the addresses of their pods. Without a dialer it dials from here, whatever HTTP proxy the environment names:
// that one leads out of the cluster.
func Direct(dial Dialer) Reach {
	client := directClient(dial, scrapeTimeout)
	return func(ctx context.Context, proxy Proxy, page Page) (io.ReadCloser, error) {
		at := url.URL{Scheme: "http", Host: net.JoinHostPort(proxy.IP, page.Port), Path: page.Path}
		if page.Filter != "" {
			at.RawQuery = url.Values{"filter": {page.Filter}}.Encode()
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusOK {
			_ = response.Body.Close()
			return nil, fmt.Errorf("it answers %s", response.Status)
		}
		return response.Body, nil
	}
}

// memory is what was read of the proxies of a target.
type memory struct {
	mu     sync.Mutex
	series map[string]*Series
	// proxies are those that were read at least once.
	proxies map[Proxy]bool
	asked   time.Time
}

var _ Source = (*Scraper)(nil)

// Refusable is Source's.
func (s *Scraper) Refusable(ctx context.Context, t Target, w Window) Observation {
	if len(t.Pods) == 0 {
		return unknown(sourceScrape, noPods)
	}
	m := s.memoryOf(t, w.To)
	failures := m.scrape(ctx, s.reach, t, w.To)
	recording := m.recording()
	o := recording.Refusable(ctx, t, w)
	if o.Outcome == Unknown && o.Window == (Window{}) {
		return unknown(sourceScrape, sentences(append(failures, "No proxy of the target could be read.")...))
	}
	o.Window = wholeLife(o, t, w)
	return o
}

// Refused is Source's.
func (s *Scraper) Refused(ctx context.Context, t Target, w Window) Refusals {
	m := s.memoryOf(t, w.To)
	failures := m.scrape(ctx, s.reach, t, w.To)
	recording := m.recording()
	refused := recording.Refused(ctx, t, w)
	if len(failures) > 0 {
		refused.Doubt = sentences(append(failures, refused.Doubt)...)
	}
	return refused
}

// Edges is Source's: a scraper knows only the targets that it was asked for.
func (s *Scraper) Edges(ctx context.Context, scope Scope, w Window) ([]Edge, error) {
	var all Recording
	for _, m := range s.memories() {
		all.Series = append(all.Series, m.recording().Series...)
	}
	return all.Edges(ctx, scope, w)
}

// wholeLife returns the window of an observation: proxies that have counted nothing since they started say so of all their life.
func wholeLife(o Observation, t Target, w Window) Window {
	youngest := time.Time{}
	for _, p := range t.Pods {
		if p.Since.IsZero() {
			return o.Window
		}
		if p.Since.After(youngest) {
			youngest = p.Since
		}
	}
	undated := slices.ContainsFunc(o.Refusable, func(c Call) bool { return c.FirstSeen.IsZero() })
	if undated || len(t.Pods) == 0 || !youngest.Before(o.Window.From) {
		return o.Window
	}
	if youngest.Before(w.From) {
		return w
	}
	return Window{From: youngest, To: w.To}
}

// memoryOf returns the memory of the target, and forgets targets that nobody asks for.
func (s *Scraper) memoryOf(t Target, now time.Time) *memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, m := range s.targets {
		if now.Sub(m.asked) > forgetsTargetsIn {
			delete(s.targets, key)
		}
	}
	key := t.Namespace + "/" + strings.Join(t.Workloads, ",")
	if s.targets[key] == nil {
		s.targets[key] = &memory{series: map[string]*Series{}, proxies: map[Proxy]bool{}}
	}
	s.targets[key].asked = now
	return s.targets[key]
}

func (s *Scraper) memories() []*memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*memory
	for _, key := range slices.Sorted(maps.Keys(s.targets)) {
		all = append(all, s.targets[key])
	}
	return all
}

// scrape reads the target's proxies, and returns what failed as full sentences.
func (m *memory) scrape(ctx context.Context, reach Reach, t Target, now time.Time) []string {
	var group errgroup.Group
	group.SetLimit(scrapesAtATime)
	var mu sync.Mutex
	var failures []string
	for proxy := range proxiesOf(t) {
		group.Go(func() error {
			page, err := scrapeProxy(ctx, reach, proxy)
			if err != nil {
				mu.Lock()
				failures = append(failures, fmt.Sprintf("The metrics of %s/%s cannot be read: %v.", proxy.Namespace, proxy.Name, err))
				mu.Unlock()
				return nil
			}
			m.add(proxy, page, now)
			return nil
		})
	}
	_ = group.Wait() // each has told of itself
	m.trim(now.Add(-scrapeMemoryLimit))
	slices.Sort(failures)
	return failures[:min(len(failures), 3)]
}

// proxiesOf returns the proxies of the target, each once: a ztunnel is that of many pods.
func proxiesOf(t Target) map[Proxy]bool {
	proxies := map[Proxy]bool{}
	for _, p := range t.Pods {
		proxies[p.Proxy] = true
	}
	return proxies
}

func scrapeProxy(ctx context.Context, reach Reach, proxy Proxy) ([]read, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	page := sidecarPage
	if proxy.Ztunnel {
		page = ztunnelPage
	}
	body, err := reach(ctx, proxy, page)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	return readPage(&boundedBody{ReadCloser: body, left: maxAnswer}, proxy)
}

// add appends what was read. The counters of a proxy that is read for the first time are old.
func (m *memory) add(proxy Proxy, page []read, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.proxies[proxy]
	m.proxies[proxy] = true
	for _, r := range page {
		s := m.series[r.key()]
		if s == nil {
			s = &Series{Labels: r.labels, Old: first}
			if first {
				s.Undated = r.value
			}
			m.series[r.key()] = s
		}
		s.add(Sample{At: now, Value: r.value})
	}
}

// add appends a sample. Of a value that stays only a few times are kept, so that no gap looks like the end of the series.
func (s *Series) add(sample Sample) {
	n := len(s.Samples)
	if n >= 2 && s.Samples[n-1].Value == sample.Value && s.Samples[n-2].Value == sample.Value &&
		sample.At.Sub(s.Samples[n-2].At) < edgeTolerance/2 {
		s.Samples[n-1].At = sample.At
		return
	}
	s.Samples = append(s.Samples, sample)
}

// trim forgets what is older than the time.
func (m *memory) trim(before time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, s := range m.series {
		if s.Samples[len(s.Samples)-1].At.Before(before) {
			delete(m.series, key)
			continue
		}
		for len(s.Samples) > 1 && s.Samples[1].At.Before(before) {
			s.Samples, s.Undated = s.Samples[1:], 0
		}
	}
}

// recording returns what is remembered, by then.
func (m *memory) recording() *Recording {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &Recording{Name: sourceScrape}
	for _, key := range slices.Sorted(maps.Keys(m.series)) {
		s := *m.series[key]
		s.Samples = slices.Clone(s.Samples)
		r.Series = append(r.Series, s)
	}
	return r
}

func sortedKeys(labels map[string]string) []string { return slices.Sorted(maps.Keys(labels)) }
