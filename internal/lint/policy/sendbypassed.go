package policy

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-bypassed",
		Severity: []lint.Severity{lint.Error, lint.Warning},
		Reasons:  []string{meshtlsv1alpha1.ReasonNotCarried},
		Finds: "a host, or one below a wildcard, that the clients' sidecars do not know, because a Sidecar does not list it in its egress, " +
			"or that annotations of the clients' pods keep from the sidecar. An error where that is so for all pods of the target, a warning " +
			"where it is for some.",
		Why: "The connection leaves as the application made it, or is refused where the sidecar passes nothing on that it does not know.",
		Fix: "List the host in the Sidecar's egress, or take the annotation away.",
	}, sendBypassed)
}

// sendBypassed finds hosts whose connections the sidecars of the policy's pods do not treat as such.
// Source: istio pilot/pkg/model/sidecar.go, convertToSidecarScope.
func sendBypassed(w world) []model.Finding {
	var findings []model.Finding
	for _, h := range w.sentHosts {
		if h.send.Clients == meshtlsv1alpha1.ClientsAll || len(h.declared) == 0 {
			continue
		}
		var callers, bypassing []*model.Workload
		var why bypassed
		for _, pod := range w.targetPods(*h.subject) {
			if pod.Gateway || mesh.SendObstacle(pod) != "" {
				continue
			}
			callers = append(callers, pod)
			if bypass := w.bypass(h, pod); bypass.host != "" {
				bypassing, why = append(bypassing, pod), bypass
			}
		}
		if len(bypassing) > 0 {
			findings = append(findings, h.bypassedFinding(callers, bypassing, why))
		}
	}
	return findings
}

// bypassed is a host to which calls are not made as the policy says, and why; without a host there is none.
type bypassed struct {
	mesh.Bypass

	host string
}

// or returns the other one, where there is none yet.
func (b bypassed) or(other bypassed) bypassed {
	if b.host != "" {
		return b
	}
	return other
}

// bypass returns the first host to which the pod's sidecar does not apply the entry. One such port is enough. That a host below a wildcard
// is refused is no bypass: nothing is sent there, and others may be called. Plaintext that the sidecar passes on is no bypass of Disable.
func (w world) bypass(h sentHost, pod *model.Workload) bypassed {
	var leaking, refused bypassed
	all := true
	for _, host := range h.declared {
		for _, at := range w.mesh().CallableAt(host.Name, pod.Namespace) {
			if !asksFor(*h.send, at.Port.Number) {
				continue
			}
			bypass, bypasses := w.mesh().Bypasses(pod, at.Destination, at.Port.Number)
			switch {
			case !bypasses, !bypass.Refused && modeAt(*h.send, at.Port.Number) == meshtlsv1alpha1.SendDisable:
				all = false
			case bypass.Refused:
				refused = refused.or(bypassed{bypass, host.Name})
			default:
				leaking = leaking.or(bypassed{bypass, host.Name})
			}
		}
	}
	if leaking.host == "" && (all || !hosts.IsWildcard(h.host)) {
		return refused
	}
	return leaking
}

func modeAt(send meshtlsv1alpha1.Send, port int32) meshtlsv1alpha1.SendMode {
	at := slices.IndexFunc(send.Ports, func(own meshtlsv1alpha1.SendPort) bool { return own.Port == port })
	if at < 0 {
		return send.Mode
	}
	return send.Ports[at].Mode
}

func (h sentHost) bypassedFinding(callers, bypassing []*model.Workload, why bypassed) model.Finding {
	f := h.subject.about(lint.Warning, h.field)
	f.Related = why.Object
	f.Message = fmt.Sprintf("For %d of the %d pods that send it does not hold: %s", pods.Count(bypassing), pods.Count(callers), why.Why)
	if why.host != h.host {
		f.Message = fmt.Sprintf("To %s it does not hold for %d of the %d pods that send: %s", why.host, pods.Count(bypassing),
			pods.Count(callers), why.Why)
	}
	f.Remedy = "Take the annotation away, or name other pods."
	if why.Object != (model.ObjectRef{}) {
		f.Remedy = fmt.Sprintf("List %s in the egress of %s.", why.host, why.Object)
	}
	if why.host != h.host {
		f.Remedy += fmt.Sprintf(" Or name the hosts that are called, in place of %s.", h.host)
	}
	if len(bypassing) == len(callers) {
		f.Severity, f.Condition, f.Reason = lint.Error, meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonNotCarried
	}
	return f
}
