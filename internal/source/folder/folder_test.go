package folder

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes the files below a new directory, and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// words returns the listing, a line for each thing, with paths from the root.
func words(root string, l Listing) []string {
	var all []string
	for _, file := range l.Files {
		all = append(all, "file "+file)
	}
	for _, o := range l.Built {
		all = append(all, fmt.Sprintf("built %s %s of %s", o.Kind, o.Name, o.File))
	}
	for _, f := range l.Failed {
		all = append(all, "failed "+f.File)
	}
	for _, remote := range l.Passed.Remote {
		all = append(all, "remote "+remote)
	}
	for _, chart := range l.Passed.Inflated {
		all = append(all, "inflated "+chart)
	}
	if l.Passed.Charts+l.Passed.Patches > 0 {
		all = append(all, fmt.Sprintf("%d charts, %d patches", l.Passed.Charts, l.Passed.Patches))
	}
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], root+"/", "")
	}
	return all
}

func service(name string) string {
	return "{apiVersion: v1, kind: Service, metadata: {name: " + name + "}}\n"
}

func TestList(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files map[string]string
		want  []string
	}{
		"manifests without any tool": {
			files: map[string]string{"a.yaml": service("a"), "b/c.json": "{}", "b/.git/d.yaml": "", "notes.txt": ""},
			want:  []string{"file a.yaml", "file b/c.json"},
		},
		"what is beside a kustomization is its own, and what is elsewhere is not": {
			files: map[string]string{
				"k/kustomization.yaml": "resources: [a.yaml, ../shared/b.yaml]\nnamePrefix: x-\npatches: [{path: patches/p.yaml}]\n",
				"k/a.yaml":             service("a"), "k/unused.yaml": service("u"), "shared/b.yaml": service("b"), "shared/c.yaml": service("c"),
				"k/patches/p.yaml": service("a"), "k/sub/d.yaml": service("d"),
			},
			want: []string{
				"file k/sub/d.yaml", "file shared/c.yaml", "built Service x-a of k/a.yaml", "built Service x-b of shared/b.yaml",
				"0 charts, 2 patches",
			},
		},
		"an overlay is built, and neither its base nor a component by itself": {
			files: map[string]string{
				"base/kustomization.yml": "resources: [a.yaml]\n", "base/a.yaml": service("a"),
				"overlay/Kustomization":        "resources: [../base]\ncomponents: [../extra]\nnamespace: shop\n",
				"extra/kustomization.yaml":     "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [b.yaml]\n",
				"extra/b.yaml":                 service("b"),
				"forgotten/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [c.yaml]\n",
				"forgotten/c.yaml":             service("c"),
			},
			want: []string{"built Service a of base/a.yaml", "built Service b of extra/b.yaml", "0 charts, 1 patches"},
		},
		"what a generator makes is the kustomization's": {
			files: map[string]string{"k/kustomization.yaml": "configMapGenerator: [{name: c, literals: [a=b]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n"},
			want:  []string{"built ConfigMap c of k/kustomization.yaml"},
		},
		"what would be fetched is left out": {
			files: map[string]string{
				"k/kustomization.yaml": `resources:
- a.yaml
- github.com/istio/istio/samples?ref=1.31
- git@example.com:team/repo.git
- https://example.com/b.yaml
components:
- git::https://example.com/c
patches:
- path: https://example.com/p.yaml
- path: p.yaml
openapi:
  path: https://example.com/schema.json
helmCharts:
- name: ingress
  repo: https://example.com/charts
`,
				"k/a.yaml": service("a"), "k/p.yaml": service("a"),
			},
			want: []string{
				"built Service a of k/a.yaml",
				"remote git::https://example.com/c", "remote https://example.com/p.yaml", "remote github.com/istio/istio/samples?ref=1.31",
				"remote git@example.com:team/repo.git", "remote https://example.com/b.yaml", "remote https://example.com/schema.json",
				"inflated ingress", "0 charts, 1 patches",
			},
		},
		"a directory that is called like a host is here": {
			files: map[string]string{
				"k/kustomization.yaml": "resources: [apps.example.com/a.yaml]\n", "k/apps.example.com/a.yaml": service("a"),
			},
			want: []string{"built Service a of k/apps.example.com/a.yaml"},
		},
		"a base that is not there": {
			files: map[string]string{"k/kustomization.yaml": "resources: [../base]\n", "a.yaml": service("a")},
			want:  []string{"file a.yaml", "failed k"},
		},
		"a kustomization that is no YAML": {
			files: map[string]string{"k/kustomization.yaml": "resources: [\n"},
			want:  []string{"failed k"},
		},
		"kustomizations in a circle": {
			files: map[string]string{"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"},
			want:  []string{"failed "},
		},
		"charts are Helm's": {
			files: map[string]string{
				"chart/Chart.yaml": "apiVersion: v2\nname: a\n", "chart/templates/a.yaml": "{{ .Values }}", "chart/values.yaml": "a: 1\n",
				"chart/charts/b/Chart.yaml": "apiVersion: v2\n", "a.yaml": service("a"),
			},
			want: []string{"file a.yaml", "1 charts, 0 patches"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := write(t, tc.files)
			l, err := List(root)
			if err != nil {
				t.Fatal(err)
			}
			got := words(root, l)
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], root, "")
			}
			if diff := cmp.Diff(sorted(tc.want), sorted(got)); diff != "" {
				t.Errorf("the listing differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestListTellsOfADirectoryThatIsNotThere wants an error, as of a wrong name.
func TestListTellsOfADirectoryThatIsNotThere(t *testing.T) {
	t.Parallel()
	if _, err := List(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("got no error")
	}
}

// TestBuildKeepsNoMark wants the object as kubectl -k has it: without the note of where it comes from.
func TestBuildKeepsNoMark(t *testing.T) {
	t.Parallel()
	l := Build(write(t, map[string]string{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": service("a")}))
	if len(l.Built) != 1 || strings.Contains(string(l.Built[0].Text), "origin") {
		t.Errorf("got %+v", l)
	}
}

func sorted(lines []string) []string { return slices.Sorted(slices.Values(lines)) }
