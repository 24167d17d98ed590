package istio

import (
	"slices"

	"github.com/meshtls/meshtls/internal/istio/pods"
)

// label is a key with its value.
type label struct{ key, value string }

// selectorIndex finds the objects whose selector holds for a pod's labels. Each object stands under the rarest label of its
// selector, so that a pod meets few objects that are not for it.
type selectorIndex[T any] struct {
	objects    []T
	selectors  []map[string]string
	byLabel    map[label][]int
	everywhere []int
}

// indexSelectors keeps the order of the objects.
func indexSelectors[T any](objects []T, selectorOf func(T) map[string]string) selectorIndex[T] {
	index := selectorIndex[T]{objects: objects, byLabel: map[label][]int{}}
	uses := map[label]int{}
	for _, object := range objects {
		selector := selectorOf(object)
		index.selectors = append(index.selectors, selector)
		for key, value := range selector {
			uses[label{key, value}]++
		}
	}
	for at, selector := range index.selectors {
		if len(selector) == 0 {
			index.everywhere = append(index.everywhere, at)
			continue
		}
		home := rarest(selector, uses)
		index.byLabel[home] = append(index.byLabel[home], at)
	}
	return index
}

func rarest(selector map[string]string, uses map[label]int) label {
	var found label
	for key, value := range selector {
		if l := (label{key, value}); found == (label{}) || uses[l] < uses[found] {
			found = l
		}
	}
	return found
}

// first returns the object that was indexed first of those that select the labels.
func (i selectorIndex[T]) first(labels map[string]string) (object T, found bool) {
	first := len(i.objects)
	if len(i.everywhere) > 0 {
		first = i.everywhere[0]
	}
	for key, value := range labels {
		for _, at := range i.byLabel[label{key, value}] {
			if at < first && pods.Matches(i.selectors[at], labels) {
				first = at
			}
		}
	}
	if first == len(i.objects) {
		return object, false
	}
	return i.objects[first], true
}

// matching returns the objects that select the labels, in the order in which they were indexed.
func (i selectorIndex[T]) matching(labels map[string]string) []T {
	positions := slices.Clone(i.everywhere)
	for key, value := range labels {
		for _, at := range i.byLabel[label{key, value}] {
			if pods.Matches(i.selectors[at], labels) {
				positions = append(positions, at)
			}
		}
	}
	slices.Sort(positions)
	matched := make([]T, 0, len(positions))
	for _, at := range positions {
		matched = append(matched, i.objects[at])
	}
	return matched
}
