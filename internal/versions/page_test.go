package versions_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/versions"
)

// TestPage: the tables of the page are what the package knows. UPDATE_GOLDEN=1 writes them.
func TestPage(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "versions.md")
	text, err := os.ReadFile(path) // #nosec G304 -- a page of this repository
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, table := range map[string]string{"runs": runsTable(), "rules": rulesTable(), "fields": fieldsTable()} {
		begin := "<!-- begin " + name + " -->\n"
		before, rest, found := strings.Cut(want, begin)
		_, after, ended := strings.Cut(rest, "<!-- end -->")
		if !found || !ended {
			t.Fatalf("the page has no place for the table of %s", name)
		}
		want = before + begin + table + "<!-- end -->" + after
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("the page (-want +is):\n%s", diff)
	}
}

// runsTable has a row for each Istio with each Kubernetes.
func runsTable() string {
	table := "| Istio | Kubernetes | what was run, and when |\n|---|---|---|\n"
	row := ""
	for _, run := range versions.Runs {
		istio, kubernetes := run.Istio+" line", run.Kubernetes
		if run.CRDsOnly {
			istio = run.Istio + ", its CRDs only"
		}
		if kubernetes == "" {
			kubernetes = "no API server"
		}
		part := fmt.Sprintf("%s (%s; %s)", run.Part, run.Extent, run.On)
		if begins := fmt.Sprintf("| %s | %s | ", istio, kubernetes); strings.HasPrefix(row, begins) {
			row += ", " + part
		} else {
			table, row = table+ending(row), begins+part
		}
	}
	return table + ending(row)
}

func ending(row string) string {
	if row == "" {
		return ""
	}
	return row + " |\n"
}

func rulesTable() string {
	table := "| since | Istio does | versions before | decided in |\n|---|---|---|---|\n"
	for _, rule := range versions.Rules {
		source := "`" + strings.Replace(rule.Source, ", ", "`, `", 1) + "`"
		table += fmt.Sprintf("| %s | %s | %s | %s |\n", rule.Since, rule.Does, rule.Before, source)
	}
	return table
}

func fieldsTable() string {
	table := "| field of Istio | came with |\n|---|---|\n"
	for _, field := range versions.Fields {
		kind, _, _ := strings.Cut(field.Name, " ")
		table += "| " + kind + " `" + field.Path() + "` | " + field.Since + " |\n"
	}
	return table
}
