package mesh

import (
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// LabelTLSMode, on a pod or a WorkloadEntry, says whether the endpoint takes the mesh's mutual TLS.
const LabelTLSMode = "security.istio.io/tlsMode"

// Destinations are what clients can call, by host.
func (v *View) Destinations() destinations.Index {
	v.note(model.KindService, model.KindServiceEntry, model.KindConfigMap)
	return v.index.destinations()
}

// Behind returns the pods and machines behind the destination.
func (v *View) Behind(d *destinations.Destination) []model.Workload {
	v.note(model.KindPod)
	return slices.Concat(d.Backends(v.index.podsIn()), v.Machines(d))
}

// Endpoints returns where a port of the destination leads to.
func (v *View) Endpoints(d *destinations.Destination, port destinations.Port) []destinations.Endpoint {
	return port.Endpoints(v.Behind(d))
}

// CallOf returns the call of a port of the destination, as the model of Istio is asked about it.
func (v *View) CallOf(d *destinations.Destination, port destinations.Port) istio.Destination {
	return d.Called(port, v.Behind(d))
}

// Machines returns the endpoints of the destination that are no pods, as workloads: those that a ServiceEntry lists, and the
// WorkloadEntries that it or a Service selects. A destination outside the mesh has none.
func (v *View) Machines(d *destinations.Destination) []model.Workload {
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
	for _, entry := range v.WorkloadEntries() {
		if entry.Namespace == d.Namespace && pods.Matches(d.Selector(), entry.Spec.GetLabels()) {
			all = append(all, machine(entry.Namespace, entry.Name, &entry.Spec))
		}
	}
	return all
}

// machine is an endpoint as a workload: one with a service account counts as part of the mesh, unless a label says otherwise.
// Source: istio pilot/pkg/serviceregistry/serviceentry/conversion.go, getTLSModeFromWorkloadEntry.
func machine(namespace, name string, entry *networkingapi.WorkloadEntry) model.Workload {
	mode, labelled := entry.GetLabels()[LabelTLSMode]
	w := model.Workload{Namespace: namespace, Example: name, Count: 1, Labels: entry.GetLabels(), Dataplane: model.DataplaneNone}
	if mode == "istio" || !labelled && entry.GetServiceAccount() != "" {
		w.Dataplane = model.DataplaneSidecar
	}
	return w
}
