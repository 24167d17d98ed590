package mesh

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// fronts finds the destinations of a namespace by the pods that they select.
type fronts struct {
	destinations []*destinations.Destination
	selectors    pods.Selectors
}

// newFronts indexes the destinations that select pods, by namespace.
func newFronts(all []*destinations.Destination) map[string]fronts {
	byNamespace := map[string]fronts{}
	for _, d := range all {
		if len(d.Selector()) > 0 {
			in := byNamespace[d.Namespace]
			in.destinations = append(in.destinations, d)
			byNamespace[d.Namespace] = in
		}
	}
	for namespace, in := range byNamespace {
		slices.SortFunc(in.destinations, func(a, b *destinations.Destination) int {
			return cmp.Or(strings.Compare(a.Ref().Kind, b.Ref().Kind), strings.Compare(a.Ref().Name, b.Ref().Name), strings.Compare(a.Name, b.Name))
		})
		selectors := make([]map[string]string, len(in.destinations))
		for i, d := range in.destinations {
			selectors[i] = d.Selector()
		}
		in.selectors = pods.NewSelectors(selectors)
		byNamespace[namespace] = in
	}
	return byNamespace
}

// InFront returns the destinations of the namespace that select a pod with one of the label sets: Services, then ServiceEntries, each
// by name.
func (v *network) InFront(namespace string, labels ...map[string]string) []*destinations.Destination {
	v.note(model.KindService, model.KindServiceEntry)
	in := v.index.fronts()[namespace]
	var found []*destinations.Destination
	for _, at := range in.selectors.Selecting(labels...) {
		found = append(found, in.destinations[at])
	}
	return found
}

// Service finds a Service.
func (v *network) Service(namespace, name string) (*model.Service, bool) {
	v.note(model.KindService)
	all := v.index.services()[namespace]
	at, found := slices.BinarySearchFunc(all, name, func(s *model.Service, name string) int { return strings.Compare(s.Name, name) })
	if !found {
		return nil, false
	}
	return all[at], true
}

// Known returns the hosts that clients of the namespace see, by name: of several declarations of one name the first counts, as Istio
// orders them.
func (v *network) Known(namespace string) map[string]model.Host {
	v.note(model.KindService, model.KindServiceEntry, model.KindConfigMap)
	return v.index.known(namespace)
}

// labelsOf returns the labels of each of the workloads.
func labelsOf(workloads []*model.Workload) []map[string]string {
	labels := make([]map[string]string, len(workloads))
	for i, w := range workloads {
		labels[i] = w.Labels
	}
	return labels
}
