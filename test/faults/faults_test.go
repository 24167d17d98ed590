package faults

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// enough faults there are in a run, in reads and in writes, before they end: the operator then has to come to its end by itself.
const enough = 20

// seeds returns how many seeds there are, in a sample and in all.
func seeds(sample, all int) int {
	if everyFault() {
		return all
	}
	return sample
}

// each tries the changes with a fault that is made from a seed, all of them or one a seed.
func each(t *testing.T, kind string, sample, all int, fault func(t *testing.T, namespace string, seed uint64)) {
	t.Helper()
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(kind))
	d := newDice(seed(t) + sum.Sum64())
	for s := range seeds(sample, all) {
		chosen := d.below(len(changes))
		for i, c := range changes {
			if !everyFault() && i != chosen {
				continue
			}
			t.Run(fmt.Sprintf("%s, seed %d: %s", kind, s, c.name), func(t *testing.T) {
				t.Parallel()
				try(t, kind, c, func(t *testing.T, namespace string) { fault(t, namespace, seed(t)+uint64(s)) })
			})
		}
	}
}

// TestCrash kills the operator at writes of each change: at each one, before and after it arrives, or at some.
func TestCrash(t *testing.T) {
	d := newDice(seed(t))
	for _, c := range changes {
		writes := referenceOf(t, c).writes
		for at := int64(1); at <= writes; at++ {
			for _, arrives := range []bool{false, true} {
				if !everyFault() && d.below(int(2*writes)) >= 3 {
					continue
				}
				t.Run(fmt.Sprintf("%s, write %d of %d, which arrives: %t", c.name, at, writes, arrives), func(t *testing.T) {
					t.Parallel()
					try(t, "killed at a write", c, func(t *testing.T, namespace string) {
						died := make(chan struct{})
						stop := start(t, namespace, crash(at, arrives, func() { close(died) }))
						select {
						case <-died:
						case <-time.After(hangs):
							t.Errorf("there is no write %d", at)
						}
						stop()
						start(t, namespace, &transport{})
					})
				})
			}
		}
	}
}

// TestStatus answers 30 % of all requests with errors, and loses answers to writes.
func TestStatus(t *testing.T) {
	codes := map[string][]int{
		"401": {401}, "403": {403}, "404": {404}, "409": {409}, "422": {422}, "429": {429}, "500": {500}, "503": {503}, "504": {504},
		"all codes": {401, 403, 404, 409, 410, 422, 429, 500, 502, 503, 504},
	}
	for _, name := range slices.Sorted(maps.Keys(codes)) {
		each(t, "30 % "+name, 2, 20, func(t *testing.T, namespace string, seed uint64) {
			start(t, namespace, failing(seed, codes[name], enough))
		})
	}
}

// TestWatches cuts watches, and tells some that they are too old.
func TestWatches(t *testing.T) {
	each(t, "watches are cut", 3, 20, func(t *testing.T, namespace string, seed uint64) {
		start(t, namespace, cutting(seed, enough))
	})
}

// TestOutage takes the API server away in the middle of each change.
func TestOutage(t *testing.T) {
	each(t, "the API server is away", 2, 6, func(t *testing.T, namespace string, seed uint64) {
		start(t, namespace, outage(int64(1+seed%4), 3*time.Second))
	})
}

// TestTwoOperators lets two write at the same time, of which one may be behind.
func TestTwoOperators(t *testing.T) {
	each(t, "two operators", 2, 10, func(t *testing.T, namespace string, _ uint64) {
		start(t, namespace, &transport{})
		start(t, namespace, &transport{})
	})
	each(t, "two operators, one fails", 2, 10, func(t *testing.T, namespace string, seed uint64) {
		start(t, namespace, failing(seed, []int{403, 409, 500}, enough))
		start(t, namespace, &transport{})
	})
}

// TestLaggingWatch deletes a policy of which the operator does not hear. Kubernetes collects its object; the operator must not fight that.
func TestLaggingWatch(t *testing.T) {
	c := changes[0]
	namespace := begin(t, c)
	policies := &gate{}
	held := holding(func(request *http.Request) bool { return strings.Contains(request.URL.Path, "/meshtlspolicies") }, policies)
	start(t, namespace, held)
	ready(t, namespace)
	settledWrites := held.writes.Load()
	open := policies.shut()
	defer open()
	history := record(t, namespace)

	must(t, admin.Delete(t.Context(), policyOf(t, namespace, "all", "{}")))
	eventually(t, "the object is not collected", func(ctx context.Context) error {
		left, err := now(ctx, namespace)
		if len(left) > 0 {
			err = fmt.Errorf("%d objects are left", len(left))
		}
		return err
	})
	again := 0
	// What is not to happen has no end to wait for.
	_ = wait.PollUntilContextTimeout(t.Context(), poll, 3*time.Second, true, func(context.Context) (bool, error) {
		left, err := now(t.Context(), namespace)
		must(t, err)
		again += len(left)
		return again > 0, nil
	})
	if again > 0 {
		t.Error("the object is there again")
	}
	open()
	steps := history()
	writes := held.writes.Load() - settledWrites
	if len(steps) != 1 || writes > 1 {
		t.Errorf("%d changes and %d writes, want the deletion", len(steps), writes)
	}
	tallied.add("the watch of policies lags", counts{runs: 1, states: len(steps)})
}
