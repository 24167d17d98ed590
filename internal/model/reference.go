package model

import (
	"cmp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ObjectRef names an object of the cluster. The zero value names none.
type ObjectRef struct {
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
}

// RefOf names an object of the kind.
func RefOf(kind string, o metav1.Object) ObjectRef {
	return ObjectRef{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

// PolicyRef names a policy.
func PolicyRef(key types.NamespacedName) ObjectRef {
	return ObjectRef{Kind: KindPolicy, Namespace: key.Namespace, Name: key.Name}
}

// Key returns the namespace and name without the kind.
func (r ObjectRef) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
}

// Compare orders references by namespace, name and kind.
func (r ObjectRef) Compare(other ObjectRef) int {
	return cmp.Or(strings.Compare(r.Namespace, other.Namespace), strings.Compare(r.Name, other.Name), strings.Compare(r.Kind, other.Kind))
}

// String is kind namespace/name, and kind name for an object without a namespace. The zero value reads "no object".
func (r ObjectRef) String() string {
	if r == (ObjectRef{}) {
		return "no object"
	}
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}
