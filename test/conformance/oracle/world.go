package oracle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
	"github.com/meshtls/meshtls/test/worlds"
)

// World is the objects of a cluster: core objects, Istio's and policies, in any order.
type World []*unstructured.Unstructured

// Parse reads a world from a stream of YAML documents.
func Parse(stream []byte) (World, error) {
	var world World
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return world, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading a document: %w", err)
		}
		content := map[string]any{}
		if err := yaml.Unmarshal(document, &content); err != nil {
			return nil, fmt.Errorf("decoding a document: %w", err)
		}
		if len(content) > 0 {
			world = append(world, &unstructured.Unstructured{Object: content})
		}
	}
}

// Of returns the world of some objects.
func Of[T client.Object](objects []T) (World, error) {
	world := make(World, 0, len(objects))
	for _, object := range objects {
		content, err := worlds.Manifest(object)
		if err != nil {
			return nil, err
		}
		world = append(world, &unstructured.Unstructured{Object: content})
	}
	return world, nil
}

// YAML returns the world as a stream of documents.
func (w World) YAML() ([]byte, error) {
	var stream bytes.Buffer
	for _, object := range w {
		document, err := yaml.Marshal(object.Object)
		if err != nil {
			return nil, fmt.Errorf("writing %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
		}
		stream.WriteString("---\n")
		stream.Write(document)
	}
	return stream.Bytes(), nil
}

// Admitted returns the world without the objects that the webhook of an older Istio refuses: they cannot be in its mesh. What the newest
// refuses is a fault of the world's, and stays.
func Admitted(world World) (World, error) {
	if IsNewest() {
		return world, nil
	}
	istios := slices.DeleteFunc(slices.Clone(world), func(o *unstructured.Unstructured) bool { return !isIstios(o) })
	shown, err := Shown(nil, istios)
	if err != nil {
		return nil, err
	}
	var refused wire.Refused
	if err := ask("Refuse", shown, &refused); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, at := range refused.Objects {
		out[identity(istios[at])] = true
	}
	return world.Without(func(o *unstructured.Unstructured) bool { return out[identity(o)] }), nil
}

func identity(o *unstructured.Unstructured) string {
	return strings.Join([]string{o.GetKind(), o.GetNamespace(), o.GetName()}, "/")
}

// With returns the world with further objects.
func (w World) With(more ...*unstructured.Unstructured) World {
	return slices.Concat(w, more)
}

// Without returns the world without the objects that are asked out.
func (w World) Without(out func(*unstructured.Unstructured) bool) World {
	return slices.DeleteFunc(slices.Clone(w), out)
}

// OfKind reports whether an object is of one of the kinds.
func OfKind(kinds ...string) func(*unstructured.Unstructured) bool {
	return func(o *unstructured.Unstructured) bool { return slices.Contains(kinds, o.GetKind()) }
}
