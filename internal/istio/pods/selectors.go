package pods

import (
	"maps"
	"slices"
)

// Selectors finds, among many selectors, those that select a pod with given labels.
type Selectors struct {
	selectors []map[string]string
	// byLabel lists each selector under one of its labels: a pod that it selects has that label.
	byLabel map[label][]int
}

// NewSelectors indexes the selectors. An empty selector is never found.
func NewSelectors(selectors []map[string]string) Selectors {
	index := Selectors{selectors: selectors, byLabel: make(map[label][]int, len(selectors))}
	for i, selector := range selectors {
		if len(selector) > 0 {
			first := firstLabel(selector)
			index.byLabel[first] = append(index.byLabel[first], i)
		}
	}
	return index
}

// firstLabel returns the label with the first key, so that the index does not depend on the order of a map.
func firstLabel(selector map[string]string) label {
	key := slices.Min(slices.Collect(maps.Keys(selector)))
	return label{key, selector[key]}
}

// Selecting returns the positions of the selectors that select a pod with any of the label sets, ascending, each once.
func (s Selectors) Selecting(labelSets ...map[string]string) []int {
	var found []int
	for _, labels := range labelSets {
		for k, v := range labels {
			for _, at := range s.byLabel[label{k, v}] {
				if Matches(s.selectors[at], labels) {
					found = append(found, at)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
