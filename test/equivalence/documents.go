package equivalence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/importer"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
)

// unborn is later than any age that a test gives.
const unborn = "2999-01-01T00:00:00Z"

// documents are the objects of a stream of manifests.
type documents []*unstructured.Unstructured

func parse(stream []byte) (documents, error) {
	var all documents
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(stream), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case len(object.Object) > 0:
			all = append(all, object)
		}
	}
}

func (d documents) read(ctx context.Context) (*source.Reader, error) {
	stream, err := d.stream()
	if err != nil {
		return nil, err
	}
	return source.Read(ctx, []string{source.Stdin}, source.Options{Stdin: bytes.NewReader(stream)})
}

func (d documents) stream() ([]byte, error) {
	var stream bytes.Buffer
	for _, object := range d {
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			return nil, err
		}
		stream.WriteString("---\n")
		stream.Write(text)
	}
	return stream.Bytes(), nil
}

// applied returns the world after a user has done all that the import says.
func (d documents) applied(result importer.Result) (documents, error) {
	after := slices.DeleteFunc(slices.Clone(d), func(o *unstructured.Unstructured) bool { return goes(o, result.Policies) })
	for _, p := range result.Policies {
		document, err := source.Document(p.MeshTLSPolicy)
		if err != nil {
			return nil, err
		}
		after = append(after, young(document))
		after.rebound(p)
		if p.Rest != nil {
			if document, err = render.Encode(p.Rest); err != nil {
				return nil, err
			}
			after = append(after, young(document))
		}
		if p.Keeps {
			if err := after.trim(p.From[0], result.Refusals); err != nil {
				return nil, err
			}
		}
	}
	return after, nil
}

// young gives the document the age of what is not there yet.
func young(document map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: document}
	metadata, _ := document["metadata"].(map[string]any)
	metadata["creationTimestamp"] = unborn
	return object
}

// foreign returns the documents that the operator did not write.
func (d documents) foreign() documents {
	return slices.DeleteFunc(slices.Clone(d), func(o *unstructured.Unstructured) bool { return model.Ours(o) })
}

// with returns the stream of the world with these objects as the operator's.
func (d documents) with(objects []model.Object) ([]byte, error) {
	world := d.foreign()
	for _, o := range objects {
		document, err := render.Encode(o)
		if err != nil {
			return nil, err
		}
		object := &unstructured.Unstructured{Object: document}
		object.SetCreationTimestamp(o.GetCreationTimestamp())
		world = append(world, object)
	}
	return world.stream()
}

func goes(o *unstructured.Unstructured, policies []importer.Policy) bool {
	for _, p := range policies {
		for i, ref := range p.From {
			if is(o, ref) && (i > 0 || !p.Keeps) {
				return true
			}
		}
	}
	return false
}

func is(o *unstructured.Unstructured, ref model.ObjectRef) bool {
	namespace := o.GetNamespace()
	if namespace == "" {
		namespace = "default"
	}
	return o.GetKind() == ref.Kind && o.GetName() == ref.Name && namespace == ref.Namespace && strings.Contains(o.GetAPIVersion(), "istio.io")
}

// trim leaves in a Gateway those servers that are refused.
func (d documents) trim(ref model.ObjectRef, refusals []importer.Refusal) error {
	at := slices.IndexFunc(d, func(o *unstructured.Unstructured) bool { return is(o, ref) })
	servers, _, err := unstructured.NestedSlice(d[at].Object, "spec", "servers")
	if err != nil {
		return err
	}
	var kept []any
	for _, r := range refusals {
		if r.Object != ref {
			continue
		}
		index, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.Field, "spec.servers["), "]"))
		if err != nil {
			return fmt.Errorf("%s of %s is no server: %w", r.Field, ref, err)
		}
		kept = append(kept, servers[index])
	}
	d[at] = d[at].DeepCopy()
	return unstructured.SetNestedSlice(d[at].Object, kept, "spec", "servers")
}
