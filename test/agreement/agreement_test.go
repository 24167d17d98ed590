package agreement_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/meshtls/meshtls/test/agreement"
	"github.com/meshtls/meshtls/test/golden"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// variableWorlds is the number of random worlds, and variableFirst the seed of the first.
	variableWorlds, variableFirst = "AGREEMENT_WORLDS", "AGREEMENT_FIRST"
	defaultWorlds                 = 300
	// shown is how many disagreements of a kind are printed for a world.
	shown = 3
)

// tally counts what was compared.
type tally struct {
	sync.Mutex
	promises map[agreement.Kind]int
	excused  map[string]int
}

func newTally() *tally { return &tally{promises: map[agreement.Kind]int{}, excused: map[string]int{}} }

// TestGoldenWorldsHaveOneAnswer asks about the worlds of all golden tests. Each reason for which nothing tells of a broken call is met.
func TestGoldenWorldsHaveOneAnswer(t *testing.T) {
	counted := newTally()
	written := golden.Written(t, filepath.Join("..", ".."))
	t.Run("worlds", func(t *testing.T) {
		for _, path := range slices.Sorted(maps.Keys(written)) {
			t.Run(path, func(t *testing.T) {
				t.Parallel()
				wantOneAnswer(t, written[path], counted)
			})
		}
	})
	for _, reason := range agreement.Reasons() {
		if counted.excused[reason] == 0 {
			t.Errorf("no world needs the reason %q", reason)
		}
	}
	counted.wantWeight(t, len(written)/40)
}

// TestRandomWorldsHaveOneAnswer asks about random worlds.
func TestRandomWorldsHaveOneAnswer(t *testing.T) {
	counted := newTally()
	first, count := worlds.Setting(t, variableFirst, 0), worlds.Setting(t, variableWorlds, defaultWorlds)
	t.Run("worlds", func(t *testing.T) {
		for seed := first; seed < first+count; seed++ {
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				t.Parallel()
				stream, err := agreement.Random(t.Context(), seed)
				if err != nil {
					t.Fatal(err)
				}
				wantOneAnswer(t, stream, counted)
			})
		}
	})
	t.Logf("%d worlds, promises: %v", count, counted.promises)
	counted.wantWeight(t, int(count)/4)
}

func wantOneAnswer(t *testing.T, stream []byte, counted *tally) {
	t.Helper()
	w, err := agreement.Read(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	promises, excused := map[agreement.Kind]int{}, map[string]int{}
	for law, found := range map[string][]string{
		"explain calls it broken, and nothing tells of it": w.Untold(excused),
		"a Ready policy is not kept":                       w.Broken(promises),
		"lint finds an error in an object of ours":         w.Accused(),
		"the status depends on who makes it":               w.Contradicted(),
	} {
		for _, each := range found[:min(shown, len(found))] {
			t.Errorf("%s (1 of %d): %s", law, len(found), each)
		}
	}
	counted.add(promises, excused)
}

func (c *tally) add(promises map[agreement.Kind]int, excused map[string]int) {
	c.Lock()
	defer c.Unlock()
	for kind, n := range promises {
		c.promises[kind] += n
	}
	for reason, n := range excused {
		c.excused[reason] += n
	}
}

// wantWeight fails a run that would prove little.
func (c *tally) wantWeight(t *testing.T, least int) {
	t.Helper()
	for _, kind := range []agreement.Kind{agreement.Accepts, agreement.Reaches, agreement.Sends, agreement.Serves} {
		if c.promises[kind] < least {
			t.Errorf("only %d promises of the kind %q were looked at, want %d", c.promises[kind], kind, least)
		}
	}
}
