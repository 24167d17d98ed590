package service

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "endpoint-identity-differs",
			Severity: []lint.Severity{lint.Error},
			Finds: "a WorkloadEntry or ServiceEntry with the address of a pod and the identity of somebody else: a service account of another " +
				"namespace or name, or `subjectAltNames`.",
			Why: "Clients verify that the server is who it is declared to be. The pod's certificate says something else, and the handshake of " +
				"Istio's mutual TLS fails.",
			Fix: "Put the WorkloadEntry into the pod's namespace, with the pod's service account; or add a DestinationRule with `ISTIO_MUTUAL` " +
				"and the pod's identity in `subjectAltNames`.",
		},
		Find: endpointIdentityDiffers,
	})
}

// endpointIdentityDiffers calls the destinations that list the address of a pod. What a DestinationRule has clients expect is told of that.
// Source: istio pilot/pkg/serviceregistry/serviceentry/conversion.go, convertWorkloadEntryToWorkloadInstance.
func endpointIdentityDiffers(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, d := range v.Destinations().All() {
		told := map[model.ObjectRef]bool{}
		for _, w := range v.Machines(d) {
			if len(w.Pods) == 0 {
				continue
			}
			o, mistaken := mistakenFor(v, d, w)
			if !mistaken {
				continue
			}
			if f := identityFinding(v, d, o); !told[f.Subject] {
				told[f.Subject] = true
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// mistakenFor returns the first call of a sidecar that fails because the pod is not who the destination declares.
func mistakenFor(v *mesh.View, d *destinations.Destination, pod *model.Workload) (mesh.Outcome, bool) {
	for _, client := range append(mesh.CallersOf(v, d), &model.Workload{Dataplane: model.DataplaneSidecar}) {
		if client.Gateway || !d.ExportedTo(client.Namespace) {
			continue
		}
		for _, port := range d.Declared {
			for _, o := range v.Outcomes(mesh.DirectCall(client, d, port)) {
				if o.WrongName() && o.Server.Example == pod.Example && len(o.Sent.Settings.GetSubjectAltNames()) == 0 {
					return o, true
				}
			}
		}
	}
	return mesh.Outcome{}, false
}

// identityFinding tells of the object that declares the pod to be somebody else: the WorkloadEntry, or else the ServiceEntry.
func identityFinding(v *mesh.View, d *destinations.Destination, o mesh.Outcome) model.Finding {
	pod := o.Server
	said := fmt.Sprintf("Clients expect a server with the name %s, and at the address is pod %s/%s, whose certificate has the name %s: the "+
		"handshake fails.", istio.OneOf(o.Expected), pod.Namespace, pod.Example, o.Certified)
	for _, entry := range v.WorkloadEntries() {
		if entry.Namespace != d.Namespace || entry.Spec.GetServiceAccount() == "" || !pod.HasAddress(entry.Spec.GetAddress()) ||
			len(d.Selector()) == 0 || !pods.Matches(d.Selector(), entry.Spec.GetLabels()) {
			continue
		}
		f := lint.Finding(lint.Error, model.KindWorkloadEntry, entry, "spec.serviceAccount")
		f.Message, f.Related = said, d.Ref()
		f.Remedy = fmt.Sprintf("Put the WorkloadEntry into namespace %s, with the pod's service account.", pod.Namespace)
		return f
	}
	f := model.Finding{Severity: lint.Error, Subject: d.Ref(), Field: listedAs(d, pod), Message: said}
	f.Remedy = "Name the pod's service account in subjectAltNames, or list the pod by its labels in a Service."
	return f
}

// listedAs returns the field of the ServiceEntry that says who the pod is.
func listedAs(d *destinations.Destination, pod *destinations.Endpoint) string {
	for i, endpoint := range endpointsOf(d) {
		if endpoint.GetServiceAccount() != "" && pod.HasAddress(endpoint.GetAddress()) {
			return fmt.Sprintf("spec.endpoints[%d].serviceAccount", i)
		}
	}
	return "spec.subjectAltNames"
}

func endpointsOf(d *destinations.Destination) []*networkingapi.WorkloadEntry {
	if d.Entry == nil {
		return nil
	}
	return d.Entry.Spec.GetEndpoints()
}
