package source

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshtls/meshtls/internal/source/admission"
)

// checkKind returns an error for a kind, or a version of one, that its API group does not have. Only the groups of the mesh are known.
func checkKind(gvk schema.GroupVersionKind) error {
	versions := admission.Versions()
	group, version := gvk.Group, gvk.Version
	if _, known := versions[version]; known && group == "" {
		group, version = version, ""
	}
	kinds, known := versions[group]
	if !known {
		return nil
	}
	written, exists := kinds[strings.TrimSuffix(gvk.Kind, "List")]
	switch {
	case !exists:
		return fmt.Errorf("the API group %s has no kind %s%s", group, gvk.Kind, suggested(nearKind(group, gvk.Kind)))
	case version == "":
		return fmt.Errorf("the apiVersion %s has no version%s", group, suggested(group+"/"+written[0]))
	case !slices.Contains(written, version):
		return fmt.Errorf("the API group %s has no version %s of %s%s", group, version, gvk.Kind, suggested(group+"/"+written[0]))
	default:
		return nil
	}
}

// suggested is the end of a message that says what was meant; nothing where that is not known.
func suggested(meant string) string {
	if meant == "" {
		return ""
	}
	return "; did you mean " + meant + "?"
}

// nearKind returns the kind of the group that a few letters tell from the typed one, or else the apiVersion of the group that has the typed
// kind; empty: there is neither.
func nearKind(group, typed string) string {
	versions := admission.Versions()
	distance := func(kind string) int {
		return levenshtein.ComputeDistance(strings.ToLower(kind), strings.ToLower(typed))
	}
	byDistance := func(a, b string) int { return cmp.Or(cmp.Compare(distance(a), distance(b)), strings.Compare(a, b)) }
	nearest := slices.SortedFunc(maps.Keys(versions[group]), byDistance)[0]
	if distance(nearest) <= mostSlips {
		return nearest
	}
	for _, other := range slices.Sorted(maps.Keys(versions)) {
		if written := versions[other][typed]; len(written) > 0 {
			return other + "/" + written[0]
		}
	}
	return ""
}

// mostSlips is how many letters of a kind can be wrong for it to be recognised.
const mostSlips = 3
