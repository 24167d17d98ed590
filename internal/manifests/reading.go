package manifests

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// document is a YAML document of a file.
type document struct {
	file   string
	number int
	text   []byte
}

// identity is what there can be only one object of.
type identity struct {
	kind schema.GroupVersionKind
	key  client.ObjectKey
}

// reading is the making of one Reader.
type reading struct {
	reader    *Reader
	namespace string
	// seen is where each object was found.
	seen map[identity]document
	errs []error
}

func newReading(namespace string) *reading {
	return &reading{reader: newReader(), namespace: namespace, seen: map[identity]document{}}
}

func (r *reading) fail(err error) {
	r.errs = append(r.errs, err)
}

// document reads the objects of a document.
func (r *reading) document(ctx context.Context, d document) {
	object, err := parse(d.text)
	if err == nil && object != nil {
		err = r.object(ctx, d, object)
	}
	if err != nil {
		r.fail(&Error{File: d.file, Document: d.number, Err: err})
	}
}

// object reads an object, or those of a list.
func (r *reading) object(ctx context.Context, d document, fields map[string]any) error {
	gvk, err := kindOf(fields)
	if err != nil {
		return err
	}
	listed, isList, err := items(fields, gvk)
	if err != nil {
		return err
	}
	if !isList {
		return r.single(ctx, d, fields, gvk)
	}
	var errs []error
	for i, item := range listed {
		if err := r.object(ctx, d, item); err != nil {
			errs = append(errs, fmt.Errorf("items[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func (r *reading) single(ctx context.Context, d document, fields map[string]any, gvk schema.GroupVersionKind) error {
	gvk = canonical(gvk)
	if !known.Has(gvk) {
		r.reader.ignored[gvk]++
		return nil
	}
	object, err := decode(ctx, fields, gvk)
	if err == nil {
		err = complete(object, gvk, r.namespace)
	}
	if err == nil {
		err = r.add(d, object, gvk)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", gvk.Kind, nameIn(fields), err)
	}
	return nil
}

// nameIn is the name of an object that may not be decoded.
func nameIn(fields map[string]any) string {
	metadata, _ := fields["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	if namespace, _ := metadata["namespace"].(string); namespace != "" {
		return namespace + "/" + name
	}
	return name
}

// add takes an object up, and the pod that a controller's template stands for.
func (r *reading) add(d document, object client.Object, gvk schema.GroupVersionKind) error {
	id := identity{kind: gvk, key: client.ObjectKeyFromObject(object)}
	if before, twice := r.seen[id]; twice {
		return fmt.Errorf("is there already, in %s, document %d", before.file, before.number)
	}
	r.seen[id] = d
	if err := r.reader.add(gvk, object); err != nil {
		return err
	}
	template := podTemplate(object)
	if template == nil {
		return nil
	}
	return r.reader.add(corev1.SchemeGroupVersion.WithKind("Pod"), podOf(object, gvk.Kind, template))
}

// podOf is a pod of a controller. It is named after the controller's kind too, so that it is none of the pods that are there.
func podOf(controller client.Object, kind string, template *corev1.PodTemplateSpec) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   controller.GetNamespace(),
			Name:        fmt.Sprintf("%s-%s-0", controller.GetName(), strings.ToLower(kind)),
			Labels:      template.Labels,
			Annotations: template.Annotations,
		},
		Spec: template.Spec,
	}
}
