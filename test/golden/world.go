package golden

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// World is a file that holds what is expected of a world in its first document, below comments, and the world's objects in the others.
type World struct {
	path string
	// comments are the lines before the first document.
	comments string
	// Want is the first document, and Objects are the others.
	Want, Objects []byte
}

const separator = "\n---\n"

// ReadWorld reads the file.
func ReadWorld(t *testing.T, path string) World {
	t.Helper()
	content, err := os.ReadFile(path) // #nosec G304 -- the test names it
	if err != nil {
		t.Fatal(err)
	}
	w := World{path: path}
	text := string(content)
	for strings.HasPrefix(text, "#") {
		line, rest, _ := strings.Cut(text, "\n")
		w.comments += line + "\n"
		text = rest
	}
	want, objects, found := bytes.Cut([]byte(text), []byte(separator))
	if !found {
		t.Fatalf("%s has no document with what is expected", path)
	}
	w.Want, w.Objects = []byte(string(want)+"\n"), objects
	return w
}

// Compare fails the test if something else is expected than what was got. With Variable set it writes the expectation instead.
func (w World) Compare(t *testing.T, got string) {
	t.Helper()
	if Updating() {
		text := w.comments + strings.TrimSuffix(got, "\n") + separator + string(w.Objects)
		if err := os.WriteFile(w.path, []byte(text), 0o644); err != nil { // #nosec G306 -- a source file
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(w.Want), got); diff != "" {
		t.Errorf("%s (-want +got; %s=1 rewrites it):\n%s", w.path, Variable, diff)
	}
}
