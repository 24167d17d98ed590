package compile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/lint/policy"
)

// findingsPage documents the checks.
var findingsPage = filepath.Join("..", "..", "docs", "findings.md")

var (
	sectionOfCheck = regexp.MustCompile(`(?m)^### ([a-z-]+)$`)
	rowOfCheck     = regexp.MustCompile("(?m)^\\| \\[`([a-z-]+)`\\]\\(#([a-z-]+)\\) \\|")
	findingOfCheck = regexp.MustCompile(`(?m)^ *- check: ([a-z-]+)$`)
)

// TestFindingsAreDocumented holds the page of findings to what a compile and lint say: what users read about is what they can meet,
// and each of it was seen in a golden pair. Those of lint are in that package's testdata.
func TestFindingsAreDocumented(t *testing.T) {
	seen := sets.New[string]()
	for _, output := range glob(t, outputSuffix) {
		seen.Insert(matches(t, output, findingOfCheck, 1)...)
	}
	for _, about := range slices.Concat(policy.Checked(), policy.Decided()) {
		if !seen.Has(about.Name) {
			t.Errorf("%s is found in no golden pair", about.Name)
		}
	}
	for _, about := range all.About() {
		seen.Insert(about.Name)
	}
	documented := map[string][]string{
		"sections":       matches(t, findingsPage, sectionOfCheck, 1),
		"rows":           matches(t, findingsPage, rowOfCheck, 1),
		"links of a row": matches(t, findingsPage, rowOfCheck, 2),
	}
	for what, names := range documented {
		if diff := cmp.Diff(sets.List(seen), sets.List(sets.New(names...))); diff != "" {
			t.Errorf("%s of %s (-in the golden pairs +on the page):\n%s", what, findingsPage, diff)
		}
	}
}

// classes is the number of mistakes in the catalogue.
const classes = 53

var (
	rowOfClass  = regexp.MustCompile(`(?m)^\| (M\d\d) \|`)
	rowOfMishap = regexp.MustCompile(`(?m)^\| (?:M\d\d|—) \|.*$`)
	linkOfCheck = regexp.MustCompile("\\[`([a-z-]+)`\\]\\(#([a-z-]+)\\)")
)

// TestCatalogueIsWhole wants a row for each class of mistakes, in order, and each check of lint in a row.
func TestCatalogueIsWhole(t *testing.T) {
	var want []string
	for class := range classes {
		want = append(want, fmt.Sprintf("M%02d", class+1))
	}
	if diff := cmp.Diff(want, matches(t, findingsPage, rowOfClass, 1)); diff != "" {
		t.Errorf("classes of the catalogue (-want +got):\n%s", diff)
	}
	linked := sets.New[string]()
	for _, row := range matches(t, findingsPage, rowOfMishap, 0) {
		for _, link := range linkOfCheck.FindAllStringSubmatch(row, -1) {
			linked.Insert(link[1])
		}
	}
	for _, c := range all.Checks() {
		if !linked.Has(c.Name) {
			t.Errorf("check %s is in no row of the catalogue", c.Name)
		}
	}
}

// matches are what a group of the pattern matches in the file, each time that the pattern does.
func matches(t *testing.T, path string, pattern *regexp.Regexp, group int) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range pattern.FindAllStringSubmatch(string(content), -1) {
		found = append(found, match[group])
	}
	return found
}
