package faults

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	typeapi "istio.io/api/type/v1beta1"
)

func selecting(app string) *typeapi.WorkloadSelector {
	return &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": app}}
}

// reference is what a change comes to without faults.
type reference struct {
	namespace string
	after     state
	writes    int64
}

// references are those of the changes that were made already.
var references = struct {
	sync.Mutex
	of map[string]reference
}{of: map[string]reference{}}

// referenceOf runs the change once without faults.
func referenceOf(t *testing.T, c change) reference {
	t.Helper()
	references.Lock()
	defer references.Unlock()
	if made, is := references.of[c.name]; is {
		return made
	}
	namespace := begin(t, c)
	set(t, namespace, c.after)
	none := &transport{}
	stop := start(t, namespace, none)
	defer stop()
	ready(t, namespace)
	after, err := now(t.Context(), namespace)
	must(t, err)
	references.of[c.name] = reference{namespace, after, none.writes.Load()}
	return references.of[c.name]
}

// begin makes a world with the policies before the change, and what they become.
func begin(t *testing.T, c change) string {
	t.Helper()
	namespace := newWorld(t)
	set(t, namespace, c.before)
	stop := start(t, namespace, &transport{})
	ready(t, namespace)
	stop()
	return namespace
}

// try makes the change in a world of its own and judges what comes of it. The fault starts the operators, and leaves one that is to bring
// the change to its end.
func try(t *testing.T, kind string, c change, fault func(t *testing.T, namespace string)) {
	t.Helper()
	running <- struct{}{}
	defer func() { <-running }()
	want := referenceOf(t, c)
	namespace := begin(t, c)
	before, err := now(t.Context(), namespace)
	must(t, err)
	history := record(t, namespace)
	set(t, namespace, c.after)
	fault(t, namespace)

	counted := counts{runs: 1}
	last := settle(t.Context(), func(ctx context.Context) error {
		got, err := now(ctx, namespace)
		if found := differences(want.after, got, want.namespace, namespace); err == nil && len(found) > 0 {
			err = errors.New(strings.Join(found, "; "))
		}
		return err
	})
	if last != nil {
		t.Errorf("it is not as without faults: %v", last)
		counted.differences++
		counted.hangs++
	} else {
		ready(t, namespace)
	}
	found, states := violations(before, history())
	counted.states, counted.violations = states, len(found)
	for _, violation := range found {
		t.Error(violation)
	}
	tallied.add(kind, counted)
}
