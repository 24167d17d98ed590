package imports

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/test/equivalence"
)

// TestIstiosOwnInputs imports each file with Istio objects of the tests of Istio's analyzers, and of Istio's samples.
func TestIstiosOwnInputs(t *testing.T) {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	if err != nil {
		t.Fatal(err)
	}
	imported := 0
	for _, folder := range []string{filepath.Join("pkg", "config", "analysis", "analyzers", "testdata"), "samples"} {
		root := filepath.Join(strings.TrimSpace(string(module)), folder)
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			content, err := os.ReadFile(path) // #nosec G304 -- a file of Istio's module
			if err != nil {
				return err
			}
			manifest := readable(t, content)
			if len(manifest) == 0 {
				return nil
			}
			got, err := equivalence.Import(t.Context(), manifest)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			for _, difference := range got.Differences {
				t.Errorf("%s: %s", path, difference)
			}
			imported += len(got.Policies)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if imported < 20 {
		t.Errorf("%d policies were imported: Istio's inputs hold more", imported)
	}
}

// readable returns those documents that can be read, each name once: some inputs are wrong on purpose, some are no manifests.
func readable(t *testing.T, content []byte) []byte {
	t.Helper()
	var all []byte
	for document := range bytes.SplitSeq(content, []byte("\n---")) {
		longer := append(append(all[:len(all):len(all)], "\n---\n"...), document...)
		options := source.Options{Stdin: bytes.NewReader(longer)}
		if _, err := source.Read(t.Context(), []string{source.Stdin}, options); err == nil {
			all = longer
		}
	}
	return all
}
