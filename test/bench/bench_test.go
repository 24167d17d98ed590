package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// turns is how often each of those that are compared has its turn.
const turns = 3

// writesOfPolicy are the writes that a policy needs: a PeerAuthentication, a DestinationRule and a status.
const writesOfPolicy = 3

// TestThroughput compares the operator with the same bytes sent raw, and these with objects that cost the least.
func TestThroughput(t *testing.T) {
	w := newWorld(t, policiesWanted(t))
	var operator, raw, least []time.Duration
	for range turns {
		recorded := newRecorder()
		stop := startOperator(t, 0, recorded.stand)
		ready := watchReadiness(t)
		operator = append(operator, timed(func() {
			must(t, createAll(t.Context(), w))
			ready.wait(w.policies)
		}))
		stop()
		w.clear(t)
		if got, want := recorded.count("nowhere"), writesOfPolicy*w.policies; got != want {
			t.Errorf("the operator wrote %d times, want %d", got, want)
		}
		raw = append(raw, timed(func() { sendRaw(t, w, recorded) }))
		w.clear(t)
		least = append(least, timed(func() { sendTrivial(t, w, recorded) }))
		w.clear(t)
	}
	fmt.Printf("%d policies, medians of %d turns, seconds: operator %.2f, the same bytes %.2f, trivial objects %.2f\n",
		w.policies, turns, median(operator).Seconds(), median(raw).Seconds(), median(least).Seconds())
	fmt.Printf("operator / the same bytes: %.2f\nthe same bytes / trivial objects: %.2f\n",
		ratio(operator, raw), ratio(raw, least))
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// ratio returns the median of the ratios within the turns: what else the machine does changes from turn to turn.
func ratio(of, to []time.Duration) float64 {
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = of[i].Seconds() / to[i].Seconds()
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}
