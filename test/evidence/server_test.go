package evidence

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
)

// TestPrometheusItself lets the server that Debian packages scrape pages as a sidecar serves them, every half second, and asks it.
func TestPrometheusItself(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("PROMETHEUS") == "required" {
			// CI installs Prometheus, so there a missing one is a failure and no skip.
			t.Fatal("prometheus is not installed; in Debian it is in the package of this name")
		}
		// The engine's tests need no server and run everywhere; this one needs the program.
		t.Skip("prometheus is not installed (in Debian: the package prometheus), so only its engine is tested")
	}
	var mutual, plaintext atomic.Int64
	mutual.Store(3)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mutual.Add(1)
		_, _ = fmt.Fprint(w, "istio_build{component=\"proxy\"} 1\n"+pageLine("front", "mutual_tls", mutual.Load()))
		if n := plaintext.Load(); n > 0 {
			_, _ = fmt.Fprint(w, pageLine("unknown", "none", n))
		}
	}))
	t.Cleanup(page.Close)
	source := runPrometheus(t, program, strings.TrimPrefix(page.URL, "http://"))
	target := catalog
	target.Pods = []evidence.Pod{{Namespace: "shop", Name: "x", Proxy: evidence.Proxy{Namespace: "shop", Name: "x", IP: "127.0.0.1"}}}
	clean := observe(t, source, target, evidence.Clean)
	if clean.Coverage.MutualTLS == 0 || clean.Coverage.Reporting != 1 {
		t.Errorf("got the coverage %+v, want one pod and calls", clean.Coverage)
	}
	plaintext.Store(1)
	found := observe(t, source, target, evidence.Found)
	if want := []string{"Found", "unknown: 1 http at 8080"}; !slices.Equal(words(found), want) {
		t.Errorf("got %q, want %q", words(found), want)
	}
	if seen := time.Since(found.Refusable[0].LastSeen); seen > time.Minute || seen < 0 {
		t.Errorf("the one call was last seen %s ago", seen)
	}
}

func pageLine(client, policy string, value int64) string {
	return fmt.Sprintf("istio_requests_total{reporter=\"destination\",source_workload=%q,source_workload_namespace=\"shop\","+
		"destination_workload=\"catalog\",destination_workload_namespace=\"shop\",request_protocol=\"http\",connection_security_policy=%q} %d\n",
		client, policy, value)
}

// observe asks until the outcome is there.
func observe(t *testing.T, source *evidence.Prometheus, target evidence.Target, want evidence.Outcome) (o evidence.Observation) {
	t.Helper()
	eventually(t, func() error {
		o = source.Refusable(t.Context(), target, evidence.Last(time.Minute, time.Now()))
		if o.Outcome != want || o.Coverage.MutualTLS == 0 {
			return fmt.Errorf("the outcome is %s (%s), want %s", o.Outcome, o.Doubt, want)
		}
		return nil
	})
	return o
}

func eventually(t *testing.T, holds func() error) {
	t.Helper()
	deadline := time.After(40 * time.Second)
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// runPrometheus starts the server with one target, and returns the source that asks it.
func runPrometheus(t *testing.T, program, target string) *evidence.Prometheus {
	t.Helper()
	folder := t.TempDir()
	config := filepath.Join(folder, "prometheus.yaml")
	text := "global: {scrape_interval: 500ms, scrape_timeout: 400ms}\nscrape_configs: [{job_name: proxies, static_configs: [{targets: [" + target + "]}]}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	command := exec.CommandContext(ctx, program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(folder, "data"),
		"--web.listen-address="+address, "--log.level=error")
	command.Stderr = t.Output()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = command.Wait()
	})
	source, err := evidence.NewPrometheus(evidence.Settings{URL: "http://" + address})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// freeAddress is one that nobody listened at a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
