package manifests

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// Stdin is the path that stands for the standard input.
const Stdin = "-"

// defaultNamespace is that of objects that name none.
const defaultNamespace = "default"

// Options say how manifests are read.
type Options struct {
	// Namespace is that of objects that name none. Empty: "default".
	Namespace string
	// Stdin is what is read for the path "-". Nil: os.Stdin.
	Stdin io.Reader
}

// Error is something wrong with a manifest. A read can meet several, joined.
type Error struct {
	// File is the path that was read.
	File string
	// Document is the number of the YAML document in the file, counted from 1. Zero: the file as a whole.
	Document int
	// Err is what is wrong.
	Err error
}

// Error is one line.
func (e *Error) Error() string {
	what := onOneLine.Replace(e.Err.Error())
	if e.Document == 0 {
		return fmt.Sprintf("%s: %s", e.File, what)
	}
	return fmt.Sprintf("%s: document %d: %s", e.File, e.Document, what)
}

// onOneLine joins the lines of errors that are several, and of those of the YAML library, which indents.
var onOneLine = strings.NewReplacer(":\n  ", ": ", "\n  ", "; ", "\n", "; ")

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Read reads the manifests of the paths: files, directories with everything below them, and "-". It goes on after an error, so
// that all of them are told at once; what it returns then is not to be used.
func Read(ctx context.Context, paths []string, options Options) (*Reader, error) {
	options.Namespace = cmp.Or(options.Namespace, defaultNamespace)
	if options.Stdin == nil {
		options.Stdin = os.Stdin
	}
	files, err := filesOf(paths)
	if err != nil {
		return nil, err
	}
	r := newReading(options.Namespace)
	for _, file := range files {
		if err := r.file(ctx, file, options.Stdin); err != nil {
			r.fail(&Error{File: file, Err: err})
		}
	}
	return r.reader, errors.Join(r.errs...)
}

// filesOf replaces directories by the manifest files below them, and leaves out what is named twice.
func filesOf(paths []string) ([]string, error) {
	var files []string
	var errs []error
	for _, path := range paths {
		below, err := filesBelow(path)
		if err != nil {
			errs = append(errs, &Error{File: path, Err: bare(err)})
		}
		for _, file := range below {
			if !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
	}
	return files, errors.Join(errs...)
}

// filesBelow returns a file as it is, whatever it is called, and of a directory the files that are called like manifests.
func filesBelow(path string) ([]string, error) {
	if path == Stdin {
		return []string{path}, nil
	}
	var files []string
	root := filepath.Clean(path)
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && (file == root || isManifest(file)) {
			files = append(files, file)
		}
		return err
	})
	return files, err
}

func isManifest(file string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file))
}

// bare is the error without the path, which is said already.
func bare(err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// file reads the documents of a file.
func (r *reading) file(ctx context.Context, file string, stdin io.Reader) error {
	if file == Stdin {
		return r.documents(ctx, file, stdin)
	}
	opened, err := os.Open(file) // #nosec G304 -- the user names the files
	if err != nil {
		return bare(err)
	}
	return errors.Join(r.documents(ctx, file, opened), opened.Close())
}

func (r *reading) documents(ctx context.Context, file string, from io.Reader) error {
	documents := yaml.NewYAMLReader(bufio.NewReader(from))
	for number := 1; ; number++ {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return bare(err)
		}
		r.document(ctx, document{file: file, number: number, text: text})
	}
}
