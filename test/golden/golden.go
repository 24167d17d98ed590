// Package golden compares what a test got with a file that holds what it should get.
//
// It does not make the output, and knows nothing of what it means.
package golden

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Variable is the environment variable that, set to 1, has the files rewritten.
const Variable = "UPDATE_GOLDEN"

// Compare fails the test if the file holds something else. With Variable set it writes the file instead.
func Compare(t *testing.T, path, got string) {
	t.Helper()
	if Updating() {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil { // #nosec G306 -- a source file
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path) // #nosec G304 -- the test names it
	if err != nil {
		t.Fatalf("%v; %s=1 writes it", err, Variable)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; %s=1 rewrites it):\n%s", path, Variable, diff)
	}
}

// Updating reports whether the files are to be rewritten.
func Updating() bool { return os.Getenv(Variable) == "1" }

// Glob returns the files that the pattern matches, below testdata.
func Glob(t *testing.T, pattern ...string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(append([]string{"testdata"}, pattern...)...))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// WantInputs fails the test for each output whose input was renamed or deleted.
func WantInputs(t *testing.T, outputs []string, outputSuffix, inputSuffix string) {
	t.Helper()
	for _, output := range outputs {
		input := strings.TrimSuffix(output, outputSuffix) + inputSuffix
		if _, err := os.Stat(input); errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s has no %s; delete it or give it its input", output, filepath.Base(input))
		}
	}
}
