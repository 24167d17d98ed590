package compile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
)

// withRendered replaces our objects in the namespaces by the rendered ones.
func withRendered(i model.Inventory, namespaces []Namespace, born Birth) model.Inventory {
	var rendered model.Objects
	for _, n := range namespaces {
		rendered.PeerAuthentications = append(rendered.PeerAuthentications, n.Objects.PeerAuthentications...)
		rendered.DestinationRules = append(rendered.DestinationRules, n.Objects.DestinationRules...)
		rendered.Gateways = append(rendered.Gateways, n.Objects.Gateways...)
	}
	projected := project(rendered, objectsOf(i), born)
	gone := outdatedIn(namespaces)
	i.PeerAuthentications = replaced(i.PeerAuthentications, projected.PeerAuthentications, gone)
	i.DestinationRules = replaced(i.DestinationRules, projected.DestinationRules, gone)
	i.Gateways = replaced(i.Gateways, projected.Gateways, gone)
	return i
}

// objectsOf returns the inventory's objects of the kinds that are rendered.
func objectsOf(i model.Inventory) model.Objects {
	return model.Objects{PeerAuthentications: i.PeerAuthentications, DestinationRules: i.DestinationRules, Gateways: i.Gateways}
}

// outdatedIn reports which live objects will go: ours in the namespaces, except those of a policy whose target cannot be resolved.
func outdatedIn(namespaces []Namespace) func(metav1.Object) bool {
	compiled, unresolved := sets.New[string](), sets.New[types.UID]()
	for _, n := range namespaces {
		compiled.Insert(n.Snapshot.Namespace)
		for _, o := range n.Plan.Policies {
			if o.Unresolved {
				unresolved.Insert(o.UID)
			}
		}
	}
	return func(o metav1.Object) bool {
		kept := func(owner metav1.OwnerReference) bool { return unresolved.Has(owner.UID) }
		return model.Ours(o) && compiled.Has(o.GetNamespace()) && !slices.ContainsFunc(o.GetOwnerReferences(), kept)
	}
}

// replaced returns the live objects, less those that go, with the projected ones. A foreign object keeps its name: the operator does
// not overwrite it.
func replaced[T metav1.Object](live, projected []T, gone func(metav1.Object) bool) []T {
	present := map[types.NamespacedName]T{}
	for _, o := range live {
		if !gone(o) {
			present[nameOf(o)] = o
		}
	}
	for _, o := range projected {
		if there, taken := present[nameOf(o)]; !taken || model.Ours(there) {
			present[nameOf(o)] = o
		}
	}
	return slices.SortedFunc(maps.Values(present), func(a, b T) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
}
