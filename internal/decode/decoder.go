package decode

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshtls/meshtls/internal/model"
)

// tolerantly makes the decoders of another one tolerant.
type tolerantly struct {
	runtime.NegotiatedSerializer
	scheme *runtime.Scheme
	// tell is told of each object that cannot be decoded.
	tell func(object metav1.Object, why error)
}

// DecoderToVersion returns a tolerant decoder.
func (s tolerantly) DecoderToVersion(from runtime.Decoder, to runtime.GroupVersioner) runtime.Decoder {
	return decoder{Decoder: s.NegotiatedSerializer.DecoderToVersion(from, to), scheme: s.scheme, tell: s.tell}
}

// decoder decodes what it can.
type decoder struct {
	runtime.Decoder
	scheme *runtime.Scheme
	tell   func(object metav1.Object, why error)
}

// Decode decodes an object, or a list into the one that is given. What the types have no place for is looked at only once that has failed.
func (d decoder) Decode(
	encoded []byte, defaults *schema.GroupVersionKind, into runtime.Object,
) (runtime.Object, *schema.GroupVersionKind, error) {
	decoded, gvk, err := d.Decoder.Decode(encoded, defaults, into)
	if err == nil {
		return decoded, gvk, nil
	}
	var parts struct {
		metav1.TypeMeta `json:",inline"`
		metav1.ListMeta `json:"metadata"`
		Items           []json.RawMessage `json:"items"`
	}
	if json.Unmarshal(encoded, &parts) != nil {
		return decoded, gvk, err
	}
	kind := parts.GroupVersionKind()
	if into == nil || !apimeta.IsListType(into) {
		object, failed := d.marked(encoded, kind, err)
		return object, &kind, failed
	}
	items := make([]runtime.Object, 0, len(parts.Items))
	for _, item := range parts.Items {
		object, err := d.item(item, kind.GroupVersion().WithKind(strings.TrimSuffix(kind.Kind, "List")))
		if err != nil {
			return decoded, gvk, err
		}
		items = append(items, object)
	}
	return into, &kind, fill(into, parts.TypeMeta, parts.ListMeta, items)
}

// item decodes an object of a list.
func (d decoder) item(encoded []byte, kind schema.GroupVersionKind) (runtime.Object, error) {
	object, _, err := d.Decoder.Decode(encoded, &kind, nil)
	if err != nil {
		return d.marked(encoded, kind, err)
	}
	return object, nil
}

// marked returns the object with nothing but its metadata and a mark that says why. What has no metadata fails as it did.
func (d decoder) marked(encoded []byte, kind schema.GroupVersionKind, why error) (runtime.Object, error) {
	var known metav1.PartialObjectMetadata
	if json.Unmarshal(encoded, &known) != nil || known.Name == "" {
		return nil, why
	}
	created, err := d.scheme.New(kind)
	if err != nil {
		return nil, errors.Join(why, err)
	}
	rest, err := json.Marshal(known)
	if err != nil {
		return nil, errors.Join(why, err)
	}
	if err := json.Unmarshal(rest, created); err != nil {
		return nil, errors.Join(why, err)
	}
	object, err := apimeta.Accessor(created)
	if err != nil {
		return nil, errors.Join(why, err)
	}
	model.MarkUndecoded(object, why.Error())
	d.tell(object, why)
	return created, nil
}

// fill makes the list hold the items, and nothing of what an attempt before has left in it.
func fill(into runtime.Object, kind metav1.TypeMeta, about metav1.ListMeta, items []runtime.Object) error {
	value := reflect.ValueOf(into).Elem()
	value.SetZero()
	into.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind())
	list, err := apimeta.ListAccessor(into)
	if err != nil {
		return err
	}
	list.SetResourceVersion(about.ResourceVersion)
	list.SetContinue(about.Continue)
	list.SetRemainingItemCount(about.RemainingItemCount)
	if err := apimeta.SetList(into, items); err != nil {
		return fmt.Errorf("filling a list of %s: %w", kind.Kind, err)
	}
	return nil
}
