package policy

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "accept-port-not-declared",
		Severity: []lint.Severity{lint.Warning},
		Finds: "a `port` that no container declares and no Service leads to. It is rendered: a process may listen there all the " +
			"same.",
		Why: "Most often the number is a Service's, which a PeerAuthentication does not know.",
		Fix: "Use `servicePort`, or check the number.",
	}, acceptPortNotDeclared)
}

// acceptPortNotDeclared tells of a port that no container of the target declares and no Service leads to: the mode holds there all
// the same, but most often the port is a Service's, which a PeerAuthentication does not know.
// Source: istio pilot/pkg/security/authn/policy_applier.go (port modes also build pass-through filter chains).
func acceptPortNotDeclared(w world) []model.Finding {
	var findings []model.Finding
	for _, s := range w.subjects {
		if s.policy.Spec.Accept == nil || s.policy.Spec.Workload == nil {
			continue
		}
		selected := w.targetPods(s)
		for i, port := range s.policy.Spec.Accept.Ports {
			if port.Port == nil || len(selected) == 0 || ledTo(s.outcome.AcceptPorts, *port.Port) {
				continue
			}
			if slices.ContainsFunc(selected, func(w *model.Workload) bool { return mesh.DeclaresPort(w, *port.Port) }) {
				continue
			}
			f := s.about(lint.Warning, fmt.Sprintf("spec.accept.ports[%d].port", i))
			f.Message = fmt.Sprintf("No container of the target declares port %d and no Service leads to it.", *port.Port)
			f.Remedy = "Check that it is the workload's own port; a Service's port is named by servicePort."
			findings = append(findings, f)
		}
	}
	return findings
}

func ledTo(ports []meshtlsv1alpha1.AcceptPortStatus, port int32) bool {
	return slices.ContainsFunc(ports, func(p meshtlsv1alpha1.AcceptPortStatus) bool { return p.Port == port && len(p.ServicePorts) > 0 })
}
