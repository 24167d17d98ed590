package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// kustomization is the part of a kustomization.yaml that says which files to apply, in which order.
type kustomization struct {
	Resources []string `json:"resources"`
}

// apply applies the files of folders, as their kustomization.yaml lists them. The order of creation decides between policies.
func (c *cluster) apply(ctx context.Context, folders ...string) error {
	for _, folder := range folders {
		objects, err := c.read(folder)
		if err != nil {
			return err
		}
		for _, object := range objects {
			if err := c.applyObject(ctx, object); err != nil {
				return fmt.Errorf("%s: %w", folder, err)
			}
		}
	}
	return nil
}

// read returns the objects in the files of a folder.
func (c *cluster) read(folder string) ([]*unstructured.Unstructured, error) {
	content, err := os.ReadFile(filepath.Join(c.root, folder, "kustomization.yaml"))
	if err != nil {
		return nil, err
	}
	var list kustomization
	if err := yaml.Unmarshal(content, &list); err != nil {
		return nil, fmt.Errorf("reading %s/kustomization.yaml: %w", folder, err)
	}
	var objects []*unstructured.Unstructured
	for _, file := range list.Resources {
		content, err := os.ReadFile(filepath.Join(c.root, folder, file))
		if err != nil {
			return nil, err
		}
		found, err := decode(content)
		if err != nil {
			return nil, fmt.Errorf("reading %s/%s: %w", folder, file, err)
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

// decode returns the objects of a YAML stream.
func decode(stream []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(stream), 4096); ; {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}

// applyObject applies an object server-side, as kubectl apply --server-side does.
func (c *cluster) applyObject(ctx context.Context, object *unstructured.Unstructured) error {
	err := c.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("demo"), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", object.GetKind(), client.ObjectKeyFromObject(object), err)
	}
	return nil
}
