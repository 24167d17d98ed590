// Command copyistio copies Istio's CRDs from the source of the module istio.io/api, at the version that go.mod requires, into a folder: a
// file for each, without descriptions, and with the schema once, since all versions of a kind of Istio's share it.
//
// Usage: copyistio FOLDER
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/meshtls/meshtls/config/crd"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: copyistio FOLDER")
		os.Exit(2)
	}
	if err := copyTo(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// copyTo writes the CRDs of the module into the folder.
func copyTo(folder string) error {
	text, err := moduleCRDs()
	if err != nil {
		return err
	}
	copies, err := trimmed(text)
	if err != nil {
		return err
	}
	for name, content := range copies {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return fmt.Errorf("writing a CRD of Istio's: %w", err)
		}
	}
	return nil
}

// moduleCRDs returns the text of all CRDs of the module.
func moduleCRDs() ([]byte, error) {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the module istio.io/api: %w", err)
	}
	return os.ReadFile(filepath.Join(strings.TrimSpace(string(module)), "kubernetes", "customresourcedefinitions.gen.yaml"))
}

// trimmed returns the CRDs of the text, as JSON by the names of their files.
func trimmed(text []byte) (map[string][]byte, error) {
	copies := map[string][]byte{}
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		var whole definition
		err := documents.Decode(&whole)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return copies, nil
			}
			return nil, fmt.Errorf("reading a CRD of Istio's: %w", err)
		}
		if whole.Kind == "" {
			continue
		}
		if err := whole.shareSchema(); err != nil {
			return nil, fmt.Errorf("reading the CRD of %s: %w", whole.Spec.Names.Kind, err)
		}
		content, err := json.MarshalIndent(whole, "", " ")
		if err != nil {
			return nil, err
		}
		copies[crd.IstioFile(whole.Spec.Group, whole.Spec.Names.Kind)] = append(content, '\n')
	}
}

// definition is what is copied of a CRD.
type definition struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Group    string     `json:"group"`
		Names    names      `json:"names"`
		Scope    string     `json:"scope"`
		Versions []*version `json:"versions"`
	} `json:"spec"`
}

type names struct {
	Kind   string `json:"kind"`
	Plural string `json:"plural"`
}

type version struct {
	Name   string         `json:"name"`
	Schema map[string]any `json:"schema,omitempty"`
}

// shareSchema leaves the schema with the first version alone. It returns an error where another version has a schema of its own.
func (d *definition) shareSchema() error {
	first := d.Spec.Versions[0]
	for _, v := range d.Spec.Versions {
		withoutDescriptions(v.Schema["openAPIV3Schema"])
	}
	for _, v := range d.Spec.Versions[1:] {
		if !reflect.DeepEqual(v.Schema, first.Schema) {
			return fmt.Errorf("version %s has another schema than %s", v.Name, first.Name)
		}
		v.Schema = nil
	}
	return nil
}

// withoutDescriptions takes the descriptions out of a schema and of those in it. A property may bear the name.
func withoutDescriptions(schema any) {
	switch typed := schema.(type) {
	case map[string]any:
		if _, isText := typed["description"].(string); isText {
			delete(typed, "description")
		}
		for key, below := range typed {
			if properties, is := below.(map[string]any); is && key == "properties" {
				for _, property := range properties {
					withoutDescriptions(property)
				}
				continue
			}
			withoutDescriptions(below)
		}
	case []any:
		for _, below := range typed {
			withoutDescriptions(below)
		}
	}
}
