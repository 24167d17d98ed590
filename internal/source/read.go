package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Stdin is the path that stands for the standard input.
const Stdin = "-"

// defaultNamespace is that of objects that name none.
const defaultNamespace = "default"

// Options say how manifests are read.
type Options struct {
	// Namespace is that of objects that name none. Empty: "default".
	Namespace string
	// Kustomizations are directories of which the kustomization is built, beside the paths.
	Kustomizations []string
	// Stdin is what is read for the path "-". Nil: os.Stdin.
	Stdin io.Reader
	// Beside is the cluster that the manifests will be laid on: its namespaces tell which pods are injected. Nil: none.
	Beside *Reader
}

// Error is something wrong with a manifest. A read can meet several, joined.
type Error struct {
	// File is the path that was read.
	File string
	// Document is the number of the YAML document in the file, counted from 1. Zero: the file as a whole.
	Document int
	// Line is the line of the file with the field that is wrong, or else the one on which the document begins. Zero: the file as a whole.
	Line int
	// Err is what is wrong.
	Err error
}

// Error is one line, which begins as those of compilers do, so that editors can go there.
func (e *Error) Error() string {
	words, line := e.Words(), fmt.Sprint(e.Line)
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, words)
	}
	if named := yamlLine.FindStringSubmatch(words); named != nil && strings.HasPrefix(words, "yaml: ") {
		line = named[1]
	}
	return fmt.Sprintf("%s:%s: %s", e.File, line, words)
}

// Words returns what is wrong, on one line that a person can read, without the place.
func (e *Error) Words() string {
	words := e.Err.Error()
	if len(words) > mostWords {
		words = strings.ToValidUTF8(words[:mostWords], "") + " …"
	}
	return onOneLine.Replace(words)
}

// mostWords is the length, in bytes, from which words are cut: a file that is no manifest can be wrong in each of a million lines.
const mostWords = 600

// errNothing: somebody has named what holds no object, which is most often a wrong name, or something that failed before.
var errNothing = errors.New("holds no object")

// onOneLine joins the lines of errors that are several, and of those of the YAML library, which indents.
var onOneLine = strings.NewReplacer(":\n  ", ": ", "\n  ", "; ", "\n", "; ")

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Read reads the manifests of the paths: files, directories with everything below them, and "-". It goes on after an error, so
// that all of them are told at once: they come joined, each an *Error, and the Reader beside them holds all the rest.
func Read(ctx context.Context, paths []string, options Options) (*Reader, error) {
	options.Namespace = cmp.Or(options.Namespace, defaultNamespace)
	if options.Stdin == nil {
		options.Stdin = os.Stdin
	}
	r := newReading(options.Namespace)
	r.beside = options.Beside
	r.read(ctx, r.filesOf(paths, options.Kustomizations), options.Stdin)
	r.inject()
	return r.reader, errors.Join(r.errs...)
}

// read reads files: what they hold is decoded together, and then taken up file after file.
func (r *reading) read(ctx context.Context, files []string, stdin io.Reader) {
	var documents []*document
	ends, failed := make([]int, len(files)), make([]error, len(files))
	for i, file := range files {
		var found []*document
		found, failed[i] = r.documentsIn(ctx, file, stdin)
		documents = append(documents, found...)
		ends[i] = len(documents)
	}
	start, all := 0, prepareAll(ctx, documents)
	for i, file := range files {
		err := failed[i]
		if err == nil {
			err = r.file(file, all[start:ends[i]])
		}
		if err != nil {
			r.fail(&Error{File: file, Err: err})
		}
		start = ends[i]
	}
}

// bare returns the error without the path, which is said already.
func bare(err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// file takes up the documents of a file.
func (r *reading) file(file string, documents []prepared) error {
	said := 0
	for _, d := range documents {
		if r.document(d) {
			said++
		}
	}
	if said == 0 && !r.met.Has(file) {
		return errNothing
	}
	return nil
}

// documentsIn returns the documents of a file, or of what a kustomization made.
func (r *reading) documentsIn(ctx context.Context, file string, stdin io.Reader) ([]*document, error) {
	if built, is := r.built[file]; is {
		return built, nil
	}
	content, err := contentOf(ctx, file, stdin)
	if err != nil {
		return nil, bare(err)
	}
	return documentsOf(file, content)
}

func contentOf(ctx context.Context, file string, stdin io.Reader) ([]byte, error) {
	switch {
	case file == Stdin:
		return io.ReadAll(stdin)
	case isURL(file):
		return fetch(ctx, file)
	default:
		return os.ReadFile(file) // #nosec G304 -- the user names the files
	}
}
