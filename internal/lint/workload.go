package lint

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

var workloadChecks = []Check{
	{
		Name: "authorizationpolicy-bypassed-by-plaintext",
		Reads: []string{model.KindAuthorizationPolicy, model.KindPeerAuthentication, model.KindPod, model.KindService,
			model.KindNamespace},
		find: authorizationPolicyBypassedByPlaintext,
	},
	{
		Name: "authorizationpolicy-denies-plaintext",
		Reads: []string{model.KindAuthorizationPolicy, model.KindPeerAuthentication, model.KindPod, model.KindService,
			model.KindNamespace},
		find: authorizationPolicyDeniesPlaintext,
	},
	{
		Name:  "service-headless-partly-in-mesh",
		Reads: []string{model.KindService, model.KindPod, model.KindPeerAuthentication, model.KindDestinationRule, model.KindConfigMap},
		find:  serviceHeadlessPartlyInMesh,
	},
	{
		Name:  "service-port-uncaptured",
		Reads: []string{model.KindService, model.KindPod, model.KindPeerAuthentication, model.KindDestinationRule, model.KindConfigMap},
		find:  servicePortUncaptured,
	},
	{
		Name: "webhook-refused",
		Reads: []string{model.KindMutatingWebhook, model.KindValidatingWebhook, model.KindService, model.KindPod,
			model.KindPeerAuthentication},
		find: webhookRefused,
	},
}

// webhookRefused tells of a webhook behind a port that accepts mutual TLS only: the API server has no certificate of the mesh.
func webhookRefused(v *view) []model.Finding {
	var findings []model.Finding
	for _, call := range v.refusedWebhooks() {
		at := call.strict.inOrder()[0]
		which := "Each call"
		if !call.all {
			which = "Each call that reaches " + podWords(call.strict[at])
		}
		findings = append(findings, model.Finding{
			Severity: meshtlsv1alpha1.SeverityError,
			Subject:  model.ObjectRef{Kind: call.Kind, Name: call.Configuration},
			Field:    fmt.Sprintf("webhooks[%s].clientConfig.service", call.Name),
			Message: fmt.Sprintf("%s fails: behind port %d of Service %s, port %d of the pods accepts mutual TLS only (%s), and the API "+
				"server has no certificate of the mesh.", which, call.Port, call.Service, at.port, at.origin),
			Remedy: fmt.Sprintf("Let port %d of these pods accept PERMISSIVE.", at.port),
		})
	}
	return findings
}
