package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kjson "sigs.k8s.io/json"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// decode makes a typed object of the fields, strictly, and refuses what an API server would. An object of Istio's that has fields which
// are unknown comes with an error that names them: it counts all the same.
func decode(ctx context.Context, fields map[string]any, gvk schema.GroupVersionKind) (client.Object, error) {
	fields["apiVersion"] = gvk.GroupVersion().String()
	if isGatewayAPI(gvk) {
		object := &unstructured.Unstructured{Object: fields}
		return object, gather.Readable(object)
	}
	object, err := empty(gvk)
	if err != nil {
		return nil, err
	}
	switch {
	case specOf(object) != nil:
		return decodeIstio(ctx, fields, gvk, object)
	case gvk == policyKind:
		if err := admit(ctx, fields); err != nil {
			return nil, err
		}
	}
	return object, fill(object, fields)
}

// empty returns an object of the kind.
func empty(gvk schema.GroupVersionKind) (client.Object, error) {
	created, err := scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	object, ok := created.(client.Object)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", gvk.Kind)
	}
	return object, nil
}

// decodeIstio decodes an object of Istio's, as far as its fields are known.
func decodeIstio(ctx context.Context, fields map[string]any, gvk schema.GroupVersionKind, object client.Object) (client.Object, error) {
	spec := specOf(object)
	unknown, err := admitIstio(ctx, fields, gvk.GroupKind(), spec)
	if err != nil {
		return nil, err
	}
	if err := fillIstio(object, spec, fields); err != nil {
		return nil, err
	}
	return object, unknown.keptBy(spec)
}

// fillIstio is fill for an object of Istio's. The decoder of the spec is faster than the one of its type, and leaves to that what it does
// not understand.
func fillIstio(object client.Object, spec proto.Message, fields map[string]any) error {
	text, err := json.Marshal(fields["spec"])
	if err != nil {
		return err
	}
	around := map[string]any{"apiVersion": fields["apiVersion"], "kind": fields["kind"], "metadata": fields["metadata"]}
	quick := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(around, verbatim.Plain(object), true)
	if quick != nil || protojson.Unmarshal(text, spec) != nil {
		proto.Reset(spec)
		return fillByJSON(verbatim.Plain(object), fields)
	}
	return nil
}

// fill decodes the fields into the object, strictly.
func fill(object client.Object, fields map[string]any) error {
	if quick := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(fields, object, true); quick != nil {
		return fillByJSON(object, fields)
	}
	return nil
}

// fillByJSON takes longer, and says where in the object something is wrong.
func fillByJSON(object any, fields map[string]any) error {
	encoded, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	strict, err := kjson.UnmarshalStrict(encoded, object)
	return errors.Join(append(strict, err)...)
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
