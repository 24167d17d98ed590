package versions

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshtls/meshtls/internal/model"
)

// LabelVersion is the label by which Istio's charts tell the version on all that they install.
const LabelVersion = "app.kubernetes.io/version"

// Standing is how a version stands to those that are tested.
type Standing string

// The standings.
const (
	Tested  Standing = "Tested"
	Older   Standing = "Older"
	Newer   Standing = "Newer"
	Unknown Standing = "Unknown"
)

// ControlPlane is a control plane of the mesh.
type ControlPlane struct {
	// Revision is its revision; that of the default one is "default".
	Revision string
	// Version is Istio's, as the control plane tells it: 1.31.2. Empty: it does not.
	Version string
}

// ControlPlanes returns those that the mesh has by what its webhooks and Services say, in the order of their revisions. Where two objects
// of a revision tell different versions, as in the middle of an upgrade, the newer one counts.
func ControlPlanes(tags []model.RevisionTag) []ControlPlane {
	found := map[string]ControlPlane{}
	for _, tag := range tags {
		known, seen := found[tag.Revision]
		if tag.Tag == "" && (!seen || Compare(known.Version, tag.Version) < 0) {
			found[tag.Revision] = ControlPlane{Revision: tag.Revision, Version: tag.Version}
		}
	}
	all := make([]ControlPlane, 0, len(found))
	for _, plane := range found {
		all = append(all, plane)
	}
	slices.SortFunc(all, func(a, b ControlPlane) int { return cmp.Compare(a.Revision, b.Revision) })
	return all
}

// OfRevision returns the version of the revision's control plane; the empty revision is the default one's. Empty: none tells it.
func OfRevision(tags []model.RevisionTag, revision string) string {
	for _, plane := range ControlPlanes(tags) {
		if plane.Revision == cmp.Or(revision, "default") {
			return plane.Version
		}
	}
	return ""
}

// OfPod returns the version of a pod of istiod: by its label, or else by the tag of its image. Empty: neither tells it.
func OfPod(labels map[string]string, image string) string {
	if version := labels[LabelVersion]; minor(version) != nil {
		return version
	}
	image, _, _ = strings.Cut(image, "@")
	name := image[strings.LastIndex(image, "/")+1:]
	_, tag, _ := strings.Cut(name, ":")
	if minor(tag) == nil {
		return ""
	}
	return tag
}

// Standing says how the version stands to those that are tested.
func (c ControlPlane) Standing() Standing {
	switch {
	case minor(c.Version) == nil:
		return Unknown
	case Compare(c.Version, OldestTested) < 0:
		return Older
	case Compare(c.Version, NewestTested) > 0:
		return Newer
	default:
		return Tested
	}
}

// Advice says in a sentence what follows from the standing; empty: nothing.
func (c ControlPlane) Advice() string {
	tested := OldestTested
	if NewestTested != OldestTested {
		tested += " to " + NewestTested
	}
	switch c.Standing() {
	case Older, Newer:
		return fmt.Sprintf("Revision %s runs Istio %s, which is %s than what this version of meshtls was tested with (%s). Fields that the "+
			"mesh's CRDs lack are refused, and what they have and meshtls does not know is kept; rules of Istio that differ between the "+
			"versions may not be foreseen.",
			c.Revision, c.Version, strings.ToLower(string(c.Standing())), tested)
	case Unknown:
		return fmt.Sprintf("Revision %s does not tell its version: its webhook and pods have no label %s. This version of meshtls was tested "+
			"with Istio %s.",
			c.Revision, LabelVersion, tested)
	default:
		return ""
	}
}

// minor returns the first two numbers of a version such as 1.31.2 or 1.32-alpha.1a2b; nil: it is none.
func minor(version string) []int {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return nil
	}
	second, _, _ := strings.Cut(parts[1], "-")
	var numbers []int
	for _, part := range []string{parts[0], second} {
		number, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		numbers = append(numbers, number)
	}
	return numbers
}

// Compare orders versions by their minor; what is none goes before all.
func Compare(a, b string) int { return slices.Compare(minor(a), minor(b)) }
