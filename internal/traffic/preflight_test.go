package traffic_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/traffic"
)

func TestLongestPause(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := map[string]time.Duration{
		"* * * * *": time.Minute, "*/15 * * * *": 15 * time.Minute, "0 * * * *": time.Hour, "0 3 * * *": day, "@daily": day, "@every 90m": 90 * time.Minute,
		"0 9-17 * * 1-5": 2*day + 16*time.Hour, "0 0 * * 0": 7 * day, "0 0 * * 7": 7 * day, "@weekly": 7 * day, "30 4 * * MON,THU": 4 * day,
		"0 0 1 * *": 31 * day, "@monthly": 31 * day, "0 0 1,15 * *": 17 * day, "0 0 13 * FRI": 7 * day, "0 0 29 2 *": 1461 * day,
		"@yearly": 366 * day, "0 0 1 */3 *": 92 * day, "TZ=Europe/Berlin 0 3 * * *": day, "5/20 8 * * *": day - 40*time.Minute, "0 0 ? * 3": 7 * day,
	}
	for schedule, want := range tests {
		t.Run(schedule, func(t *testing.T) {
			t.Parallel()
			if got, err := traffic.LongestPause(schedule); err != nil || got != want {
				t.Errorf("got %s and %v, want %s", got, err, want)
			}
		})
	}
	for _, schedule := range []string{"", "0 3 * *", "60 * * * *", "* 5-3 * * *", "*/0 * * * *", "0 0 31 2 *", "0 0 * * XYZ", "@reboot", "a b c d e"} {
		if got, err := traffic.LongestPause(schedule); err == nil {
			t.Errorf("%q: got %s, want an error", schedule, got)
		}
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	v := view(t)
	jobs := []traffic.Job{
		{Namespace: "batch", Name: "hourly", Schedule: "@hourly"}, {Namespace: "batch", Name: "settlement", Schedule: "0 4 * * 1"},
		{Namespace: "batch", Name: "report", Schedule: "0 4 1 * *"}, {Namespace: "batch", Name: "odd", Schedule: "whenever"},
	}
	got := traffic.NewPreflight(v, named(v, "catalog-1"), jobs)
	want := []string{
		"Prometheus: Annotations of shop/catalog-1 ask it to read port 9102", "the API server: ValidatingWebhookConfiguration prices leads to Service shop/catalog, port 443",
		"shop/around: An annotation keeps what it sends to port 80", "shop/disabled: DestinationRule shop/plain (spec.trafficPolicy.tls) says DISABLE",
	}
	if len(got.Refused) != len(want) {
		t.Fatalf("got %q, want %q", got.Refused, want)
	}
	for i, w := range want {
		if words := got.Refused[i].Who + ": " + got.Refused[i].Why; !strings.HasPrefix(words, w) || !strings.HasSuffix(words, ".") {
			t.Errorf("got %q, want it to begin with %q", words, w)
		}
	}
	if !slices.Equal(got.WithoutProxy, []string{"legacy/crawler"}) || !slices.Equal(got.Unreadable, []string{"batch/odd"}) {
		t.Errorf("got %v without a proxy and %v not to be read", got.WithoutProxy, got.Unreadable)
	}
	if len(got.Jobs) != 2 || got.Jobs[0].Name != "report" || got.Jobs[0].Pause != "744h" || got.Observe != 32*24*time.Hour {
		t.Errorf("got the jobs %+v and to observe for %s, want a month and a day because of report", got.Jobs, got.Observe)
	}
}

// TestPreflightOfNothing is about pods that nobody reports on.
func TestPreflightOfNothing(t *testing.T) {
	t.Parallel()
	v := view(t)
	if got := traffic.NewPreflight(v, nil, nil); len(got.Refused)+len(got.WithoutProxy)+len(got.Jobs) > 0 || got.Observe != 24*time.Hour {
		t.Errorf("got %+v, want nothing but a day", got)
	}
}
