package source

import (
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// reading is the making of one Reader.
type reading struct {
	reader    *Reader
	namespace string
	// met are the files that are read because they are in a directory: nobody has said that they are manifests.
	met sets.Set[string]
	// built are the documents that kustomizations made, by the path that stands for them among the files.
	built map[string][]*document
	// templates are the pods of controllers' templates.
	templates []*corev1.Pod
	errs      []error
	// beside is the cluster that the manifests are laid on; nil: none.
	beside *Reader
}

func newReading(namespace string) *reading {
	return &reading{reader: newReader(), namespace: namespace, met: sets.New[string](), built: map[string][]*document{}}
}

func (r *reading) fail(err error) {
	r.errs = append(r.errs, err)
}

// document takes up the objects of a document, and says whether there is anything in it.
func (r *reading) document(p prepared) bool {
	if p.fields != nil && r.met.Has(p.from.document.file) && p.fields["apiVersion"] == nil && p.fields["kind"] == nil {
		r.reader.strange++
		return true
	}
	err := r.object(p)
	if err != nil {
		d, line := p.from.document, p.from.document.line
		if at := (*placed)(nil); errors.As(err, &at) {
			line = at.line
		}
		r.fail(&Error{File: d.file, Document: d.number, Line: line, Err: err})
	}
	return err != nil || p.fields != nil || p.object != nil
}

// object takes up an object, or those of a list.
func (r *reading) object(p prepared) error {
	if !p.isList {
		return r.single(p)
	}
	errs := []error{p.err}
	for i, item := range p.items {
		if err := r.object(item); err != nil {
			errs = append(errs, fmt.Errorf("items[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func (r *reading) single(p prepared) error {
	switch {
	case p.object != nil:
		r.reader.noteOmitted(p.fields, p.object, p.gvk)
		return errors.Join(p.err, p.named(r.takeUp(p.from, p.object, p.gvk)))
	case p.err != nil, p.fields == nil:
		return p.err
	case p.gvk == crdKind && r.reader.learnFields(&unstructured.Unstructured{Object: p.fields}):
		return nil
	default:
		r.reader.ignored[p.gvk]++
		return nil
	}
}

// takeUp completes an object and takes it up.
func (r *reading) takeUp(from origin, object client.Object, gvk schema.GroupVersionKind) error {
	if err := complete(object, gvk, r.namespace); err != nil {
		return err
	}
	return r.add(from, object, gvk)
}

// nameIn returns the name of an object that may not be decoded.
func nameIn(fields map[string]any) string {
	metadata, _ := fields["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	if namespace, _ := metadata["namespace"].(string); namespace != "" {
		return namespace + "/" + name
	}
	return name
}

// add takes an object up, and the pod that a controller's template stands for.
func (r *reading) add(from origin, object client.Object, gvk schema.GroupVersionKind) error {
	ref := model.ObjectRef{Kind: nameOf(gvk), Namespace: object.GetNamespace(), Name: object.GetName()}
	if before, twice := r.reader.origins[ref]; twice && from.document.built && before.document.built {
		r.reader.passed.again++
		return nil // variants of one base: the first stands for all
	} else if twice {
		return fmt.Errorf("is there already, in %s, document %d", before.document.file, before.document.number)
	}
	r.reader.origins[ref] = from
	if err := r.reader.add(gvk, object); err != nil {
		return err
	}
	template := podTemplate(object)
	if template == nil {
		return nil
	}
	pod := podOf(object, gvk.Kind, template)
	r.templates = append(r.templates, pod)
	r.reader.origins[model.ObjectRef{Kind: podKind.Kind, Namespace: pod.Namespace, Name: pod.Name}] = from
	return r.reader.add(podKind, pod)
}

// podOf returns a pod of a controller. It is named after the controller's kind too, so that it is none of the pods that are there.
func podOf(controller client.Object, kind string, template *corev1.PodTemplateSpec) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       controller.GetNamespace(),
			Name:            fmt.Sprintf("%s-%s-0", controller.GetName(), strings.ToLower(kind)),
			Labels:          template.Labels,
			Annotations:     template.Annotations,
			OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: controller.GetName(), Controller: ptr.To(true)}},
		},
		Spec: template.Spec,
	}
}
