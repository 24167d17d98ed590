package translate

import (
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// fronts finds the Services in front of pods.
type fronts struct {
	services  []model.Service
	selectors pods.Selectors
}

func newFronts(s model.Snapshot) fronts {
	services := slices.DeleteFunc(slices.Clone(s.Services), func(service model.Service) bool { return service.Namespace != s.Namespace })
	slices.SortFunc(services, func(a, b model.Service) int { return strings.Compare(a.Name, b.Name) })
	selectors := make([]map[string]string, len(services))
	for i := range services {
		selectors[i] = services[i].Selector
	}
	return fronts{services: services, selectors: pods.NewSelectors(selectors)}
}

// of are the Services that lead to the target's pods, by name: the one that the target names, else every one that selects some of
// the pods, or would select them by the labels that the target asks for.
func (f fronts) of(t target, selected []model.Workload) []model.Service {
	if t.service != nil {
		return []model.Service{*t.service}
	}
	labels := make([]map[string]string, 0, len(selected)+1)
	labels = append(labels, t.selector)
	for i := range selected {
		labels = append(labels, selected[i].Labels)
	}
	positions := f.selectors.Selecting(labels...)
	inFront := make([]model.Service, len(positions))
	for i, at := range positions {
		inFront[i] = f.services[at]
	}
	return inFront
}
