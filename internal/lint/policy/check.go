package policy

import (
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// check is one question about the policies of a namespace.
type check struct {
	lint.About
	find func(w world) []model.Finding
}

// checks are those of this package; each file adds its own.
var checks []check

func add(about lint.About, find func(w world) []model.Finding) {
	checks = append(checks, check{About: about, find: find})
}

// Checked describes the findings of this package's checks, by name.
func Checked() []lint.About {
	all := make([]lint.About, 0, len(checks))
	for _, c := range checks {
		all = append(all, c.About)
	}
	slices.SortFunc(all, func(a, b lint.About) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Decided describes the findings that the translation of policies makes itself.
func Decided() []lint.About { return slices.Clone(decided) }

// Findings runs every check over the namespace. The views are those of the mesh once what is rendered is written, one for each control
// plane revision that its policies are for. The findings come in no particular order.
func Findings(n Namespace, views []*mesh.View) []model.Finding {
	if len(views) == 0 {
		return nil
	}
	w := newWorld(n, views)
	var findings []model.Finding
	for _, c := range checks {
		for _, f := range c.find(w) {
			f.Check = c.Name
			findings = append(findings, f)
		}
	}
	return findings
}
