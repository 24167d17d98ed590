package policy

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-port-not-found",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonPortNotFound},
		Finds:    "an entry for a port that the destination does not have. It is rendered.",
		Why:      "Istio ignores it. Most often the number is the container's.",
		Fix:      "Use one of the ports that the message lists.",
	}, sendPortNotFound)
}

// sendPortNotFound tells of a port that the destination does not have: Istio ignores its settings.
// Source: istio pilot/pkg/networking/core/cluster_traffic_policy.go, selectTrafficPolicyComponents by port.
func sendPortNotFound(w world) []model.Finding {
	var findings []model.Finding
	for _, h := range w.sentHosts {
		for k, port := range h.send.Ports {
			if len(h.declared) == 0 || slices.ContainsFunc(h.declared, func(d model.Host) bool { return slices.Contains(d.Ports, port.Port) }) {
				continue
			}
			f := h.subject.about(lint.Error, fmt.Sprintf("%s (ports[%d])", h.field, k))
			f.Message = fmt.Sprintf("%s has no port %d.", h.host, port.Port)
			f.Remedy = fmt.Sprintf("Use a port of the destination's Service or ServiceEntry: %v.", h.declared[0].Ports)
			f.Condition, f.Reason = meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonPortNotFound
			findings = append(findings, f)
		}
	}
	return findings
}
