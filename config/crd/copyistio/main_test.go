package main

import (
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/config/crd"
)

// TestCopies: the folder holds what the module says, and no CRD that the module has no more.
func TestCopies(t *testing.T) {
	text, err := moduleCRDs()
	if err != nil {
		t.Fatal(err)
	}
	copies, err := trimmed(text)
	if err != nil {
		t.Fatal(err)
	}
	want := maps.Collect(func(yield func(string, string) bool) {
		for name, content := range copies {
			if !yield(name, string(content)) {
				return
			}
		}
	})
	got := map[string]string{}
	entries, err := fs.ReadDir(crd.Istio, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(crd.Istio, entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		got[entry.Name()] = string(content)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("make manifests copies them anew (-want +got):\n%s", diff)
	}
}

func TestTrimmedNeedsOneSchema(t *testing.T) {
	text := `{kind: CustomResourceDefinition, spec: {group: a.example, names: {kind: A}, versions: [
      {name: v1, schema: {openAPIV3Schema: {type: object}}}, {name: v1beta1, schema: {openAPIV3Schema: {type: string}}}]}}`
	if _, err := trimmed([]byte(text)); err == nil {
		t.Error("got no error for versions whose schemas differ")
	}
}

func TestTrimmedLeavesPropertiesOfThatName(t *testing.T) {
	text := `{kind: CustomResourceDefinition, spec: {group: a.example, names: {kind: A}, versions: [{name: v1, schema: {openAPIV3Schema:
      {description: words, properties: {description: {type: string, description: words}}}}}]}}`
	copies, err := trimmed([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := string(copies["a.example_a.json"])
	if diff := cmp.Diff(1, strings.Count(got, `"description"`)); diff != "" {
		t.Errorf("descriptions and properties of that name (-want +got):\n%s\n%s", diff, got)
	}
}
