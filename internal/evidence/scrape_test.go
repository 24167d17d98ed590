package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// pages are what the proxies show, by name.
type pages struct {
	mu   sync.Mutex
	text map[string]string
	read []string
}

func (p *pages) set(name, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text[name] = text
}

func (p *pages) reach(_ context.Context, proxy Proxy, page Page) (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read = append(p.read, proxy.Name+":"+page.Port)
	text, there := p.text[proxy.Name]
	if !there {
		return nil, errors.New("connection refused")
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// page returns what a sidecar of catalog shows after so many calls.
func page(mutual, plaintext int) string {
	const line = "istio_requests_total{reporter=\"destination\",source_workload=%q,source_workload_namespace=\"shop\",destination_workload=\"catalog\"," +
		"destination_workload_namespace=\"shop\",request_protocol=\"http\",connection_security_policy=%q} %d\n"
	text := "# TYPE istio_build gauge\nistio_build{component=\"proxy\"} 1\nenvoy_server_uptime{} 7\n"
	if mutual > 0 {
		text += fmt.Sprintf(line, "front", "mutual_tls", mutual)
	}
	if plaintext > 0 {
		text += fmt.Sprintf(line, "batch", "none", plaintext)
	}
	return text
}

// TestScraper reads a proxy again and again: the steps are the test, in order.
func TestScraper(t *testing.T) {
	t.Parallel()
	target := shop
	target.Pods = []Pod{{Namespace: "shop", Name: "catalog-1", Since: noon.Add(-24 * time.Hour),
		Proxy: Proxy{Namespace: "shop", Name: "catalog-1", IP: "10.0.0.1"}}}
	proxies := &pages{text: map[string]string{}}
	scraper := NewScraper(proxies.reach)
	steps := []struct {
		name        string
		after       time.Duration
		page        string
		want        Outcome
		wantCount   int64
		wantUndated bool
	}{
		{name: "what was counted before the first look is undated", page: page(5, 2), want: Found, wantCount: 2, wantUndated: true},
		{name: "it is not new the second time", after: time.Minute, page: page(7, 2), want: Found, wantCount: 2, wantUndated: true},
		{name: "one more", after: 2 * time.Minute, page: page(7, 3), want: Found, wantCount: 3},
		{name: "the proxy was started anew", after: 3 * time.Minute, page: page(1, 0), want: Found, wantCount: 3},
		{name: "and called again", after: 4 * time.Minute, page: page(1, 1), want: Found, wantCount: 4},
	}
	for _, step := range steps {
		proxies.set("catalog-1", step.page)
		now := noon.Add(step.after)
		o := scraper.Refusable(t.Context(), target, Last(time.Hour, now))
		if o.Outcome != step.want || len(o.Refusable) != 1 {
			t.Fatalf("%s: got %+v, want %s of one client", step.name, o, step.want)
		}
		if c := o.Refusable[0]; c.Count != step.wantCount || c.Undated != step.wantUndated {
			t.Errorf("%s: got %+v, want %d, undated %t", step.name, c, step.wantCount, step.wantUndated)
		}
		if !o.Window.From.Equal(noon) {
			t.Errorf("%s: got the window from %s, want the first look", step.name, o.Window.From)
		}
	}
}

// TestScraperCleanForLife is a proxy that never had such a call: that is known since it started.
func TestScraperCleanForLife(t *testing.T) {
	t.Parallel()
	target := shop
	started := noon.Add(-10 * time.Minute)
	target.Pods = []Pod{{Namespace: "shop", Name: "catalog-1", Since: started, Proxy: Proxy{Namespace: "shop", Name: "catalog-1"}}}
	proxies := &pages{text: map[string]string{"catalog-1": page(3, 0)}}
	o := NewScraper(proxies.reach).Refusable(t.Context(), target, Last(time.Hour, noon))
	if o.Outcome != Clean || !o.Window.From.Equal(started) {
		t.Errorf("got %s since %s, want Clean since the pod started", o.Outcome, o.Window.From)
	}
}

// TestScraperErrors reads what cannot be read.
func TestScraperErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text map[string]string
		want string
	}{
		"no answer":   {nil, "The metrics of shop/catalog-1 cannot be read: connection refused."},
		"not metrics": {map[string]string{"catalog-1": "<html>"}, "The metrics of shop/catalog-1 cannot be read: reading the metrics"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxies := &pages{text: tc.text}
			o := NewScraper(proxies.reach).Refusable(t.Context(), shop, Last(time.Hour, noon))
			if o.Outcome != Unknown || !strings.Contains(o.Doubt, tc.want) {
				t.Errorf("got %s with %q, want Unknown with %q", o.Outcome, o.Doubt, tc.want)
			}
		})
	}
}

