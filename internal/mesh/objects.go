package mesh

import (
	"iter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// Revisions returns the control plane revisions that Istio objects of the inventory name, and the default one, which has no name.
func Revisions(i model.Inventory) []string {
	revisions := sets.New("")
	for o := range Objects(i) {
		revisions.Insert(o.GetLabels()[meshtlsv1alpha1.LabelRevision])
	}
	return sets.List(revisions)
}

// Objects returns the Istio objects of all kinds, each with its kind.
func Objects(i model.Inventory) iter.Seq2[metav1.Object, string] {
	return func(yield func(metav1.Object, string) bool) {
		_ = each(i.PeerAuthentications, model.KindPeerAuthentication, yield) &&
			each(i.DestinationRules, model.KindDestinationRule, yield) &&
			each(i.Gateways, model.KindGateway, yield) &&
			each(i.VirtualServices, model.KindVirtualService, yield) &&
			each(i.ServiceEntries, model.KindServiceEntry, yield) &&
			each(i.WorkloadEntries, model.KindWorkloadEntry, yield) &&
			each(i.AuthorizationPolicies, model.KindAuthorizationPolicy, yield)
	}
}

func each[T metav1.Object](objects []T, kind string, yield func(metav1.Object, string) bool) bool {
	for _, o := range objects {
		if !yield(o, kind) {
			return false
		}
	}
	return true
}

// Inventory is what the view holds.
func (v *View) Inventory() model.Inventory { return v.inventory }
