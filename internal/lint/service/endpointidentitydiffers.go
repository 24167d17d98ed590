package service

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "workloadentry-identity-differs",
			Severity: []lint.Severity{lint.Error},
			Finds: "a WorkloadEntry with a service account whose address is that of a pod with another identity: of another namespace, or with " +
				"another service account.",
			Why: "Clients verify that the server is of the namespace of the WorkloadEntry and has its service account. The pod's certificate says " +
				"something else, and the handshake fails.",
			Fix: "Put the WorkloadEntry into the pod's namespace, with the pod's service account; or add a DestinationRule with `ISTIO_MUTUAL` " +
				"and the pod's identity in `subjectAltNames`.",
		},
		Find: endpointIdentityDiffers,
	})
}

// endpointIdentityDiffers finds WorkloadEntries that name another identity than the pod at their address has.
// Source: istio pilot/pkg/serviceregistry/serviceentry/conversion.go, convertWorkloadEntryToWorkloadInstance.
func endpointIdentityDiffers(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, entry := range v.WorkloadEntries() {
		if entry.Spec.GetServiceAccount() == "" {
			continue
		}
		at := slices.IndexFunc(v.Workloads(), func(w *model.Workload) bool { return w.HasAddress(entry.Spec.GetAddress()) })
		if at < 0 {
			continue
		}
		pod := v.Workloads()[at]
		identity := pod.Namespace + "/" + cmp.Or(pod.ServiceAccount, "default")
		if said := entry.Namespace + "/" + entry.Spec.GetServiceAccount(); said != identity && pod.Dataplane == model.DataplaneSidecar {
			f := lint.Finding(lint.Error, model.KindWorkloadEntry, entry, "spec.serviceAccount")
			f.Message = fmt.Sprintf("Clients expect a server with service account %s, and at the address is pod %s/%s with %s: the handshake fails.",
				said, pod.Namespace, pod.Example, identity)
			f.Remedy = fmt.Sprintf("Put the WorkloadEntry into namespace %s, with the pod's service account.", pod.Namespace)
			findings = append(findings, f)
		}
	}
	return findings
}
