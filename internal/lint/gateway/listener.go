package gateway

import (
	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "listener-certificate-not-granted",
			Severity: []lint.Severity{lint.Error},
			Finds: "a listener of a Kubernetes Gateway of class `istio` that names a certificate, or authorities, of another namespace, with no " +
				"ReferenceGrant there that lets it.",
			Why: "Istio opens no listener that has no certificate left, or no authorities. It tells so in the status of the Gateway alone.",
			Fix: "Create the ReferenceGrant in the namespace of the Secret. For authorities it has to allow every object of the kind: Istio " +
				"looks for one of the name with the ending `-cacert`.",
		},
		Find: func(v *mesh.View) []model.Finding { return listenerProblems(v, gatewayapi.NotGranted) },
	})
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "listener-left-out",
			Severity: []lint.Severity{lint.Error},
			Finds:    "a listener of a Kubernetes Gateway of class `istio` whose port, or hostname at the port, an earlier one of the Gateway has.",
			Why:      "Istio opens the first of the two alone. HTTP, HTTPS and TLS at one port need different hostnames.",
			Fix:      "Use another port or hostname.",
		},
		Find: func(v *mesh.View) []model.Finding { return listenerProblems(v, gatewayapi.Conflicted) },
	})
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "listener-unsupported",
			Severity: []lint.Severity{lint.Error},
			Finds: "a listener of a Kubernetes Gateway of class `istio` that asks for something that Istio leaves out: another protocol than " +
				"HTTP, HTTPS, TLS and TCP, HTTPS or TLS without `tls`, more than two certificates, a certificate that is no Secret, several " +
				"authorities.",
			Why: "The API admits it, and Istio opens no such listener. Of two certificates it takes the other.",
			Fix: "Ask for what Istio does, or use another class.",
		},
		Find: func(v *mesh.View) []model.Finding { return listenerProblems(v, gatewayapi.Unsupported) },
	})
}

// listenerProblems tells of what Istio leaves out of the listeners of Kubernetes Gateways for the reason.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, buildListener.
func listenerProblems(v *mesh.View, reason gatewayapi.Reason) []model.Finding {
	var findings []model.Finding
	for _, l := range v.KubernetesListeners() {
		for _, p := range l.Problems {
			if p.Reason == reason {
				findings = append(findings, model.Finding{
					Severity: lint.Error, Subject: l.Ref(), Field: p.Field, Message: p.Why, Remedy: p.Remedy, Absent: p.Absent,
				})
			}
		}
	}
	return findings
}
