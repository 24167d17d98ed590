package peerauthentication

import (
	"fmt"
	"slices"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-port-not-declared",
			Severity: []lint.Severity{lint.Info},
			Classes:  []string{"M14"},
			Finds: "a port in `portLevelMtls` that no container of the selected pods declares and no Service leads to. It is silent " +
				"if one of the pods declares no ports at all.",
			Why: "The mode holds there, if a process listens. Most often none does.",
			Fix: "Correct the number, or declare the port.",
		},
		Find: portNotDeclared,
	})
}

// portNotDeclared tells of a mode for a port that no container declares and no Service leads to. The mode holds there
// all the same, if a process listens.
func portNotDeclared(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for idle := range idlePorts(v) {
		if idle.service != nil || slices.ContainsFunc(idle.pods, declaresNothing) {
			continue
		}
		f := lint.Finding(lint.Info, model.KindPeerAuthentication, idle.pa, fmt.Sprintf("spec.portLevelMtls[%d]", idle.port))
		f.Message = fmt.Sprintf("No container of %s declares port %d, and no Service leads to it.", lint.CountPods(idle.pods), idle.port)
		f.Remedy = "Check that the pods listen there, or remove the port."
		findings = append(findings, f)
	}
	return findings
}

func declaresNothing(w *model.Workload) bool { return len(w.Ports) == 0 }
