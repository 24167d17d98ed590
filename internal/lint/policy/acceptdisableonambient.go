package policy

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "accept-disable-on-ambient",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonUnsupported, meshtlsv1alpha1.ReasonInert},
		Finds: "`Disable` for pods in ambient mode. If all of the target's pods are, the entry is not rendered (`Unsupported`); " +
			"if some are, it has no effect on these (`Inert`).",
		Why: "ztunnel knows no such mode. Below a stricter namespace it does not even take it for an exception.",
		Fix: "Use `Permissive`: ztunnel then accepts plaintext as well as mutual TLS.",
	}, acceptDisableOnAmbient)
}

// acceptDisableOnAmbient tells of ports of ambient pods that are to accept plaintext only: ztunnel knows no such mode, and under a
// STRICT parent it does not even take it for an exception.
// Source: istio pilot/pkg/serviceregistry/ambient/authorization.go, convertPeerAuthentication.
func acceptDisableOnAmbient(w world) []model.Finding {
	var findings []model.Finding
	for _, s := range w.subjects {
		if s.policy.Spec.Accept == nil || s.policy.Spec.Workload == nil || len(s.outcome.Selector) == 0 {
			continue
		}
		for i, port := range s.policy.Spec.Accept.Ports {
			if port.Mode == meshtlsv1alpha1.AcceptDisable {
				findings = append(findings, w.disabledOnAmbient(s, fmt.Sprintf("spec.accept.ports[%d]", i))...)
			}
		}
		if s.policy.Spec.Accept.Mode == meshtlsv1alpha1.AcceptDisable {
			findings = append(findings, w.disabledOnAmbient(s, "spec.accept.mode")...)
		}
	}
	return findings
}

// disabledOnAmbient returns the finding about an entry that says Disable, if some of the target's pods are ambient. If all are, the entry
// does not even stand: translate says so.
func (w world) disabledOnAmbient(s subject, field string) []model.Finding {
	selected, ambient := w.targetPods(s), 0
	for _, workload := range selected {
		if workload.Dataplane == model.DataplaneAmbient {
			ambient += workload.Count
		}
	}
	if ambient == 0 || ambient == pods.Count(selected) {
		return nil
	}
	f := s.about(lint.Error, field)
	f.Message = fmt.Sprintf("%d of the %d pods are in ambient mode, where ztunnel does not know Disable.", ambient, pods.Count(selected))
	f.Remedy = "Use Permissive: ztunnel then accepts plaintext as well as mutual TLS."
	f.Condition, f.Reason = meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonInert
	return []model.Finding{f}
}
