package all

import (
	"slices"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/lint/credential"
	"github.com/meshtls/meshtls/internal/lint/destinationrule"
	"github.com/meshtls/meshtls/internal/lint/gateway"
	"github.com/meshtls/meshtls/internal/lint/peerauthentication"
	"github.com/meshtls/meshtls/internal/lint/policy"
	"github.com/meshtls/meshtls/internal/lint/revision"
	"github.com/meshtls/meshtls/internal/lint/service"
	"github.com/meshtls/meshtls/internal/lint/virtualservice"
	"github.com/meshtls/meshtls/internal/lint/webhook"
	"github.com/meshtls/meshtls/internal/lint/workload"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Kind is a kind of objects with the checks about it.
type Kind struct {
	Name   string
	Checks []lint.Check
}

// kinds, checks and ofOurs are listed once: they never change.
var (
	kinds = []Kind{
		{"peerauthentication", peerauthentication.Checks()},
		{"destinationrule", destinationrule.Checks()},
		{"service", service.Checks()},
		{"gateway", gateway.Checks()},
		{"virtualservice", virtualservice.Checks()},
		{"credential", credential.Checks()},
		{"workload", workload.Checks()},
		{"webhook", webhook.Checks()},
		{"revision", revision.Checks()},
	}
	checks = checksOf(kinds)
	ofOurs = slices.DeleteFunc(Checks(), func(c lint.Check) bool { return !c.Ours })
)

func checksOf(kinds []Kind) []lint.Check {
	var all []lint.Check
	for _, kind := range kinds {
		all = append(all, kind.Checks...)
	}
	return all
}

// Kinds returns the kinds of objects that there are checks about.
func Kinds() []Kind { return slices.Clone(kinds) }

// Checks returns the checks, by kind and then by name.
func Checks() []lint.Check { return slices.Clone(checks) }

// About describes every finding that there is: those about policies, then those about other objects.
func About() []lint.About {
	all := slices.Concat(policy.Decided(), policy.Checked())
	for _, c := range checks {
		all = append(all, c.About)
	}
	return all
}

// Named finds the description of a finding.
func Named(name string) (about lint.About, known bool) {
	for _, about := range About() {
		if about.Name == name {
			return about, true
		}
	}
	return lint.About{}, false
}

// Findings returns what the checks find in the mesh as each of its control planes sees it, each finding once, ordered by object and check.
func Findings(i model.Inventory) []model.Finding {
	var findings []model.Finding
	for _, name := range mesh.Revisions(i) {
		findings = append(findings, lint.Run(mesh.New(i, name), checks)...)
	}
	return lint.Ordered(findings)
}

// OfOurs returns what the checks find in the objects that the operator writes, as the view's control plane sees them.
func OfOurs(v *mesh.View) []model.Finding {
	return slices.DeleteFunc(lint.Run(v, ofOurs), func(f model.Finding) bool { return !lint.Ours(v, f.Subject) })
}