// TestScraperOfNothing reads nothing, and says so.
func TestScraperOfNothing(t *testing.T) {
	t.Parallel()
	proxies := &pages{}
	if o := NewScraper(proxies.reach).Refusable(t.Context(), Target{Namespace: "shop"}, Last(time.Hour, noon)); o.Doubt != noPods || len(proxies.read) > 0 {
		t.Errorf("got %+v after reading %v, want a doubt and nothing read", o, proxies.read)
	}
}

// TestScraperOfZtunnel reads a ztunnel once for all of its pods, at its own port.
func TestScraperOfZtunnel(t *testing.T) {
	t.Parallel()
	ztunnel := Proxy{Namespace: "istio-system", Name: "ztunnel-a", Ztunnel: true}
	target := shop
	target.Pods = []Pod{{Namespace: "shop", Name: "catalog-1", Proxy: ztunnel}, {Namespace: "shop", Name: "catalog-2", Proxy: ztunnel}}
	const connections = "istio_tcp_connections_%s_total{reporter=\"destination\",source_workload=\"bare\",source_workload_namespace=\"old\"," +
		"destination_workload=\"catalog\",destination_workload_namespace=\"shop\",request_protocol=\"tcp\",response_flags=%q," +
		"connection_security_policy=\"unknown\"} %d\n"
	before := "istio_build{component=\"ztunnel\"} 1\n" + fmt.Sprintf(connections, "opened", "-", 6) + fmt.Sprintf(connections, "closed", "-", 6)
	proxies := &pages{text: map[string]string{"ztunnel-a": before}}
	scraper := NewScraper(proxies.reach)
	scraper.Refusable(t.Context(), target, Last(time.Hour, noon))
	proxies.set("ztunnel-a", before+fmt.Sprintf(connections, "closed", "DENY", 4))
	got := scraper.Refused(t.Context(), target, Window{From: noon, To: noon.Add(time.Minute)})
	if !got.Visible || got.Count != 4 || got.Calls[0].Client.Name != "bare" {
		t.Errorf("got %+v, want four refusals of bare", got)
	}
	if want := []string{"ztunnel-a:15020", "ztunnel-a:15020"}; fmt.Sprint(proxies.read) != fmt.Sprint(want) {
		t.Errorf("got %v read, want %v", proxies.read, want)
	}
}

// TestDirect reads over the network, with an end.
func TestDirect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"a page":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, page(1, 0)) }, ""},
		"an error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, "418"},
		"without end": {func(w http.ResponseWriter, _ *http.Request) {
			for range 20 {
				_, _ = fmt.Fprint(w, strings.Repeat("#", 1<<20)+"\n")
			}
		}, "larger than 16 MiB"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tc.handler)
			t.Cleanup(server.Close)
			host, port, err := net.SplitHostPort(server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			body, err := Direct(nil)(t.Context(), Proxy{IP: host}, Page{Port: port, Path: "/stats/prometheus", Filter: "istio_|rbac"})
			if err == nil {
				var series []read
				series, err = readPage(body, Proxy{})
				if len(series) == 0 && err == nil {
					t.Error("the page has no series")
				}
				_ = body.Close()
			}
			if got := fmt.Sprint(err); (err == nil) != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestScraperKeepsLittle reads a page for two days: what does not change takes no memory, and is known all the same.
func TestScraperKeepsLittle(t *testing.T) {
	t.Parallel()
	proxies := &pages{text: map[string]string{"catalog-1": page(3, 1)}}
	scraper := NewScraper(proxies.reach)
	const minutes = 2 * 24 * 60
	var o Observation
	for minute := range minutes {
		o = scraper.Refusable(t.Context(), shop, Last(time.Hour, noon.Add(time.Duration(minute)*time.Minute)))
	}
	if o.Refusable[0].Count != 1 || !o.Refusable[0].Undated {
		t.Errorf("got %+v, want the one call of before", o.Refusable[0])
	}
	for _, s := range scraper.memories()[0].series {
		if len(s.Samples) > minutes/10 {
			t.Errorf("%d samples are kept of %d", len(s.Samples), minutes)
		}
	}
}
