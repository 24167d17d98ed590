package bench

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A simulation of more than one machine can hold. Changes come at random, each to a namespace. The operator's process that has the namespace
// compiles it, a processor's time each, and sends the writes; the API server's processors take these. What waits, waits in order.

// plan is what is simulated. The costs are those that the bench measures; times are in milliseconds.
type plan struct {
	shards, namespaces int
	// changes are per second, for so many seconds.
	changes, seconds float64
	// processors are those of an operator's process, and servers those of the API servers together.
	processors, servers int
	// pass is what a pass costs the operator, and write what one costs an API server; a change has writes of them, one after the other.
	pass, write float64
	writes      int
}

// outcome is how long changes took until their last write, and how busy everybody was.
type outcome struct {
	median, p99       float64
	operator, servers float64
}

// station are processors that take jobs in order.
type station struct {
	free []float64
	busy float64
}

func newStation(processors int) *station { return &station{free: make([]float64, processors)} }

// take returns when a job is done that comes at a time and costs some.
func (s *station) take(at, cost float64) float64 {
	next := 0
	for i, free := range s.free {
		if free < s.free[next] {
			next = i
		}
	}
	done := math.Max(at, s.free[next]) + cost
	s.free[next] = done
	s.busy += cost
	return done
}

// change is one on its way: when it came, to which shard, and when it comes to the next station.
type change struct {
	came, at float64
	shard    int
	// written is how many of its writes are done; before the pass it is -1.
	written int
}

// queue orders changes by when they come to the next station.
type queue []*change

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*change)) } //nolint:forcetypeassert // heap pushes what it is given

// Pop takes the last, as container/heap asks.
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// arrivals are the changes of the plan. Namespaces are spread over the shards by hash, which is what sharding does.
func arrivals(p plan, random *rand.Rand) *queue {
	shardOf := make([]int, p.namespaces)
	for i := range shardOf {
		shardOf[i] = random.IntN(p.shards)
	}
	var all queue
	for at := 0.0; at < p.seconds*1000; at += random.ExpFloat64() * 1000 / p.changes {
		all = append(all, &change{came: at, at: at, shard: shardOf[random.IntN(p.namespaces)], written: -1})
	}
	return &all
}

// simulate runs the plan.
func simulate(p plan, seed uint64) outcome {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a simulation's seed
	shards, servers := make([]*station, p.shards), newStation(p.servers)
	for i := range shards {
		shards[i] = newStation(p.processors)
	}
	under := arrivals(p, random)
	heap.Init(under)
	var took []float64
	for under.Len() > 0 {
		next := (*under)[0]
		varied := 0.5 + random.Float64()
		switch {
		case next.written == p.writes:
			took = append(took, next.at-next.came)
			heap.Pop(under)
			continue
		case next.written < 0:
			next.at = shards[next.shard].take(next.at, p.pass*varied)
		default:
			next.at = servers.take(next.at, p.write*varied)
		}
		next.written++
		heap.Fix(under, 0)
	}
	slices.Sort(took)
	end := p.seconds * 1000
	result := outcome{median: took[len(took)/2], p99: took[len(took)*99/100], servers: servers.busy / end / float64(p.servers)}
	for _, shard := range shards {
		result.operator = math.Max(result.operator, shard.busy/end/float64(p.processors))
	}
	return result
}

// measured are the costs on the bench's machine, as docs/scale.md has them: a pass of a namespace of twenty policies, and a write.
var measured = plan{namespaces: 5000, changes: 500, seconds: 60, processors: 2, pass: 4, write: 2.7, writes: 4}

// TestSimulation prints the table of docs/scale.md, and holds what the page concludes from it.
func TestSimulation(t *testing.T) {
	fmt.Printf("%8s %12s %10s %10s %17s %14s\n", "shards", "servers", "median ms", "p99 ms", "busiest operator", "API servers")
	for _, tc := range []struct {
		shards, servers int
		keepsUp         bool
	}{
		{1, 4, false}, {1, 8, true}, {2, 4, false}, {2, 6, true}, {2, 8, true}, {4, 8, true}, {8, 16, true},
	} {
		p := measured
		p.shards, p.servers = tc.shards, tc.servers
		got := simulate(p, 1)
		fmt.Printf("%8d %12d %10.0f %10.0f %15.0f%% %13.0f%%\n",
			p.shards, p.servers, got.median, got.p99, 100*got.operator, 100*got.servers)
		if keepsUp := got.p99 < 1000; keepsUp != tc.keepsUp {
			t.Errorf("%d shards and %d processors of API servers: p99 is %.0f ms, want it below a second: %t", tc.shards, tc.servers, got.p99, tc.keepsUp)
		}
	}
}
