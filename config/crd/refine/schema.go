package main

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// editorSchema returns a JSON schema for files with policies. Files hold other objects, too: about these it says nothing.
func editorSchema(crd map[string]any) (map[string]any, error) {
	versions, _, err := unstructured.NestedSlice(crd, "spec", "versions")
	if err != nil || len(versions) != 1 {
		return nil, fmt.Errorf("got %d versions, want one: %w", len(versions), err)
	}
	version := versions[0].(map[string]any)
	policy, found, err := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
	if err != nil || !found {
		return nil, fmt.Errorf("it has no schema: %w", err)
	}
	group, _, _ := unstructured.NestedString(crd, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd, "spec", "names", "kind")
	policy = strict(policy).(map[string]any)
	policy["required"] = []any{"apiVersion", "kind", "metadata", "spec"}
	policy["properties"].(map[string]any)["metadata"] = metadata()
	policy["properties"].(map[string]any)["status"] = map[string]any{"type": "object", "description": "status is written by the operator."}
	return map[string]any{
		"$schema": "http://json-schema.org/draft-07/schema#",
		"title":   fmt.Sprintf("%s %s/%s", kind, group, version["name"]),
		"if": map[string]any{
			"required": []any{"apiVersion", "kind"},
			"properties": map[string]any{
				"apiVersion": map[string]any{"const": fmt.Sprintf("%s/%s", group, version["name"])},
				"kind":       map[string]any{"const": kind},
			},
		},
		"then": policy,
	}, nil
}

// metadata describes the part of an object's metadata that people write.
func metadata() map[string]any {
	texts := map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}}
	return map[string]any{
		"type":     "object",
		"required": []any{"name"},
		"properties": map[string]any{
			"name": map[string]any{"type": "string"}, "namespace": map[string]any{"type": "string"}, "labels": texts, "annotations": texts,
		},
	}
}

// strict turns a schema of a CRD into one that also refuses unknown fields, as an API server does. Kubernetes' own keys, CEL rules among
// them, mean nothing to an editor.
func strict(schema any) any {
	switch node := schema.(type) {
	case map[string]any:
		clean := map[string]any{}
		for key, member := range node {
			if !strings.HasPrefix(key, "x-kubernetes-") {
				clean[key] = strict(member)
			}
		}
		if _, isObject := clean["properties"].(map[string]any); isObject && clean["type"] == "object" {
			clean["additionalProperties"] = false
		}
		return clean
	case []any:
		list := make([]any, 0, len(node))
		for _, member := range node {
			list = append(list, strict(member))
		}
		return list
	default:
		return schema
	}
}
