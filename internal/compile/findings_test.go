package compile_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/lint/policy"
	"github.com/meshtls/meshtls/internal/traffic"
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
	seen.Insert(traffic.CheckStrictWouldRefuse) // the plugin's own: its goldens are beside it
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

// matches returns what a group of the pattern matches in the file, each time that the pattern does.
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
