package lint_test

import (
	"bytes"
	"path/filepath"
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
	// sane is the area of the worlds in which nothing is wrong.
	sane = "sane"
	// shuffles is how often a world is linted again with its lists in another order.
	shuffles = 3
)

// now is when the worlds are looked at.
var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// expectation is the first document of a world.
type expectation struct {
	Want []found `json:"want"`
}

// found is a finding as the worlds show it.
type found struct {
	Check    string `json:"check"`
	Severity string `json:"severity"`
	Object   string `json:"object"`
	Field    string `json:"field,omitempty"`
	Message  string `json:"message"`
	Remedy   string `json:"remedy"`
}

// TestGolden lints each testdata/<check>/<behaviour>.yaml, a whole mesh below what is to be found in it. In the worlds of testdata/sane
// nothing may be found.
func TestGolden(t *testing.T) {
	for _, path := range worldsOf(t, "*") {
		t.Run(path, func(t *testing.T) {
			world := golden.ReadWorld(t, path)
			mesh := inventoryOf(t, world)
			got := outputOf(t, all.Findings(mesh))
			for seed := range uint64(shuffles) {
				if diff := cmp.Diff(got, outputOf(t, all.Findings(worlds.Shuffled(mesh, seed)))); diff != "" {
					t.Fatalf("the output depends on the order of the input; seed %d (-in order +shuffled):\n%s", seed, diff)
				}
			}
			world.Compare(t, got)
			if expected := wantOf(t, path); area(path) == sane && len(expected) > 0 {
				t.Errorf("a sane world in which something is found: %v", expected)
			}
		})
	}
}

// TestGoldenOfEachCheck wants of each check, in the area of its name, one world in which it speaks and one in which it does not.
func TestGoldenOfEachCheck(t *testing.T) {
	areas := sets.New(sane)
	for _, check := range all.Checks() {
		areas.Insert(check.Name)
		var speaks, silent bool
		for _, path := range worldsOf(t, check.Name) {
			if finds(t, path, check.Name) {
				speaks = true
			} else {
				silent = true
			}
		}
		if !speaks || !silent {
			t.Errorf("testdata/%s: a world in which the check speaks: %t; a near miss in which it is silent: %t", check.Name, speaks, silent)
		}
	}
	for _, path := range worldsOf(t, "*") {
		if !areas.Has(area(path)) {
			t.Errorf("%s is of no check", path)
		}
	}
	if len(worldsOf(t, sane)) == 0 {
		t.Error("there are no sane worlds")
	}
}

// worldsOf returns the paths of the worlds of an area.
func worldsOf(t *testing.T, area string) []string {
	t.Helper()
	return golden.Glob(t, area, "*.yaml")
}

// area returns the folder that the world is in: the name of its check.
func area(path string) string { return filepath.Base(filepath.Dir(path)) }

// inventoryOf returns the mesh of a world, with the credentials of the namespaces that have any.
func inventoryOf(t *testing.T, world golden.World) model.Inventory {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{source.Stdin}, source.Options{Stdin: bytes.NewReader(world.Objects)})
	if err != nil {
		t.Fatal(err)
	}
	if ignored := reader.Ignored(); len(ignored) > 0 {
		t.Fatalf("the world holds what nothing reads: %v", ignored)
	}
	mesh, err := gather.Inventory(t.Context(), reader, now, gather.Options{
		CredentialNamespaces: reader.CredentialNamespaces(), Omitted: reader.Omitted(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return mesh
}

func outputOf(t *testing.T, findings []model.Finding) string {
	t.Helper()
	expected := expectation{Want: make([]found, 0, len(findings))}
	for _, f := range findings {
		expected.Want = append(expected.Want, found{
			Check: f.Check, Severity: string(f.Severity), Object: f.Subject.String(), Field: f.Field, Message: f.Message, Remedy: f.Remedy,
		})
	}
	output, err := yaml.Marshal(expected)
	if err != nil {
		t.Fatal(err)
	}
	return string(output)
}

// wantOf returns what is expected to be found in the world.
func wantOf(t *testing.T, path string) []found {
	t.Helper()
	var expected expectation
	if err := yaml.UnmarshalStrict(golden.ReadWorld(t, path).Want, &expected); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return expected.Want
}

// finds reports whether the check is expected to find something in the world.
func finds(t *testing.T, path, check string) bool {
	t.Helper()
	for _, f := range wantOf(t, path) {
		if f.Check == check {
			return true
		}
	}
	return false
}
