package mesh

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// addressed are the destinations that list the address of a pod, of any namespace, by the pods.
type addressed map[types.NamespacedName][]*destinations.Destination

func newAddressed(v *View) addressed {
	found := addressed{}
	for _, d := range v.Destinations().All() {
		for _, w := range v.Machines(d) {
			name := types.NamespacedName{Namespace: w.Namespace, Name: w.Example}
			if len(w.Pods) > 0 && !slices.Contains(found[name], d) {
				found[name] = append(found[name], d)
			}
		}
	}
	return found
}

// LeadingTo returns the destinations that lead to the workloads of the namespace: first the Services and ServiceEntries that select some of
// them, then the destinations of any namespace that list an address of a pod.
func LeadingTo(v *View, namespace string, workloads []*model.Workload) []*destinations.Destination {
	leading := v.InFront(namespace, labelsOf(workloads)...)
	listing := Derived(v, newAddressed)
	for _, w := range workloads {
		for _, d := range listing[types.NamespacedName{Namespace: namespace, Name: w.Example}] {
			if !slices.Contains(leading, d) {
				leading = append(leading, d)
			}
		}
	}
	return leading
}
