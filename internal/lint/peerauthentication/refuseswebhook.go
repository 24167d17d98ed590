package peerauthentication

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-refuses-webhook",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M05"},
			Finds: "a `STRICT` because of which the API server is refused when it calls a webhook. The webhook itself is told by " +
				"[`webhook-refused`](#webhook-refused).",
			Why: "The PeerAuthentication does what it says. But it may be a policy for the whole mesh, whose owner does not think " +
				"of webhooks.",
			Fix: "Let the port of the webhook accept `PERMISSIVE`, or keep it from the proxy (`excludeInboundPorts`).",
		},
		Ours:     true,
		InPolicy: "Let the port of these pods accept Permissive.",
		Find:     refusesWebhook,
	})
}

// refusesWebhook tells the object that makes a webhook's port strict.
func refusesWebhook(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, call := range mesh.RefusedWebhooks(v) {
		for _, at := range call.Strict.InOrder() {
			f := about(at)
			f.Message = fmt.Sprintf("The API server calls %s, for webhook %s of %s %s, and has no certificate of the mesh: port %d accepts "+
				"mutual TLS only and refuses the call.", lint.CountPods(call.Strict[at]), call.Name, call.Kind, call.Configuration, at.Port)
			f.Remedy = fmt.Sprintf("Let port %d of these pods accept PERMISSIVE.", at.Port)
			findings = append(findings, f)
		}
	}
	return findings
}
