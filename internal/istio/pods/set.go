package pods

import (
	"maps"
	"slices"
	"strings"
)

// Set is the canonical form of a selector, so that equal selectors are one map key. NUL cannot occur in a label.
type Set string

// SetOf returns the set of the pods that the selector selects.
func SetOf(selector map[string]string) Set {
	if len(selector) == 1 { // by far the most common, and no sorting is needed
		for k, v := range selector {
			return Set(k + "\x00" + v)
		}
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(selector)) {
		b.WriteString(k + "\x00" + selector[k] + "\x00")
	}
	return Set(b.String())
}
