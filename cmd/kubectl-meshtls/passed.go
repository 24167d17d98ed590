package main

import (
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/source"
)

// notePassed says what of directories is no manifest to the tools that they are written for.
func (s *input) notePassed(reader *source.Reader) {
	passed := reader.Passed()
	if passed.Charts > 0 {
		s.note("charts are for Helm, and were passed over: %d (helm template CHART | %s lint -f -)", passed.Charts, displayName)
	}
	if passed.Patches > 0 {
		s.note("files beside kustomizations of which these make no object, such as patches, were passed over: %d", passed.Patches)
	}
	if len(passed.Remote) > 0 {
		s.note("kustomizations were built without what is not here: %s", listed(passed.Remote))
	}
	if len(passed.Inflated) > 0 {
		s.note("kustomizations were built without the charts that Helm would inflate: %s", listed(passed.Inflated))
	}
	if n := reader.Again(); n > 0 {
		s.note("objects that an earlier kustomization has too were passed over: %d", n)
	}
}

// listed names each once, in order.
func listed(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
