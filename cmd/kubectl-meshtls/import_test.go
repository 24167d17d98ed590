package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/test/golden"
)

// TestImportGolden imports each testdata/import/<behaviour>.in.yaml and compares what is printed with the .out.yaml beside it.
func TestImportGolden(t *testing.T) {
	inputs := golden.Glob(t, "import", "*.in.yaml")
	if len(inputs) == 0 {
		t.Fatal("no inputs")
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(input, ".in.yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			golden.Compare(t, name+".out.yaml", imported(t, "-f", input))
		})
	}
}

func TestImportOutputsHaveInputs(t *testing.T) {
	golden.WantInputs(t, golden.Glob(t, "import", "*.out.yaml"), ".out.yaml", ".in.yaml")
}

// imported returns what the command prints, with what it says and its exit code as comments.
func imported(t *testing.T, args ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	code := run(t.Context(), genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &said}, append([]string{"import"}, args...))
	fmt.Fprintf(&out, "\n# exit code %d; on the standard error:\n", code)
	for line := range strings.Lines(said.String()) {
		out.WriteString("# " + line)
	}
	return out.String()
}

// TestImportIsReadAgain has render read what import prints.
func TestImportIsReadAgain(t *testing.T) {
	var stream, rendered, said bytes.Buffer
	input := filepath.Join("testdata", "import", "gateway-with-everything.in.yaml")
	run(t.Context(), genericiooptions.IOStreams{Out: &stream, ErrOut: &said}, []string{"import", "-f", input})
	code := run(t.Context(), genericiooptions.IOStreams{In: &stream, Out: &rendered, ErrOut: &said}, []string{"render", "-f", "-"})
	if code != exitOK || !strings.Contains(rendered.String(), "kind: Gateway") {
		t.Errorf("exit code %d, rendered:\n%s\nsaid:\n%s", code, rendered.String(), said.String())
	}
}

func TestImportOfOneNamespace(t *testing.T) {
	input := filepath.Join("testdata", "import", "destination-rules-by-clients.in.yaml")
	got := imported(t, "-f", input, "-n", "bank")
	if strings.Contains(got, "namespace: shop") || !strings.Contains(got, "namespace: bank") {
		t.Errorf("asked for namespace bank, got:\n%s", got)
	}
}

func TestImportOfWrongInput(t *testing.T) {
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.yaml")
	text := "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a}\nspec: {mtls: {mode: Strict}}\n"
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	code := run(t.Context(), genericiooptions.IOStreams{Out: &out, ErrOut: &said}, []string{"import", "-f", folder})
	if code != exitFailure || out.Len() > 0 || !strings.HasPrefix(said.String(), broken+":4: ") {
		t.Errorf("exit code %d, printed %q, said %q", code, out.String(), said.String())
	}
}
