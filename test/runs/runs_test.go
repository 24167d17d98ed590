package runs

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/versions"
)

func TestWith(t *testing.T) {
	older := versions.Run{Istio: "1.30", Part: "intent", Extent: "50 worlds"}
	before := versions.Run{Istio: "1.31", Part: "intent", Extent: "300 worlds"}
	live := versions.Run{Istio: "1.31", Kubernetes: "1.36", Part: "live", Extent: "one mesh"}
	again := before
	again.Extent = "400 worlds"
	if diff := cmp.Diff([]versions.Run{again, live, older}, with([]versions.Run{older, before, live}, again)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	tenth := versions.Run{Istio: "1.9", Part: "intent"}
	if got := with([]versions.Run{older}, tenth); got[0] != older {
		t.Errorf("an older minor goes before a newer one: %v", got)
	}
}

// TestTheRecordIsInOrder: what is on record reads as Record writes it, each run once.
func TestTheRecordIsInOrder(t *testing.T) {
	if !slices.IsSortedFunc(versions.Runs, order) {
		t.Error("the record is not in order")
	}
	for i, run := range versions.Runs {
		if i > 0 && order(versions.Runs[i-1], run) == 0 {
			t.Errorf("%v is on record twice", run)
		}
		if run.Part == "" || run.Extent == "" || run.On == "" {
			t.Errorf("%v does not say what was run, and when", run)
		}
	}
}
