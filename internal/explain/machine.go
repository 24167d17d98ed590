package explain

import (
	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// labelTLSMode says whether an endpoint takes the mesh's mutual TLS.
const labelTLSMode = "security.istio.io/tlsMode"

// machines are the endpoints of the destination that are no pods, as if they were: those that a ServiceEntry lists, and the
// WorkloadEntries that it or a Service selects. What is outside the mesh has none.
func (v *view) machines(d *destinations.Destination) []model.Workload {
	if d.External {
		return nil
	}
	var all []model.Workload
	if d.Entry != nil {
		for _, endpoint := range d.Entry.Spec.GetEndpoints() {
			all = append(all, machine(d.Namespace, endpoint.GetAddress(), endpoint))
		}
	}
	if len(d.Selector()) == 0 {
		return all
	}
	for _, entry := range v.mesh.WorkloadEntries {
		if entry.Namespace == d.Namespace && pods.Matches(d.Selector(), entry.Spec.GetLabels()) {
			all = append(all, machine(entry.Namespace, entry.Name, &entry.Spec))
		}
	}
	return all
}

// machine is an endpoint as a workload: one with a service account counts as part of the mesh, unless a label says otherwise.
// Source: istio pilot/pkg/serviceregistry/serviceentry/conversion.go, getTLSModeFromWorkloadEntry.
func machine(namespace, name string, entry *networkingapi.WorkloadEntry) model.Workload {
	mode, labelled := entry.GetLabels()[labelTLSMode]
	w := model.Workload{Namespace: namespace, Example: name, Count: 1, Labels: entry.GetLabels(), Dataplane: model.DataplaneNone}
	if mode == "istio" || !labelled && entry.GetServiceAccount() != "" {
		w.Dataplane = model.DataplaneSidecar
	}
	return w
}
