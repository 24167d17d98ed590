package model

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Ours says whether the operator writes the object; every other is foreign, whatever its name.
func Ours(o metav1.Object) bool {
	return o.GetLabels()[meshtlsv1alpha1.LabelManagedBy] == meshtlsv1alpha1.ManagedBy
}

// defaultRevision is the name of the control plane revision that has none.
const defaultRevision = "default"

// InRevision says whether the control plane of a revision reads the object: it does so if the object names that revision, or none.
// The empty revision is the default one's.
// Source: istio pkg/config/model.go, LabelsInRevision.
func InRevision(o metav1.Object, revision string) bool {
	named, found := o.GetLabels()[meshtlsv1alpha1.LabelRevision]
	return !found || named == revision || (revision == "" && named == defaultRevision)
}

// OfRevision are the objects that the control plane of the revision reads: the list itself where that is all of them.
func OfRevision[T metav1.Object](objects []T, revision string) []T {
	other := func(o T) bool { return !InRevision(o, revision) }
	if !slices.ContainsFunc(objects, other) {
		return objects
	}
	return slices.DeleteFunc(slices.Clone(objects), other)
}

// InNamespace returns the objects of the namespace.
func InNamespace[T metav1.Object](objects []T, namespace string) []T {
	var in []T
	for _, o := range objects {
		if o.GetNamespace() == namespace {
			in = append(in, o)
		}
	}
	return in
}

// The Istio kinds that are rendered.
const (
	KindPeerAuthentication = "PeerAuthentication"
	KindDestinationRule    = "DestinationRule"
	KindGateway            = "Gateway"
)

// Objects are the Istio objects of one namespace, each list ordered by name.
type Objects struct {
	PeerAuthentications []*istiosecurityv1.PeerAuthentication
	DestinationRules    []*istionetworkingv1.DestinationRule
	Gateways            []*istionetworkingv1.Gateway
}

// Len is the number of objects.
func (o Objects) Len() int {
	return len(o.PeerAuthentications) + len(o.DestinationRules) + len(o.Gateways)
}

// Object is what the objects of all kinds have in common.
type Object interface {
	metav1.Object
	runtime.Object
}

// All are the objects of all kinds in one list, ordered by kind as its name goes, then as the lists are.
func (o Objects) All() []Object {
	all := make([]Object, 0, o.Len())
	for _, object := range o.DestinationRules {
		all = append(all, object)
	}
	for _, object := range o.Gateways {
		all = append(all, object)
	}
	for _, object := range o.PeerAuthentications {
		all = append(all, object)
	}
	return all
}
