package versions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/versions"
)

// TestPage: the page of versions lists the fields, and the versions that count as tested have a row.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "versions.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	_, rest, _ := strings.Cut(page, "<!-- begin fields -->\n")
	table, _, _ := strings.Cut(rest, "<!-- end -->")
	want := "| field of Istio | came with |\n|---|---|\n"
	for _, field := range versions.Fields {
		kind, _, _ := strings.Cut(field.Name, " ")
		want += "| " + kind + " `" + field.Path() + "` | " + field.Since + " |\n"
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("fields (-want +page):\n%s", diff)
	}
	for _, version := range []string{versions.OldestTested, versions.NewestTested} {
		if !strings.Contains(page, "\n| "+version+" line ") {
			t.Errorf("the page does not say what was run against Istio %s", version)
		}
	}
}
