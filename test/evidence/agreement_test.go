package evidence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
)

// worlds is how many random worlds are compared, and minutes how long their series are.
const (
	worlds  = 80
	minutes = 150
)

// TestRecordingAgrees compares what a recording says of random series with what Prometheus' engine says of the same: counters that
// grow, rest, are born, die, are reset and have gaps.
func TestRecordingAgrees(t *testing.T) {
	t.Parallel()
	found := 0
	for seed := range uint64(worlds) {
		random := rand.New(rand.NewPCG(seed, 1))
		text, recording := "load 1m\n"+proxies, proxiesRecorded()
		for client := range 4 {
			policy := []string{"none", "none", "mutual_tls"}[random.IntN(3)]
			values := randomCounter(random)
			name := fmt.Sprintf("client-%d", client)
			text += series(requests, name, policy, notation(values))
			recording.Series = append(recording.Series, recorded(name, policy, values))
		}
		_, source := start(t, text)
		window := evidence.Last(time.Hour, epoch.Add(140*time.Minute))
		want, got := source.Refusable(t.Context(), catalog, window), recording.Refusable(t.Context(), catalog, window)
		if clients(want) != clients(got) || want.Outcome != got.Outcome || want.Doubt != got.Doubt {
			t.Fatalf("seed %d: Prometheus says %s of %s (%s), the recording %s of %s (%s); the series are\n%s", seed,
				want.Outcome, clients(want), want.Doubt, got.Outcome, clients(got), got.Doubt, text)
		}
		sameTimes(t, seed, want, got)
		if want.Outcome == evidence.Found {
			found++
		}
	}
	if found < worlds/8 || found == worlds {
		t.Errorf("of %d worlds %d had something to find: want some, and not all", worlds, found)
	}
}

// sameTimes compares when calls were last seen: Prometheus looks in steps.
func sameTimes(t *testing.T, seed uint64, want, got evidence.Observation) {
	t.Helper()
	at := map[string]time.Time{}
	for _, c := range got.Refusable {
		at[c.Client.Name] = c.LastSeen
	}
	for _, c := range want.Refusable {
		late := c.LastSeen.Sub(at[c.Client.Name])
		// A counter that was reset and counts the same again grew, says Prometheus, when it was reset.
		if late < 0 || late > 4*evidence.Step(time.Hour) {
			t.Errorf("seed %d: %s was last seen at %s, says Prometheus, and the recording says %s", seed, c.Client, c.LastSeen, at[c.Client.Name])
		}
	}
}

func clients(o evidence.Observation) string {
	var names []string
	for _, c := range o.Refusable {
		names = append(names, c.Client.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// randomCounter returns a counter by the minute; a negative value is no sample.
func randomCounter(random *rand.Rand) []int {
	values := make([]int, minutes)
	value, alive := 0, random.IntN(2) == 0
	busy := random.IntN(3) == 0
	for i := range values {
		switch {
		case random.IntN(60) == 0:
			alive = !alive
			if alive && random.IntN(2) == 0 {
				value = 0
			}
		case alive && busy && random.IntN(4) == 0:
			value += 1 + random.IntN(3)
		case alive && value == 0:
			value = 1
		}
		values[i] = -1
		if alive {
			values[i] = value
		}
	}
	return values
}

func notation(values []int) string {
	var words []string
	for _, value := range values {
		if value < 0 {
			words = append(words, "_")
			continue
		}
		words = append(words, strconv.Itoa(value))
	}
	return strings.Join(words, " ")
}

func recorded(client, policy string, values []int) evidence.Series {
	s := evidence.Series{Labels: map[string]string{
		"__name__": requests, "reporter": "destination", "destination_workload_namespace": "shop", "destination_workload": "catalog",
		"source_workload": client, "source_workload_namespace": "shop", "request_protocol": "http", "connection_security_policy": policy,
	}}
	for minute, value := range values {
		if value >= 0 {
			s.Samples = append(s.Samples, evidence.Sample{At: epoch.Add(time.Duration(minute) * time.Minute), Value: float64(value)})
		}
	}
	return s
}

func proxiesRecorded() evidence.Recording {
	build := evidence.Series{Labels: map[string]string{
		"__name__": "istio_build", "component": "proxy", "instance": "10.0.0.1:15090", "pod": "catalog-1", "namespace": "shop",
	}}
	for minute := range minutes {
		build.Samples = append(build.Samples, evidence.Sample{At: epoch.Add(time.Duration(minute) * time.Minute), Value: 1})
	}
	return evidence.Recording{Name: "recorded", Series: []evidence.Series{build}}
}
