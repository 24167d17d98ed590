package check

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

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
			if port.Port == nil || len(selected) == 0 || declares(selected, *port.Port) || ledTo(s.outcome.AcceptPorts, *port.Port) {
				continue
			}
			f := s.about(meshtlsv1alpha1.SeverityWarning, fmt.Sprintf("spec.accept.ports[%d].port", i))
			f.Message = fmt.Sprintf("No container of the target declares port %d and no Service leads to it.", *port.Port)
			f.Remedy = "Check that it is the workload's own port; a Service's port is named by servicePort."
			findings = append(findings, f)
		}
	}
	return findings
}

func declares(workloads []model.Workload, port int32) bool {
	return slices.ContainsFunc(workloads, func(w model.Workload) bool {
		return slices.ContainsFunc(w.Ports, func(p model.ContainerPort) bool { return p.Number == port })
	})
}

func ledTo(ports []meshtlsv1alpha1.AcceptPortStatus, port int32) bool {
	return slices.ContainsFunc(ports, func(p meshtlsv1alpha1.AcceptPortStatus) bool { return p.Port == port && len(p.ServicePorts) > 0 })
}
