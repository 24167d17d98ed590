package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// turns is how often each of those that are compared has its turn.
const turns = 3

// writesOfPolicy are the writes that a policy needs: a PeerAuthentication, a DestinationRule and a status.
const writesOfPolicy = 3

// TestThroughput compares the operator with the same bytes sent raw, and these with objects that cost the least.
func TestThroughput(t *testing.T) {
	w := newWorld(t, policiesWanted(t))
	var operator, raw, least []cost
	for range turns {
		recorded := newRecorder()
		stop := startOperator(t, 0, recorded.stand)
		ready := watchReadiness(t)
		operator = append(operator, measure(t, func() {
			must(t, createAll(t.Context(), w))
			ready.wait(w.policies)
		}))
		stop()
		w.clear(t)
		if got, want := recorded.count("nowhere"), writesOfPolicy*w.policies; got != want {
			t.Errorf("the operator wrote %d times, want %d", got, want)
		}
		raw = append(raw, measure(t, func() { sendRaw(t, w, recorded) }))
		w.clear(t)
		least = append(least, measure(t, func() { sendTrivial(t, w, recorded) }))
		w.clear(t)
	}
	fmt.Printf("%d policies, medians of %d turns, seconds, of the API server's processor and passed: "+
		"operator %s, the same bytes %s, trivial objects %s\n", w.policies, turns, median(operator), median(raw), median(least))
	fmt.Printf("operator / the same bytes: %s\nthe same bytes / trivial objects: %s\n", ratio(operator, raw), ratio(raw, least))
}

// cost is what something takes, in seconds: of the API server's processor, which other work on the machine changes little, and passed.
type cost struct{ processor, passed float64 }

// String reads like "4.5 and 2.1".
func (c cost) String() string { return fmt.Sprintf("%.2f and %.2f", c.processor, c.passed) }

// measure returns what it takes to do something.
func measure(t *testing.T, do func()) cost {
	t.Helper()
	before, began := serverProcessor(t), time.Now()
	do()
	passed := time.Since(began).Seconds()
	return cost{serverProcessor(t) - before, passed}
}

// serverProcessor returns the seconds of a processor that the API server has used.
func serverProcessor(t *testing.T) float64 {
	t.Helper()
	config := limitless(plane.Config)
	config.NegotiatedSerializer, config.GroupVersion = scheme.Codecs.WithoutConversion(), &schema.GroupVersion{}
	asking, err := rest.RESTClientFor(config)
	must(t, err)
	text, err := asking.Get().AbsPath("/metrics").Do(t.Context()).Raw()
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "process_cpu_seconds_total "); found {
			seconds, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			must(t, err)
			return seconds
		}
	}
	t.Fatal("the API server does not say what it uses")
	return 0
}

func median(costs []cost) cost {
	return cost{
		middle(costs, func(i int) float64 { return costs[i].processor }), middle(costs, func(i int) float64 { return costs[i].passed }),
	}
}

// ratio returns the medians of the ratios within the turns: what else the machine does changes from turn to turn.
func ratio(of, to []cost) cost {
	return cost{
		middle(of, func(i int) float64 { return of[i].processor / to[i].processor }),
		middle(of, func(i int) float64 { return of[i].passed / to[i].passed }),
	}
}

// middle returns the median of a value of each cost.
func middle(costs []cost, value func(i int) float64) float64 {
	values := make([]float64, len(costs))
	for i := range costs {
		values[i] = value(i)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
