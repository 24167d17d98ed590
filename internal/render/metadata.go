package render

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// policyKind is the kind of every owner.
const policyKind = "MeshTLSPolicy"

// policyAPIVersion is computed once: every owner reference needs it.
var policyAPIVersion = meshtlsv1alpha1.GroupVersion.String()

// identity is what an object of ours carries besides its spec.
type identity struct {
	namespace string
	name      string
	revision  string
	owners    []model.Owner
}

func (i identity) objectMeta() metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace:       i.namespace,
		Name:            i.name,
		Labels:          labels(i.revision),
		OwnerReferences: ownerReferences(i.owners),
	}
}

// labels mark an object as ours, and for the control plane of its policies' revision.
func labels(revision string) map[string]string {
	marks := map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}
	if revision != "" {
		marks[meshtlsv1alpha1.LabelRevision] = revision
	}
	return marks
}

// ownerReferences name all contributing policies. None of them is the controller, since there can be only one, and none blocks
// its own deletion: the object goes when the last owner does.
func ownerReferences(owners []model.Owner) []metav1.OwnerReference {
	references := make([]metav1.OwnerReference, len(owners))
	for i, owner := range owners {
		references[i] = metav1.OwnerReference{APIVersion: policyAPIVersion, Kind: policyKind, Name: owner.Name, UID: owner.UID}
	}
	return references
}
