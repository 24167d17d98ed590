package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
)

// Listing is what a directory holds.
type Listing struct {
	// Files are the manifests to be read as they are.
	Files []string
	// Built are the objects that kustomizations come to.
	Built []Object
	// Passed counts what was passed over.
	Passed Passed
	// Failed are the kustomizations that cannot be built, and why.
	Failed []Failure
}

// Object is an object that a kustomization comes to.
type Object struct {
	// Text is the object as it is built.
	Text []byte
	// File is where it comes from: a manifest, or the kustomization that generates it.
	File, Kind, Name string
}

// Failure is a kustomization that cannot be built.
type Failure struct {
	File string
	Err  error
}

// Passed counts what a directory holds and no tool takes for a manifest.
type Passed struct {
	// Patches are the files beside kustomizations that none of them makes an object of.
	Patches int
	// Charts are the directories with Helm charts.
	Charts int
	// Remote are the bases and other files that kustomizations would fetch, and Inflated the charts that they would have Helm inflate.
	Remote, Inflated []string
}

// errCircle: kustomize would not end.
var errCircle = errors.New("its kustomizations refer to each other in a circle")

// List returns what the directory holds, less what is hidden.
func List(directory string) (Listing, error) {
	found, err := walk(filepath.Clean(directory))
	if err != nil {
		return Listing{}, err
	}
	l := Listing{Passed: Passed{Charts: len(found.charts)}}
	if len(found.kustomizations) == 0 {
		l.Files = found.files
		return l, nil
	}
	tree := newTree(found.kustomizations)
	for _, file := range found.files {
		if !tree.owns(file) {
			l.Files = append(l.Files, file)
		}
	}
	roots := tree.roots()
	if len(roots) == 0 && !tree.onlyComponents() {
		l.Failed = append(l.Failed, Failure{File: directory, Err: errCircle})
	}
	sources := sets.New[string]()
	for _, root := range roots {
		l.build(root)
	}
	for _, object := range l.Built {
		sources.Insert(object.File)
	}
	for _, file := range found.files {
		if tree.owns(file) && !sources.Has(file) {
			l.Passed.Patches++
		}
	}
	return l, nil
}

// Build returns what the kustomization of the directory comes to, as kubectl -k does.
func Build(directory string) Listing {
	var l Listing
	if _, err := os.Stat(directory); err != nil {
		var of *fs.PathError
		if errors.As(err, &of) {
			err = of.Err
		}
		return Listing{Failed: []Failure{{File: directory, Err: err}}}
	}
	l.build(filepath.Clean(directory))
	return l
}

// found are the files of a directory.
type found struct {
	files, charts []string
	// kustomizations are the files, by their directory.
	kustomizations map[string]string
}

// walk goes through the directory. What is below a chart is Helm's.
func walk(root string) (found, error) {
	f := found{kustomizations: map[string]string{}}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() && isChart(path):
			f.charts = append(f.charts, path)
			return fs.SkipDir
		case entry.IsDir():
		case isKustomization(path):
			f.kustomizations[filepath.Dir(path)] = path
		case IsManifest(path):
			f.files = append(f.files, path)
		}
		return nil
	})
	return f, err
}

// IsManifest reports whether the file is called like a manifest.
func IsManifest(file string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file))
}

// isKustomization reports whether the file says what a kustomization is made of.
func isKustomization(file string) bool {
	return slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, filepath.Base(file))
}
