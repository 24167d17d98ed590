package faults

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/worlds"
)

// inParallel is how many runs there are at a time.
const inParallel = 3

// The shared control plane, an administrator's client for it, and what came of the runs.
var (
	plane   *controlplane.ControlPlane
	admin   client.WithWatch
	tallied tally
	running = make(chan struct{}, inParallel)
)

func TestMain(m *testing.M) {
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	ctrl.SetLogger(logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	plane, err = controlplane.Start(ctx, controlplane.Options{
		CRDs:        []string{"config/crd/bases"},
		Controllers: []string{"garbage-collector-controller", "namespace-controller"},
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = plane.Stop() }()
	if admin, err = client.NewWithWatch(limitless(plane.Config), client.Options{Scheme: worlds.Scheme()}); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: istioNamespace}}); err != nil {
		fmt.Println(err)
		return 1
	}
	code := m.Run()
	tallied.print()
	return code
}

// everyFault reports whether all faults are to be run, and not a sample.
func everyFault() bool { return os.Getenv("MESHTLS_FAULTS") == "all" }

// seed returns the one that all others come from.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("MESHTLS_SEED")
	if text == "" {
		return 1
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("MESHTLS_SEED: %v", err)
	}
	return number
}

// tally counts what came of the runs, by the kind of fault.
type tally struct {
	mu    sync.Mutex
	kinds []string
	runs  map[string]counts
}

// counts are what is counted: runs, states that were looked at, and what must not be.
type counts struct{ runs, states, differences, violations, hangs int }

func (t *tally) add(kind string, more counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.runs == nil {
		t.runs = map[string]counts{}
	}
	if !slices.Contains(t.kinds, kind) {
		t.kinds = append(t.kinds, kind)
	}
	was := t.runs[kind]
	t.runs[kind] = counts{
		was.runs + more.runs, was.states + more.states, was.differences + more.differences,
		was.violations + more.violations, was.hangs + more.hangs,
	}
}

func (t *tally) print() {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Printf("%-28s %6s %8s %12s %11s %6s\n", "fault", "runs", "states", "differences", "violations", "hangs")
	slices.Sort(t.kinds)
	for _, kind := range t.kinds {
		c := t.runs[kind]
		fmt.Printf("%-28s %6d %8d %12d %11d %6d\n", kind, c.runs, c.states, c.differences, c.violations, c.hangs)
	}
}
