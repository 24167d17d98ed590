package service

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "serviceentry-endpoint-refuses-plaintext",
			Severity: []lint.Severity{lint.Error},
			Finds: "an endpoint of a ServiceEntry inside the mesh, listed in it or as a WorkloadEntry without a service account, whose address is " +
				"that of a pod that accepts mutual TLS only, where no DestinationRule has clients use it.",
			Why: "Clients go by what is written down of the endpoint, not by the pod: without a service account it counts as one that has no " +
				"proxy, so they send plaintext, and the pod refuses it.",
			Fix: "Name the pod's `serviceAccount` at the endpoint if it is of the same namespace, or add a DestinationRule with `ISTIO_MUTUAL` " +
				"and the pod's identity in `subjectAltNames`.",
		},
		Find: endpointRefusesPlaintext,
	})
}

// endpointRefusesPlaintext finds endpoints that clients take for outside the mesh and that are pods which insist on mutual TLS.
// Source: istio pilot/pkg/serviceregistry/serviceentry/conversion.go, getTLSModeFromWorkloadEntry.
func endpointRefusesPlaintext(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, d := range v.Destinations().All() {
		if d.Entry == nil || d.External {
			continue
		}
		for i, port := range d.Declared {
			if o, found := refusedByUnknownPod(v, d, port); found {
				f := model.Finding{Severity: lint.Error, Subject: d.Ref(), Field: fmt.Sprintf("spec.ports[%d]", i)}
				f.Message = fmt.Sprintf("Clients such as those of namespace %s send plaintext to pod %s/%s (port %d), since its endpoint here has no "+
					"service account and counts as one without a proxy. The pod accepts mutual TLS only (%s) and refuses them.",
					o.Call.Client.Namespace, o.Server.Namespace, o.Server.Example, o.Server.Port, o.Accepted.Origin)
				f.Remedy = "Name the pod's serviceAccount at the endpoint, or add a DestinationRule with mode ISTIO_MUTUAL for the host."
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// refusedByUnknownPod finds a call whose plaintext is refused by a pod that clients take for a server without a proxy.
func refusedByUnknownPod(v *mesh.View, d *destinations.Destination, port destinations.Port) (mesh.Outcome, bool) {
	for o := range v.RefusedPlaintext(d, port) {
		if d.ExportedTo(o.Call.Client.Namespace) && o.Server.Labels[model.LabelTLSMode] == "disabled" {
			return o, true
		}
	}
	return mesh.Outcome{}, false
}
