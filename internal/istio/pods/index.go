package pods

import (
	"slices"

	"github.com/meshtls/meshtls/internal/model"
)

// label is a key with its value.
type label struct{ key, value string }

// Index finds workloads by label.
type Index struct {
	workloads []*model.Workload
	byLabel   map[label][]*model.Workload
}

// NewIndex indexes the workloads.
func NewIndex(workloads []*model.Workload) Index {
	index := Index{workloads: workloads, byLabel: map[label][]*model.Workload{}}
	for _, w := range workloads {
		for k, v := range w.Labels {
			index.byLabel[label{k, v}] = append(index.byLabel[label{k, v}], w)
		}
	}
	return index
}

// Selected returns the workloads that have all the labels, in the order in which they were indexed. An empty selector selects
// every workload. The list is not the caller's to change.
func (i Index) Selected(selector map[string]string) []*model.Workload {
	if len(selector) == 0 {
		return i.workloads
	}
	candidates := slices.Clip(i.rarest(selector))
	if len(selector) == 1 {
		return candidates
	}
	var selected []*model.Workload
	for _, w := range candidates {
		if Matches(selector, w.Labels) {
			selected = append(selected, w)
		}
	}
	return selected
}

// rarest returns the shortest list of candidates that the labels of the selector offer.
func (i Index) rarest(selector map[string]string) []*model.Workload {
	var shortest []*model.Workload
	first := true
	for k, v := range selector {
		if candidates := i.byLabel[label{k, v}]; first || len(candidates) < len(shortest) {
			shortest, first = candidates, false
		}
	}
	return shortest
}

// Matches reports whether the labels have everything that the selector asks for. An empty selector asks for nothing.
func Matches(selector, labels map[string]string) bool {
	for k, v := range selector {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// Count returns the number of pods in the workloads.
func Count(workloads []*model.Workload) int {
	n := 0
	for i := range workloads {
		n += workloads[i].Count
	}
	return n
}
