package revision

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "object-names-revision-tag",
			Severity: []lint.Severity{lint.Warning},
			Finds:    "an Istio object whose label `istio.io/rev` names a revision tag.",
			Why: "Tags are for namespaces and pods, by way of the injector. Of other objects a control plane reads those that name its own " +
				"revision, or none: one that names a tag is read by nobody.",
			Fix: "Name the revision that the tag stands for, or take the label away: then every control plane reads the object.",
		},
		Find: objectNamesTag,
	})
}

// objectNamesTag finds Istio objects that no control plane reads, since they name a tag.
func objectNamesTag(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, t := range v.Tagged() {
		findings = append(findings, model.Finding{
			Severity: lint.Warning,
			Subject:  t.Object,
			Related:  t.By,
			Field:    "metadata.labels[istio.io/rev]",
			Message: fmt.Sprintf("It names %s, which is a tag of revision %s (%s), and no control plane reads objects that name a tag.",
				t.Tag, t.Revision, t.By),
			Remedy: fmt.Sprintf("Name revision %s, or leave the label out.", t.Revision),
		})
	}
	return findings
}
