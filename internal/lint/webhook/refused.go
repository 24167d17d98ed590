package webhook

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "webhook-refused",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M05"},
			Finds: "a webhook that the API server calls at a Service whose pods accept mutual TLS only. The webhooks of " +
				"CustomResourceDefinitions for conversion are not looked at.",
			Why: "The API server has no certificate of the mesh. The call is refused, and what it is for fails or goes unchecked, " +
				"as its `failurePolicy` says.",
			Fix: "Let the port of the pods accept `PERMISSIVE`, or keep it from the proxy (`excludeInboundPorts`).",
		},
		Find: refused,
	})
}

// refused tells of a webhook behind a port that accepts mutual TLS only: the API server has no certificate of the mesh.
func refused(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, call := range mesh.RefusedWebhooks(v) {
		at := call.Strict.InOrder()[0]
		which := "Each call"
		if !call.All {
			which = "Each call that reaches " + lint.CountPods(call.Strict[at])
		}
		findings = append(findings, model.Finding{
			Severity: lint.Error,
			Subject:  model.ObjectRef{Kind: call.Kind, Name: call.Configuration},
			Field:    fmt.Sprintf("webhooks[%s].clientConfig.service", call.Name),
			Message: fmt.Sprintf("%s fails: behind port %d of Service %s, port %d of the pods accepts mutual TLS only (%s), and the API "+
				"server has no certificate of the mesh.", which, call.Port, call.Service, at.Port, at.Origin),
			Remedy: fmt.Sprintf("Let port %d of these pods accept PERMISSIVE.", at.Port),
		})
	}
	return findings
}
