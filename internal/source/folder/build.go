package folder

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// build adds what the kustomization of the directory comes to.
func (l *Listing) build(directory string) {
	files := newLocal(filesys.MakeFsOnDisk())
	options := krusty.MakeDefaultOptions()
	// Overlays of several clusters often share files beside them. Nothing is shown of a file that is no manifest.
	options.LoadRestrictions = types.LoadRestrictionsNone
	built, err := krusty.MakeKustomizer(options).Run(files, directory)
	l.Passed.Remote = append(l.Passed.Remote, files.remote...)
	l.Passed.Inflated = append(l.Passed.Inflated, files.inflated...)
	if err != nil {
		l.Failed = append(l.Failed, Failure{File: directory, Err: inShort(err)})
		return
	}
	for _, r := range built.Resources() {
		object, err := objectOf(r, directory)
		if err != nil {
			l.Failed = append(l.Failed, Failure{File: directory, Err: err})
			return
		}
		l.Built = append(l.Built, object)
	}
}

// objectOf returns the object with where it comes from.
func objectOf(r *resource.Resource, directory string) (Object, error) {
	origin, err := r.GetOrigin()
	if err != nil {
		return Object{}, fmt.Errorf("reading where %s comes from: %w", r.CurId(), err)
	}
	object := Object{File: directory, Kind: r.GetKind(), Name: r.GetName()}
	if origin != nil {
		object.File = filepath.Join(directory, cmp.Or(origin.Path, origin.ConfiguredIn))
	}
	if err := r.SetOrigin(nil); err != nil {
		return Object{}, fmt.Errorf("reading %s: %w", r.CurId(), err)
	}
	object.Text, err = r.AsYAML()
	return object, err
}

// inShort returns the error with paths as a user writes them, from the working directory.
func inShort(err error) error {
	here, hereErr := os.Getwd()
	if hereErr != nil {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), here+string(filepath.Separator), ""))
}
