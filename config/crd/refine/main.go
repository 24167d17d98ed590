// Command refine completes what controller-gen makes of the API types: it joins the lines of each description of the CRD, so that kubectl
// explain wraps whole paragraphs, and writes the JSON schema by which editors check and complete policies.
//
// Usage: refine CRD SCHEMA
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: refine CRD SCHEMA")
		os.Exit(2)
	}
	if err := refine(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// refine rewrites the CRD, and writes the schema.
func refine(crdPath, schemaPath string) error {
	text, err := os.ReadFile(crdPath)
	if err != nil {
		return fmt.Errorf("reading the CRD: %w", err)
	}
	var crd map[string]any
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return fmt.Errorf("reading the CRD %s: %w", crdPath, err)
	}
	joinDescriptions(crd)
	if text, err = yaml.Marshal(crd); err != nil {
		return fmt.Errorf("writing the CRD: %w", err)
	}
	if err := os.WriteFile(crdPath, append([]byte("---\n"), text...), 0o600); err != nil {
		return fmt.Errorf("writing the CRD: %w", err)
	}
	schema, err := editorSchema(crd)
	if err != nil {
		return fmt.Errorf("the CRD %s: %w", crdPath, err)
	}
	if text, err = json.MarshalIndent(schema, "", "  "); err != nil {
		return fmt.Errorf("writing the schema: %w", err)
	}
	if err := os.WriteFile(schemaPath, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the schema: %w", err)
	}
	return nil
}
