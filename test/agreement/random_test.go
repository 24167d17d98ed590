package agreement_test

import (
	"bytes"
	"testing"

	"github.com/meshtls/meshtls/test/agreement"
)

// TestRandomWorldsHaveRollouts counts what there is to agree about.
func TestRandomWorldsHaveRollouts(t *testing.T) {
	t.Parallel()
	drawn := map[string]int{"strictPorts": 0, "strictWorkloads": 0, "phase: Undone": 0, "phase: Completed": 0, "floorExceptions": 0}
	for seed := range uint64(150) {
		world, err := agreement.Random(t.Context(), seed)
		if err != nil {
			t.Fatal(err)
		}
		for words := range drawn {
			drawn[words] += bytes.Count(world, []byte(words))
		}
	}
	for words, count := range drawn {
		if count == 0 {
			t.Errorf("no world has %q", words)
		}
	}
	t.Logf("drawn: %v", drawn)
}
