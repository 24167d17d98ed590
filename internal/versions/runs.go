package versions

import (
	_ "embed"
	"encoding/json"
	"slices"
)

// Run is a part of the tests that passed against an Istio. The tests write them themselves (test/runs).
type Run struct {
	// Istio and Kubernetes are minor versions, as in 1.31. Without a Kubernetes no API server took part.
	Istio      string `json:"istio"`
	Kubernetes string `json:"kubernetes,omitempty"`
	// CRDsOnly says that of this Istio only the CRDs took part, and no control plane.
	CRDsOnly bool `json:"crdsOnly,omitempty"`
	// Part is the part of the tests, as docs/architecture.md calls it, and Extent what it comprised, as the test counted.
	Part   string `json:"part"`
	Extent string `json:"extent"`
	// On is the day, as in 2026-12-01.
	On string `json:"on"`
}

//go:embed runs.json
var recorded []byte

// Runs are those that are on record, by Istio, the newest first, Kubernetes and part.
var Runs = readRuns(recorded)

func readRuns(record []byte) []Run {
	var runs []Run
	if err := json.Unmarshal(record, &runs); err != nil {
		panic("the record of runs: " + err.Error()) // it is part of the program
	}
	return runs
}

// The minor versions of Istio that are tested: the oldest and the newest whose control plane took part in a run on record.
var (
	OldestTested = tested(Runs)[0]
	NewestTested = last(tested(Runs))
)

func tested(runs []Run) []string {
	var minors []string
	for _, run := range runs {
		if !run.CRDsOnly {
			minors = append(minors, run.Istio)
		}
	}
	slices.SortFunc(minors, Compare)
	return slices.Compact(minors)
}

func last(minors []string) string { return minors[len(minors)-1] }
