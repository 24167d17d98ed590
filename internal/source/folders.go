package source

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/source/folder"
)

// passed is what the tools that directories are written for keep from being manifests.
type passed struct {
	folder.Passed
	// again counts the objects that several kustomizations have: the first is read.
	again int
}

// Passed returns what of directories was passed over.
func (r *Reader) Passed() folder.Passed { return r.passed.Passed }

// Again returns the number of objects that were passed over because an earlier kustomization has one of their names.
func (r *Reader) Again() int { return r.passed.again }

// filesOf replaces directories by the files below them and by what their kustomizations make, and leaves out what is named twice.
func (r *reading) filesOf(paths, kustomizations []string) []string {
	var files []string
	named := sets.New[string]()
	add := func(file string) {
		if !named.Has(file) {
			named.Insert(file)
			files = append(files, file)
		}
	}
	for _, path := range paths {
		failed := len(r.errs)
		below, err := r.filesBelow(path)
		if err == nil && len(below) == 0 && len(r.errs) == failed {
			err = errNothing
		}
		if err != nil {
			r.fail(&Error{File: path, Err: bare(err)})
		}
		for _, file := range below {
			add(file)
		}
	}
	for _, directory := range kustomizations {
		for _, file := range r.take(folder.Build(directory)) {
			add(file)
		}
	}
	return files
}

// filesBelow returns a file as it is, whatever it is called, and of a directory what is in it.
func (r *reading) filesBelow(path string) ([]string, error) {
	if path == Stdin || isURL(path) {
		return []string{path}, nil
	}
	if isFile(path) {
		return []string{filepath.Clean(path)}, nil
	}
	listing, err := folder.List(path)
	if err != nil {
		return nil, err
	}
	r.met.Insert(listing.Files...)
	return append(listing.Files, r.take(listing)...), nil
}

// take takes up what kustomizations make, and returns the paths that stand for it.
func (r *reading) take(l folder.Listing) []string {
	for _, failed := range l.Failed {
		r.fail(&Error{File: failed.File, Err: failed.Err})
	}
	r.reader.passed.add(l.Passed)
	sources := map[string][]*document{}
	var paths []string
	for _, object := range l.Built {
		path := builtFrom + object.File
		if _, begun := r.built[path]; !begun {
			paths = append(paths, path)
			r.met.Insert(path)
		}
		r.built[path] = append(r.built[path], builtOf(object, sources))
	}
	return paths
}

// builtFrom begins the path that stands for what was built of a file. No file is called so.
const builtFrom = "\x00"

func (p *passed) add(of folder.Passed) {
	p.Patches += of.Patches
	p.Charts += of.Charts
	p.Remote = append(p.Remote, of.Remote...)
	p.Inflated = append(p.Inflated, of.Inflated...)
}

// builtOf returns the document of an object that a kustomization made. Its place is that of the document of the file that it comes from.
func builtOf(object folder.Object, sources map[string][]*document) *document {
	if _, read := sources[object.File]; !read {
		content, err := contentOfSource(object.File)
		if err == nil {
			sources[object.File], _ = documentsOf(object.File, content)
		}
	}
	d := newDocument(object.File, 1, 1, object.Text)
	d.built = true
	if from := sourceOf(object, sources[object.File]); from != nil {
		d.number, d.line, d.nodes = from.number, from.line, from.nodes
	}
	return d
}

// sourceOf returns the document that the object comes from: that of its kind and name, or the one whose name is a part of its name, or the
// only one of its kind.
func sourceOf(object folder.Object, documents []*document) *document {
	ofKind := slices.DeleteFunc(slices.Clone(documents), func(d *document) bool { return wordAt(d.nodes(), "kind") != object.Kind })
	var best *document
	length := 0
	for _, d := range ofKind {
		name := wordAt(d.nodes(), "metadata", "name")
		if name == object.Name {
			return d
		}
		if strings.Contains(object.Name, name) && len(name) > length {
			best, length = d, len(name)
		}
	}
	if best == nil && len(ofKind) == 1 {
		return ofKind[0]
	}
	return best
}

// wordAt returns the word at the end of the keys; empty: there is none.
func wordAt(node *yaml.Node, keys ...string) string {
	for _, key := range keys {
		node, _ = child(node, 0, key)
	}
	if node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}
