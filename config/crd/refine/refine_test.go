package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xeipuuv/gojsonschema"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const (
	committedCRD    = "../bases/security.meshtls.dev_meshtlspolicies.yaml"
	committedSchema = "../meshtlspolicy_v1alpha1.schema.json"
)

func TestParagraphs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"one line":                  {"a", "a"},
		"lines of a paragraph":      {"a\nb\nc", "a b c"},
		"two paragraphs":            {"a\nb\n\nc\nd", "a b\n\nc d"},
		"a list after its sentence": {"a:\n- b\n  c\n- d", "a:\n- b   c\n- d"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := paragraphs(tc.text); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestRefineIsStable refines what is committed, which changes nothing.
func TestRefineIsStable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	crd, schema := filepath.Join(folder, "crd.yaml"), filepath.Join(folder, "schema.json")
	if err := os.WriteFile(crd, read(t, committedCRD), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := refine(crd, schema); err != nil {
		t.Fatal(err)
	}
	for committed, got := range map[string]string{committedCRD: crd, committedSchema: schema} {
		if !bytes.Equal(read(t, committed), read(t, got)) {
			t.Errorf("%s is not what refine makes of it: run make manifests", committed)
		}
	}
}

func TestSamplesNameTheSchemaAndFitIt(t *testing.T) {
	t.Parallel()
	samples, err := filepath.Glob("../../samples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../samples/problems/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	policies := 0
	for _, sample := range append(samples, more...) {
		if filepath.Base(sample) == "kustomization.yaml" {
			continue
		}
		text := string(read(t, sample))
		first, _, _ := strings.Cut(text, "\n")
		named, isNamed := strings.CutPrefix(first, "# yaml-language-server: $schema=")
		if !isNamed || absolute(t, filepath.Join(filepath.Dir(sample), named)) != absolute(t, committedSchema) {
			t.Errorf("%s: got the first line %q, want one that names the schema, for editors", sample, first)
		}
		for _, document := range strings.Split(text, "\n---\n") {
			policies += strings.Count(document, "kind: MeshTLSPolicy")
			if problems := check(t, document); len(problems) > 0 {
				t.Errorf("%s: %v", sample, problems)
			}
		}
	}
	if policies < 30 {
		t.Errorf("got %d policies, want those of all samples", policies)
	}
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: security.meshtls.dev/v1alpha1\nkind: MeshTLSPolicy\nmetadata: {name: x}\nspec: "
	tests := map[string]struct{ document, want string }{
		"an unknown field":       {head + "{selector: {app: x}}", "selector"},
		"an unknown mode":        {head + "{accept: {mode: strict}}", "accept.mode"},
		"a port that is a word":  {head + "{accept: {ports: [{port: http, mode: Strict}]}}", "accept.ports.0.port"},
		"a policy without spec":  {strings.TrimSuffix(head, "spec: "), "spec is required"},
		"nothing in a right one": {head + "{accept: {mode: Strict}}", ""},
		"nothing of other kinds": {"apiVersion: v1\nkind: Service\nselector: {}", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := strings.Join(check(t, tc.document), "\n")
			if tc.want == "" && problems != "" || !strings.Contains(problems, tc.want) {
				t.Errorf("got %q, want %q", problems, tc.want)
			}
		})
	}
}

// check returns what the committed schema finds wrong with a document.
func check(t *testing.T, document string) []string {
	t.Helper()
	content, err := yaml.ToJSON([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(read(t, committedSchema)), gojsonschema.NewBytesLoader(content))
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	for _, problem := range result.Errors() {
		if problem.Type() != "condition_then" { // it says only that one of the others is there
			problems = append(problems, problem.String())
		}
	}
	return problems
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	clean, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return clean
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".json") && !json.Valid(text) {
		t.Fatalf("%s is not JSON", path)
	}
	return text
}
