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
		Name:     "send-host-without-ports",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonPortNotFound},
		Finds: "a host whose Service or ServiceEntry declares no port for TCP, such as the governing Service of a " +
			"StatefulSet. It is rendered.",
		Why: "Istio makes a cluster for each port. Without any, calls pass through the proxy as they are, and nothing carries the TLS.",
		Fix: "Declare the port at the Service.",
	}, sendHostWithoutPorts)
}

// sendHostWithoutPorts finds hosts that Istio makes no cluster for, since they have no ports.
// Source: istio pilot/pkg/networking/core/cluster.go, buildOutboundClusters: for each port of a service.
func sendHostWithoutPorts(w world) []model.Finding {
	var findings []model.Finding
	for _, h := range w.sentHosts {
		if len(h.declared) == 0 || slices.ContainsFunc(h.declared, func(d model.Host) bool { return len(d.Ports) > 0 }) {
			continue
		}
		f := h.subject.about(lint.Error, h.field)
		f.Message = fmt.Sprintf("%s declares no port, so Istio knows of nothing there to send TLS to: calls pass through "+
			"the proxy as they are.", h.host)
		f.Remedy = "Declare the port at its Service or ServiceEntry."
		f.Condition, f.Reason = meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonPortNotFound
		findings = append(findings, f)
	}
	return findings
}
