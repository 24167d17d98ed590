package screens

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
)

// Operation is what becomes of an object.
type Operation string

const (
	Created Operation = "Created"
	Changed Operation = "Changed"
	Deleted Operation = "Deleted"
)

// ObjectChange is a policy, or an object of Istio's, that differs.
type ObjectChange struct {
	Object    model.ObjectRef `json:"object"`
	Operation Operation       `json:"operation"`
	// Written says that the operator writes it.
	Written bool   `json:"written,omitempty"`
	Diff    []Line `json:"diff"`
	// selecting says that it is a rule for some clients of its namespace.
	selecting bool
}

// shown is an object as far as it is compared.
type shown struct {
	text               string
	written, selecting bool
}

// changedObjects returns the policies and Istio objects that differ, by kind, namespace and name.
func changedObjects(before, after World) []ObjectChange {
	old, fresh := documentsOf(before), documentsOf(after)
	refs := sets.KeySet(old).Union(sets.KeySet(fresh)).UnsortedList()
	slices.SortFunc(refs, func(a, b model.ObjectRef) int { return cmp.Or(kindOrder(a, b), a.Compare(b)) })
	all := []ObjectChange{}
	for _, ref := range refs {
		was, is := old[ref], fresh[ref]
		if was.text == is.text {
			continue
		}
		change := ObjectChange{
			Object: ref, Operation: Changed, Written: was.written || is.written, Diff: diff(was.text, is.text), selecting: was.selecting || is.selecting,
		}
		switch {
		case was.text == "":
			change.Operation = Created
		case is.text == "":
			change.Operation = Deleted
		}
		all = append(all, change)
	}
	return all
}

// kindOrder puts policies first: they are why the others change.
func kindOrder(a, b model.ObjectRef) int {
	if first := model.KindPolicy; (a.Kind == first) != (b.Kind == first) {
		return map[bool]int{true: -1, false: 1}[a.Kind == first]
	}
	return strings.Compare(a.Kind, b.Kind)
}

func documentsOf(w World) map[model.ObjectRef]shown {
	all := map[model.ObjectRef]shown{}
	for _, policy := range w.Policies {
		if text, err := document(policy.Labels, policy.Spec); err == nil {
			all[model.RefOf(model.KindPolicy, policy)] = shown{text: text}
		}
	}
	for o, kind := range mesh.Objects(w.Inventory) {
		if text, err := document(o.GetLabels(), specOf(o)); err == nil {
			all[model.RefOf(kind, o)] = shown{text: text, written: model.Ours(o), selecting: selectsClients(o)}
		}
	}
	return all
}

// specOf returns the spec of an Istio object.
func specOf(o metav1.Object) any {
	if content, err := render.Encode(o); err == nil {
		return content["spec"] // with modes that Istio's own encoding leaves out
	}
	encoded, err := json.Marshal(o)
	if err != nil {
		return nil
	}
	var content struct {
		Spec any `json:"spec"`
	}
	if err := json.Unmarshal(encoded, &content); err != nil {
		return nil
	}
	return content.Spec
}

// document returns what is compared of an object.
func document(labels map[string]string, spec any) (string, error) {
	content := map[string]any{"spec": spec}
	if len(labels) > 0 {
		content["labels"] = labels
	}
	text, err := yaml.Marshal(content)
	return string(text), err
}

// selectingIn returns the namespaces in which rules for some clients change.
func selectingIn(objects []ObjectChange) sets.Set[string] {
	namespaces := sets.New[string]()
	for _, o := range objects {
		if o.selecting {
			namespaces.Insert(o.Object.Namespace)
		}
	}
	return namespaces
}

// selectsClients reports whether the object is a rule for some clients of its namespace.
func selectsClients(o metav1.Object) bool {
	rule, is := o.(*istionetworkingv1.DestinationRule)
	return is && rule.Spec.GetWorkloadSelector() != nil
}
