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
			Finds: "an endpoint of a ServiceEntry that is a pod which accepts mutual TLS only, where no DestinationRule has clients use it: an " +
				"address listed in the entry or a WorkloadEntry without a service account, or a pod that an entry outside the mesh selects.",
			Why: "Clients go by what is written down of the endpoint, not by the pod: without a service account, or outside the mesh, which " +
				"`location` is if the entry does not say otherwise, they send plaintext, and the pod refuses it.",
			Fix: "Set `location: MESH_INTERNAL`, and name the pod's `serviceAccount` at a listed endpoint if it is of the same namespace; or add " +
				"a DestinationRule with `ISTIO_MUTUAL` and the pod's identity in `subjectAltNames`.",
		},
		Find: endpointRefusesPlaintext,
	})
}

// endpointRefusesPlaintext finds endpoints that clients take for outside the mesh and that are pods which insist on mutual TLS.
// Source: istio pilot/pkg/serviceregistry/serviceentry/conversion.go, getTLSModeFromWorkloadEntry.
func endpointRefusesPlaintext(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, d := range v.Destinations().All() {
		if d.Entry == nil {
			continue
		}
		for i, port := range d.Declared {
			if o, found := refusedByUnknownPod(v, d, port); found {
				findings = append(findings, unknownPodFinding(d, i, o))
			}
		}
	}
	return findings
}

func unknownPodFinding(d *destinations.Destination, port int, o mesh.Outcome) model.Finding {
	why := "its endpoint here has no service account and counts as one without a proxy"
	remedy := "Name the pod's serviceAccount at the endpoint"
	if d.External {
		why, remedy = "the host is outside the mesh for them", "Set location: MESH_INTERNAL"
	}
	return model.Finding{
		Severity: lint.Error, Subject: d.Ref(), Field: fmt.Sprintf("spec.ports[%d]", port),
		Message: fmt.Sprintf("Clients such as those of namespace %s send plaintext to pod %s/%s (port %d), since %s. The pod accepts mutual "+
			"TLS only (%s) and refuses them.",
			o.Call.Client.Namespace, o.Server.Namespace, o.Server.Example, o.Server.Port, why, o.Accepted.Origin),
		Remedy: remedy + ", or add a DestinationRule with mode ISTIO_MUTUAL for the host.",
	}
}

// refusedByUnknownPod finds a call whose plaintext is refused by a pod that clients take for a server without a proxy.
func refusedByUnknownPod(v *mesh.View, d *destinations.Destination, port destinations.Port) (mesh.Outcome, bool) {
	for o := range v.RefusedPlaintext(d, port) {
		unknown := d.External || o.Server.Labels[model.LabelTLSMode] == "disabled"
		if unknown && d.ExportedTo(o.Call.Client.Namespace) {
			return o, true
		}
	}
	return mesh.Outcome{}, false
}
