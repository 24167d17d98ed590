package importer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/meshtls/meshtls/test/equivalence"
	"github.com/meshtls/meshtls/test/golden"
)

// randomWorlds is how many random worlds are imported.
const randomWorlds = 30

// TestSameEffectOfWrittenWorlds imports the worlds of other packages' golden pairs, and the command's own.
func TestSameEffectOfWrittenWorlds(t *testing.T) {
	root := filepath.Join("..", "..")
	written := golden.Written(t, root)
	own, err := filepath.Glob(filepath.Join(root, "cmd", "kubectl-meshtls", "testdata", "import", "*.in.yaml"))
	if err != nil || len(own) == 0 {
		t.Fatalf("the command has no inputs: %v", err)
	}
	for _, input := range own {
		if written[input], err = os.ReadFile(input); err != nil {
			t.Fatal(err)
		}
	}
	for path, stream := range written {
		t.Run(path, func(t *testing.T) { importEqually(t, stream) })
	}
}

// TestSameEffectOfRandomWorlds imports random worlds whose objects the operator could have written, and wants most of them back.
func TestSameEffectOfRandomWorlds(t *testing.T) {
	objects, refused := 0, 0
	for seed := range uint64(randomWorlds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			stream, err := equivalence.Random(t.Context(), seed)
			if err != nil {
				t.Fatal(err)
			}
			got := importEqually(t, stream)
			for _, p := range got.Policies {
				objects += len(p.From)
			}
			refused += len(got.Refusals)
		})
	}
	if objects < 2*refused {
		t.Errorf("%d objects are imported and %d are not: of these worlds more can be said as policies", objects, refused)
	}
}

func importEqually(t *testing.T, stream []byte) equivalence.Imported {
	t.Helper()
	got, err := equivalence.Import(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range got.Differences {
		t.Error(difference)
	}
	return got
}
