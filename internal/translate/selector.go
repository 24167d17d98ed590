package translate

import (
	"maps"
	"slices"
	"strings"
)

// podSet is the canonical form of a selector, so that equal selectors are one map key. NUL cannot occur in a label.
type podSet string

func podSetOf(selector map[string]string) podSet {
	if len(selector) == 1 { // by far the most common, and no sorting is needed
		for k, v := range selector {
			return podSet(k + "\x00" + v)
		}
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(selector)) {
		b.WriteString(k + "\x00" + selector[k] + "\x00")
	}
	return podSet(b.String())
}
