package golden

import (
	"os"
	"path/filepath"
	"testing"
)

// Written returns the objects of every world that golden tests of the compile, of lint and of explain have written down, by path. The root
// is the repository's.
func Written(t *testing.T, root string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, pattern := range []string{"compile/testdata/*/*.in.yaml", "explain/testdata/*.in.yaml"} {
		for _, path := range written(t, root, pattern) {
			content, err := os.ReadFile(path) // #nosec G304 -- a file of the repository
			if err != nil {
				t.Fatal(err)
			}
			all[path] = content
		}
	}
	for _, path := range written(t, root, "lint/testdata/*/*.yaml") {
		all[path] = ReadWorld(t, path).Objects
	}
	return all
}

func written(t *testing.T, root, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "internal", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there is no %s: %v", pattern, err)
	}
	return paths
}
