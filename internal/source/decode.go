package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/config/crd"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source/admission"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// schemas are compiled when the first policy is met: it takes longer than reading most files.
var schemas = sync.OnceValues(func() (admission.Schemas, error) {
	return admission.Load(bytes.NewReader(crd.MeshTLSPolicy))
})

// parse returns the fields of a document; nil: it is empty.
func parse(d *document) (map[string]any, error) {
	encoded := d.text
	// What a cluster dumped as JSON can be large, and reading it as YAML takes several times as long.
	if !json.Valid(d.text) {
		var err error
		if encoded, err = yaml.YAMLToJSONStrict(d.text); err != nil {
			return nil, errors.New(inFile(err.Error(), d.line))
		}
	}
	var value any
	duplicates, err := kjson.UnmarshalStrict(encoded, &value)
	if err := errors.Join(append(duplicates, err)...); err != nil {
		return nil, err
	}
	switch typed := value.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return typed, nil
	default:
		return nil, errors.New("is not an object with apiVersion and kind")
	}
}

// yamlLine is how the YAML library names a line.
var yamlLine = regexp.MustCompile(`\bline (\d+)`)

// inFile counts the lines in the words of the YAML library from the beginning of the file, instead of the document.
func inFile(words string, firstLine int) string {
	return yamlLine.ReplaceAllStringFunc(words, func(match string) string {
		line, err := strconv.Atoi(strings.TrimPrefix(match, "line "))
		if err != nil {
			return match
		}
		return fmt.Sprintf("line %d", line+firstLine-1)
	})
}

// kindOf returns what the object says it is.
func kindOf(object map[string]any) (schema.GroupVersionKind, error) {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	switch {
	case apiVersion == "":
		return schema.GroupVersionKind{}, errors.New("apiVersion is missing")
	case kind == "":
		return schema.GroupVersionKind{}, errors.New("kind is missing")
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	return gv.WithKind(kind), err
}

// items returns the objects of a list; ok says whether the object is one.
func items(list map[string]any, gvk schema.GroupVersionKind) (objects []map[string]any, ok bool, err error) {
	values, isList := list["items"].([]any)
	if !isList || !strings.HasSuffix(gvk.Kind, "List") {
		return nil, false, nil
	}
	for i, value := range values {
		object, isObject := value.(map[string]any)
		if !isObject {
			return nil, true, fmt.Errorf("items[%d] is not an object with apiVersion and kind", i)
		}
		// The items of a typed list, as an API server answers it, leave out what the list says.
		if itemKind := strings.TrimSuffix(gvk.Kind, "List"); itemKind != "" && object["kind"] == nil {
			object["apiVersion"], object["kind"] = gvk.GroupVersion().String(), itemKind
		}
		objects = append(objects, object)
	}
	return objects, true, nil
}

// decode makes a typed object of the fields, strictly. An object that has fields which Istio's types do not know comes with an
// error that names them: it counts all the same.
func decode(ctx context.Context, fields map[string]any, gvk schema.GroupVersionKind) (client.Object, error) {
	fields["apiVersion"] = gvk.GroupVersion().String()
	if gvk == policyKind {
		if err := admit(ctx, fields); err != nil {
			return nil, err
		}
	}
	if isGatewayAPI(gvk) {
		object := &unstructured.Unstructured{Object: fields}
		return object, gather.Readable(object)
	}
	created, err := scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	object, ok := created.(client.Object)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", gvk.Kind)
	}
	unknown := takeUnknown(fields, object)
	encoded, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	strict, err := kjson.UnmarshalStrict(encoded, verbatim.Plain(object))
	if err := errors.Join(append(strict, err)...); err != nil {
		return nil, err
	}
	return object, unknown.keptBy(object)
}

// admit does to a policy what the API server would, which also drops the status of an object that is created. Only how far its rollout has
// come is kept: what is in force depends on it, and the policy may be one that a cluster has.
func admit(ctx context.Context, fields map[string]any) error {
	status, _ := fields["status"].(map[string]any)
	delete(fields, "status")
	if reached, said := status["rollout"]; said {
		fields["status"] = map[string]any{"rollout": reached}
	}
	all, err := schemas()
	if err != nil {
		return err
	}
	return oneLine(all[policyKind].Admit(ctx, fields))
}

// oneLine is nil for no errors.
func oneLine(errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	words := make([]string, 0, len(errs))
	for _, err := range errs {
		words = append(words, err.Error())
	}
	return errors.New(strings.Join(words, "; "))
}

// namespaced reports whether objects of the kind live in a namespace.
func namespaced(gvk schema.GroupVersionKind) bool {
	return gvk.Kind != "Namespace" && gvk.Kind != model.KindIngressClass && gvk.Group != admissionregistrationv1.GroupName
}

// complete gives the object the namespace that it leaves out.
func complete(object client.Object, gvk schema.GroupVersionKind, namespace string) error {
	accessor, err := apimeta.Accessor(object)
	if err != nil {
		return err
	}
	if accessor.GetName() == "" {
		return errors.New("metadata.name is missing")
	}
	if namespaced(gvk) && accessor.GetNamespace() == "" {
		accessor.SetNamespace(namespace)
	}
	return nil
}
