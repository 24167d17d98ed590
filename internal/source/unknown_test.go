package source

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// TestVersionsAreThoseOfIstio wants every kind of Istio's CRDs in the table, with its versions, and no other: a kind that is not in it
// is refused.
func TestVersionsAreThoseOfIstio(t *testing.T) {
	t.Parallel()
	want := map[string]map[string][]string{}
	for _, crd := range istioCRDs(t) {
		var served []string
		for _, version := range crd.Spec.Versions {
			if version.Served {
				served = append(served, version.Name)
			}
		}
		slices.Sort(served)
		if want[crd.Spec.Group] == nil {
			want[crd.Spec.Group] = map[string][]string{}
		}
		want[crd.Spec.Group][crd.Spec.Names.Kind] = served
	}
	got := map[string]map[string][]string{}
	for group, kinds := range versions {
		if group == policyKind.Group {
			continue
		}
		got[group] = map[string][]string{}
		for kind, written := range kinds {
			got[group][kind] = slices.Sorted(slices.Values(written))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds and versions (-Istio +ours):\n%s", diff)
	}
}

// istioCRDs returns the CRDs of the module whose types are read.
func istioCRDs(t *testing.T) []apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	module, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(strings.TrimSpace(string(module)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var all []apiextensionsv1.CustomResourceDefinition
	for decoder := yaml.NewYAMLOrJSONDecoder(file, 4096); ; {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := decoder.Decode(&crd); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if crd.Kind == "CustomResourceDefinition" {
			all = append(all, crd)
		}
	}
}
