package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"sync"

	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/config/crd"
)

// policyKind is ours.
var policyKind = meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy")

// Of returns the schema of a kind of Istio's or of ours. All versions of a kind share it. It is made when it is first asked for, which
// takes longer than reading most files. A kind of anybody else is an error.
func Of(kind runtimeschema.GroupKind) (*Schema, error) {
	made, met := library.Load(kind)
	if !met {
		made, _ = library.LoadOrStore(kind, sync.OnceValues(func() (*Schema, error) { return compiled(kind) }))
	}
	return made.(func() (*Schema, error))()
}

// library holds a function for each kind that was asked for, which makes its schema once.
var library sync.Map

// compiled makes the schema of a kind.
func compiled(kind runtimeschema.GroupKind) (*Schema, error) {
	text, err := crdOf(kind)
	if err != nil {
		return nil, err
	}
	schemas, err := Load(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for known, schema := range schemas {
		if known.GroupKind() == kind {
			return schema, nil
		}
	}
	return nil, fmt.Errorf("the CRD of %s has no schema", kind)
}

// crdOf returns the text of the CRD of a kind.
func crdOf(kind runtimeschema.GroupKind) ([]byte, error) {
	if kind == policyKind.GroupKind() {
		return crd.MeshTLSPolicy, nil
	}
	return fs.ReadFile(crd.Istio, crd.IstioFile(kind.Group, kind.Kind))
}

// Versions returns the versions that the API groups of the mesh have of each kind, by group and kind, the one to write first.
var Versions = sync.OnceValue(func() map[string]map[string][]string {
	versions := map[string]map[string][]string{policyKind.Group: {policyKind.Kind: {policyKind.Version}}}
	files, err := fs.Glob(crd.Istio, "*.json")
	must(err)
	for _, file := range files {
		text, err := fs.ReadFile(crd.Istio, file)
		must(err)
		var definition struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct{ Name string }
			}
		}
		must(json.Unmarshal(text, &definition))
		spec := definition.Spec
		if versions[spec.Group] == nil {
			versions[spec.Group] = map[string][]string{}
		}
		for _, version := range spec.Versions {
			versions[spec.Group][spec.Names.Kind] = append(versions[spec.Group][spec.Names.Kind], version.Name)
		}
	}
	return versions
})

// must panics for an error in what is part of the program.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
