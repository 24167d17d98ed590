package translate

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// A mode is a number's, in all pods of the target. Whoever may start a pod with the target's labels, and nothing of Istio's, could name any
// of its ports as the Service does, and so have the port opened in all others. So a number by which a port would accept less than Strict
// counts when a pod that has it is ready, and stays while it is written and some pod has it: a pod that fails changes nothing.

// waitingNumbers returns the workload ports that the Service port leads to by name, in pods that are not ready alone, and that are not what
// is written already, ascending.
func waitingNumbers(m indexed, p *policyTarget, service *model.Service, asked meshtlsv1alpha1.AcceptPort) []int32 {
	port := findServicePort(service, *asked.ServicePort)
	if asked.Mode == meshtlsv1alpha1.AcceptStrict || port.TargetPort.Type == intstr.Int {
		return nil
	}
	counting := m.view(p).MachinesAt(service, *port, p.target.selector)
	var waiting []int32
	for _, pod := range m.pods(p) {
		number, declared := port.TargetOn(pod)
		switch {
		case !declared:
		case pod.Unready && !isWritten(m, p, number, asked.Mode):
			waiting = append(waiting, number)
		default:
			counting = append(counting, number)
		}
	}
	waiting = slices.DeleteFunc(waiting, func(number int32) bool { return slices.Contains(counting, number) })
	slices.Sort(waiting)
	return slices.Compact(waiting)
}

// isWritten reports whether our object for the target gives the port the mode.
func isWritten(m indexed, p *policyTarget, port int32, mode meshtlsv1alpha1.AcceptMode) bool {
	live := liveOf(m.Snapshot, model.AcceptRule{Revision: p.revision(), Selector: p.target.selector})
	if live == nil {
		return false
	}
	return istio.ModeOf(live.Spec.GetPortLevelMtls()[uint32(port)]) == mode //nolint:gosec // a port
}

// portWaits tells of numbers that wait. Where there is none besides them, the entry means nothing yet.
func portWaits(p *policyTarget, field string, wanted intstr.IntOrString, counting, waiting []int32) model.Finding {
	f := portProblem(p, field, "accept-port-waits")
	f.Message = fmt.Sprintf("Service port %s leads to port %s of pods that are not ready yet; until one is, the port accepts what the rest does.",
		wanted.String(), numberWords(waiting))
	f.Remedy = "Wait for the pods, or name the workload's own port by port."
	if len(counting) > 0 {
		f.Severity, f.Condition, f.Reason = meshtlsv1alpha1.SeverityWarning, "", ""
	}
	return f
}
