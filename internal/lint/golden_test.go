package lint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/test/golden"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	inputSuffix  = ".in.yaml"
	outputSuffix = ".out.yaml"
	// sane is the area of the worlds in which nothing is wrong.
	sane = "sane"
	// shuffles is how often a world is linted again with its lists in another order.
	shuffles = 3
)

// now is when the worlds are looked at.
var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// found is a finding as the outputs show it.
type found struct {
	Check    string `json:"check"`
	Severity string `json:"severity"`
	Object   string `json:"object"`
	Field    string `json:"field,omitempty"`
	Message  string `json:"message"`
	Remedy   string `json:"remedy"`
}

// TestGolden lints each testdata/<check>/<behaviour>.in.yaml, a whole mesh, and compares what is found with the .out.yaml beside it.
// In the worlds of testdata/sane nothing may be found.
func TestGolden(t *testing.T) {
	for _, input := range glob(t, inputSuffix) {
		name := strings.TrimSuffix(input, inputSuffix)
		t.Run(name, func(t *testing.T) {
			mesh := inventoryOf(t, input)
			got := outputOf(t, all.Findings(mesh))
			for seed := range uint64(shuffles) {
				if diff := cmp.Diff(got, outputOf(t, all.Findings(worlds.Shuffled(mesh, seed)))); diff != "" {
					t.Fatalf("the output depends on the order of the input; seed %d (-in order +shuffled):\n%s", seed, diff)
				}
			}
			golden.Compare(t, name+outputSuffix, got)
		})
	}
}

// TestGoldenOfEachCheck wants of each check, in the area of its name, one world in which it speaks and one in which it does not.
func TestGoldenOfEachCheck(t *testing.T) {
	areas := sets.New(sane)
	for _, check := range all.Checks() {
		areas.Insert(check.Name)
		var speaks, silent bool
		for _, output := range globArea(t, check.Name, outputSuffix) {
			if checksIn(t, output).Has(check.Name) {
				speaks = true
			} else {
				silent = true
			}
		}
		if !speaks || !silent {
			t.Errorf("testdata/%s: a world in which the check speaks: %t; a near miss in which it is silent: %t", check.Name, speaks, silent)
		}
	}
	for _, input := range append(glob(t, inputSuffix), glob(t, outputSuffix)...) {
		if area := filepath.Base(filepath.Dir(input)); !areas.Has(area) {
			t.Errorf("%s is of no check", input)
		}
	}
}

// TestSaneWorlds finds nothing in worlds that are as they should be.
func TestSaneWorlds(t *testing.T) {
	inputs := globArea(t, sane, inputSuffix)
	if len(inputs) == 0 {
		t.Fatal("there are no sane worlds")
	}
	for _, input := range inputs {
		if findings := all.Findings(inventoryOf(t, input)); len(findings) > 0 {
			t.Errorf("%s: a false alarm:\n%s", input, outputOf(t, findings))
		}
	}
}

// TestGoldenOutputsHaveInputs finds the outputs that a renamed or deleted input leaves behind.
func TestGoldenOutputsHaveInputs(t *testing.T) {
	golden.WantInputs(t, glob(t, outputSuffix), outputSuffix, inputSuffix)
}

func glob(t *testing.T, suffix string) []string { return globArea(t, "*", suffix) }

func globArea(t *testing.T, area, suffix string) []string {
	t.Helper()
	return golden.Glob(t, area, "*"+suffix)
}

// inventoryOf is the mesh of a file, with the credentials of the namespaces that have any.
func inventoryOf(t *testing.T, input string) model.Inventory {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{input}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if ignored := reader.Ignored(); len(ignored) > 0 {
		t.Fatalf("the input holds what nothing reads: %v", ignored)
	}
	mesh, err := gather.Inventory(t.Context(), reader, now, gather.Options{CredentialNamespaces: reader.CredentialNamespaces()})
	if err != nil {
		t.Fatal(err)
	}
	return mesh
}

func outputOf(t *testing.T, findings []model.Finding) string {
	t.Helper()
	shown := make([]found, 0, len(findings))
	for _, f := range findings {
		shown = append(shown, found{
			Check: f.Check, Severity: string(f.Severity), Object: f.Subject.String(), Field: f.Field, Message: f.Message, Remedy: f.Remedy,
		})
	}
	output, err := yaml.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	return string(output)
}

func checksIn(t *testing.T, output string) sets.Set[string] {
	t.Helper()
	content, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	var shown []found
	if err := yaml.UnmarshalStrict(content, &shown); err != nil {
		t.Fatal(err)
	}
	checks := sets.New[string]()
	for _, f := range shown {
		checks.Insert(f.Check)
	}
	return checks
}
