package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// silentRow is a line of README's table of mistakes that Istio does not tell of.
var silentRow = regexp.MustCompile(`(?m)^\| .+ \| .+ \|$`)

// TestSilentMistakes lints a file for each mistake of README's table, in its order, and wants each found by the check of its name. The
// objects are alone, but for the second mistake, which needs a Service and its pods.
func TestSilentMistakes(t *testing.T) {
	checks := []string{
		"peerauthentication-overlaps-older", "peerauthentication-port-of-service", "peerauthentication-selector-in-root-namespace",
		"peerauthentication-named-like-service", "destinationrule-tls-without-mode", "destinationrule-credential-without-selector",
		"destinationrule-port-drops-tls", "gateway-server-left-out", "gateway-passthrough-with-certificate",
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "| you write | Istio does |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	files, err := filepath.Glob("testdata/in/silent/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if rows := silentRow.FindAllString(table, -1); len(rows) != len(checks) || len(files) != len(checks) {
		t.Fatalf("README lists %d mistakes, and there are %d files and %d checks", len(rows), len(files), len(checks))
	}
	for i, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			stdout, stderr, code := call(t, "", "lint", "-f", file)
			if !strings.Contains(stdout, "  "+checks[i]+"  ") || code == exitFailure {
				t.Errorf("got exit code %d and\n%s%s\nwant %s", code, stdout, stderr, checks[i])
			}
			compareGolden(t, "silent/"+strings.TrimSuffix(filepath.Base(file), ".yaml")+".stdout", stdout)
		})
	}
}
