package model

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// FieldManager is the name under which the operator owns fields.
const FieldManager = "meshtls"

// Ours reports whether the operator writes the object; every other is foreign, whatever its name. Ours has our label, a policy for an
// owner, and fields that our field manager owns: what somebody labels as ours, or copies, is not. In files it often does not stand who
// wrote what, and what never was in a cluster has no owner there: its label is all there is.
func Ours(o metav1.Object) bool {
	switch {
	case !Labelled(o):
		return false
	case o.GetUID() == "":
		return true
	default:
		return slices.ContainsFunc(o.GetOwnerReferences(), OfPolicy) && (len(o.GetManagedFields()) == 0 ||
			slices.ContainsFunc(o.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool { return entry.Manager == FieldManager }))
	}
}

// Labelled reports whether the object has our label, which anybody can give it.
func Labelled(o metav1.Object) bool {
	return o.GetLabels()[meshtlsv1alpha1.LabelManagedBy] == meshtlsv1alpha1.ManagedBy
}

// OfPolicy reports whether the owner is a policy.
func OfPolicy(owner metav1.OwnerReference) bool {
	group, _, _ := strings.Cut(owner.APIVersion, "/")
	return owner.Kind == "MeshTLSPolicy" && group == meshtlsv1alpha1.GroupVersion.Group
}

// defaultRevision is the name of the control plane revision that has none.
const defaultRevision = "default"

// InRevision reports whether the control plane of a revision reads the object: it does so if the object names that revision, or none.
// The empty revision is the default one's.
// Source: istio pkg/config/model.go, LabelsInRevision.
func InRevision(o metav1.Object, revision string) bool {
	named, found := o.GetLabels()[meshtlsv1alpha1.LabelRevision]
	return !found || named == revision || (revision == "" && named == defaultRevision)
}

// OfRevision returns the objects that the control plane of the revision reads: the list itself where that is all of them.
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

// The Istio kinds that are rendered. An AuthorizationPolicy is rendered in dry-run only: see AuditRule.
const (
	KindPeerAuthentication  = "PeerAuthentication"
	KindDestinationRule     = "DestinationRule"
	KindGateway             = "Gateway"
	KindAuthorizationPolicy = "AuthorizationPolicy"
)

// Objects are the Istio objects of one namespace, each list ordered by name.
type Objects struct {
	PeerAuthentications   []*istiosecurityv1.PeerAuthentication
	DestinationRules      []*istionetworkingv1.DestinationRule
	Gateways              []*istionetworkingv1.Gateway
	AuthorizationPolicies []*istiosecurityv1.AuthorizationPolicy
}

// Len returns the number of objects.
func (o Objects) Len() int {
	return len(o.PeerAuthentications) + len(o.DestinationRules) + len(o.Gateways) + len(o.AuthorizationPolicies)
}

// Object is what the objects of all kinds have in common.
type Object interface {
	metav1.Object
	runtime.Object
}

// All returns the objects of all kinds in one list, ordered by kind as its name goes, then as the lists are.
func (o Objects) All() []Object {
	all := make([]Object, 0, o.Len())
	for _, object := range o.AuthorizationPolicies {
		all = append(all, object)
	}
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

// MutedChecks returns the checks that the object's annotation does not want to hear of.
func MutedChecks(o metav1.Object) []string {
	var names []string
	for _, name := range strings.Split(o.GetAnnotations()[meshtlsv1alpha1.AnnotationMute], ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}
