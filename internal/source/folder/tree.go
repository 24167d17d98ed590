package folder

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/yaml"
)

// kustomization is what matters here of such a file. Names of fields are kustomize's.
type kustomization struct {
	Kind                  string   `json:"kind"`
	Resources             []string `json:"resources"`
	Bases                 []string `json:"bases"`
	Components            []string `json:"components"`
	Crds                  []string `json:"crds"`
	Configurations        []string `json:"configurations"`
	Generators            []string `json:"generators"`
	Transformers          []string `json:"transformers"`
	Validators            []string `json:"validators"`
	PatchesStrategicMerge []string `json:"patchesStrategicMerge"`
	Patches               []pathed `json:"patches"`
	PatchesJSON6902       []pathed `json:"patchesJson6902"`
	Replacements          []pathed `json:"replacements"`
}

// pathed is an entry that may name a file.
type pathed struct {
	Path string `json:"path"`
}

// named returns all paths that the kustomization names. Some of them may be patches written out, which are nobody's path.
func (k kustomization) named() []string {
	names := slices.Concat(k.Resources, k.Bases, k.Components, k.Crds, k.Configurations, k.Generators, k.Transformers, k.Validators,
		k.PatchesStrategicMerge)
	for _, entry := range slices.Concat(k.Patches, k.PatchesJSON6902, k.Replacements) {
		names = append(names, entry.Path)
	}
	return names
}

// tree is how the kustomizations of a directory refer to each other, and to files.
type tree struct {
	kustomizations map[string]kustomization
	// referred are the directories and files that some kustomization names.
	referred sets.Set[string]
}

// newTree reads the kustomizations. One that cannot be read is a root: building it tells why.
func newTree(files map[string]string) tree {
	t := tree{kustomizations: map[string]kustomization{}, referred: sets.New[string]()}
	for directory, file := range files {
		var k kustomization
		if content, err := os.ReadFile(file); err == nil { // #nosec G304 -- the user names the directory
			_ = yaml.Unmarshal(content, &k)
		}
		t.kustomizations[directory] = k
		for _, name := range k.named() {
			if name != "" {
				t.referred.Insert(filepath.Join(directory, name))
			}
		}
	}
	return t
}

// owns reports whether the file is a kustomization's: it lies beside one, or one names it.
func (t tree) owns(file string) bool {
	_, beside := t.kustomizations[filepath.Dir(file)]
	return beside || t.referred.Has(file)
}

// kindComponent is the kind of kustomizations that others include, and that are nothing by themselves.
const kindComponent = "Component"

// roots returns the directories of the kustomizations that no other refers to, in order.
func (t tree) roots() []string {
	var roots []string
	for _, directory := range slices.Sorted(maps.Keys(t.kustomizations)) {
		if !t.referred.Has(directory) && t.kustomizations[directory].Kind != kindComponent {
			roots = append(roots, directory)
		}
	}
	return roots
}

// onlyComponents reports whether there is nothing that could be built by itself.
func (t tree) onlyComponents() bool {
	for _, k := range t.kustomizations {
		if k.Kind != kindComponent {
			return false
		}
	}
	return true
}

// isChart reports whether the directory is a Helm chart.
func isChart(directory string) bool {
	info, err := os.Stat(filepath.Join(directory, "Chart.yaml"))
	return err == nil && !info.IsDir()
}
