package mesh

import (
	"maps"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// Destinations are what clients can call, by host.
func (v *network) Destinations() destinations.Index {
	v.note(model.KindService, model.KindServiceEntry, model.KindConfigMap)
	return v.index.destinations()
}

// Behind returns the pods and machines behind the destination, as its clients take them.
func (v *network) Behind(d *destinations.Destination) []model.Workload {
	backends := v.backends(d)
	all := make([]model.Workload, 0, len(backends))
	for _, b := range backends {
		all = append(all, b.Workload)
	}
	return all
}

// Endpoints returns where a port of the destination leads to.
func (v *network) Endpoints(d *destinations.Destination, port destinations.Port) []destinations.Endpoint {
	return port.Endpoints(v.backends(d))
}

// CallOf returns the call of a port of the destination, as the model of Istio is asked about it.
func (v *network) CallOf(d *destinations.Destination, port destinations.Port) istio.Destination {
	return d.Called(port, v.Behind(d))
}

// EndpointsKnown reports whether it is known where the destination leads, be it to nothing: it selects pods, or lists addresses.
func (v *network) EndpointsKnown(d *destinations.Destination) bool {
	switch {
	case d.External:
		return false
	case len(d.Selector()) > 0:
		return true
	case d.Service != nil:
		return len(v.slicesOf(d)) > 0
	default:
		return len(d.Entry.Spec.GetEndpoints()) > 0 && d.Entry.Spec.GetResolution() == networkingapi.ServiceEntry_STATIC
	}
}

// Machines returns what is behind the destination and was not found by its selector, as workloads: what a ServiceEntry lists, the
// WorkloadEntries that it or a Service selects, and the addresses that a Service without a selector was given. A destination outside the
// mesh has none.
func (v *network) Machines(d *destinations.Destination) []model.Workload {
	var all []model.Workload
	for _, b := range v.machines(d) {
		all = append(all, b.Workload)
	}
	return all
}

func (v *network) backends(d *destinations.Destination) []destinations.Backend {
	v.note(model.KindPod)
	var all []destinations.Backend
	for _, w := range d.Backends(v.index.podsIn()) {
		all = append(all, destinations.Backend{Workload: w})
	}
	return append(all, v.machines(d)...)
}

func (v *network) machines(d *destinations.Destination) []destinations.Backend {
	if d.External {
		return nil
	}
	var all []destinations.Backend
	if d.Entry != nil {
		for _, endpoint := range d.Entry.Spec.GetEndpoints() {
			all = append(all, v.machine(d.Namespace, endpoint.GetAddress(), endpoint))
		}
	}
	if d.Service != nil && d.Service.Selector == nil {
		all = append(all, v.atAddresses(d)...)
	}
	if len(d.Selector()) == 0 {
		return all
	}
	for _, entry := range v.WorkloadEntries() {
		if entry.Namespace == d.Namespace && pods.Matches(d.Selector(), entry.Spec.GetLabels()) {
			all = append(all, v.machine(entry.Namespace, entry.Name, &entry.Spec))
		}
	}
	return all
}

// machine is an endpoint that an object lists. To its clients one with a service account is part of the mesh, unless a label says
// otherwise; but if the address is a pod's, it is the pod that answers.
// Source: istio pilot/pkg/serviceregistry/serviceentry/conversion.go, getTLSModeFromWorkloadEntry.
func (v *network) machine(namespace, name string, entry *networkingapi.WorkloadEntry) destinations.Backend {
	mode, labelled := entry.GetLabels()[model.LabelTLSMode]
	inMesh := mode == "istio" || !labelled && entry.GetServiceAccount() != ""
	ports := make(map[string]int32, len(entry.GetPorts()))
	for named, number := range entry.GetPorts() {
		ports[named] = int32(number) // #nosec G115 -- the CRD admits no number above 65535
	}
	if pod, found := v.podAt(entry.GetAddress()); found {
		return destinations.Backend{Workload: takenFor(pod, inMesh), Ports: ports}
	}
	w := model.Workload{
		Namespace: namespace, Example: name, Count: 1, Labels: entry.GetLabels(), ServiceAccount: entry.GetServiceAccount(),
		Dataplane: model.DataplaneNone,
	}
	if inMesh {
		w.Dataplane = model.DataplaneSidecar
	}
	return destinations.Backend{Workload: w, Ports: ports}
}

// takenFor is the pod as clients take it that know it by what somebody wrote down of its address, and not by its labels.
func takenFor(pod model.Workload, inMesh bool) model.Workload {
	labels := maps.Clone(pod.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[model.LabelTLSMode] = "disabled"
	if inMesh {
		labels[model.LabelTLSMode] = "istio"
	}
	pod.Labels = labels
	return pod
}

// atAddresses is what is behind a Service without a selector: at each address that somebody gave it the pod that has it, or a machine of
// which nothing is known.
// Source: istio pilot/pkg/serviceregistry/kube/controller/endpointslice.go, updateEndpointCacheForSlice.
func (v *network) atAddresses(d *destinations.Destination) []destinations.Backend {
	var all []destinations.Backend
	for _, slice := range v.slicesOf(d) {
		ports := make(map[string]int32, len(slice.Ports))
		for _, p := range d.Declared {
			if number, has := slicePort(slice, p.Service); has {
				ports[p.Name()] = number
			}
		}
		for _, address := range slice.Addresses {
			w, found := v.podAt(address)
			if !found {
				w = model.Workload{Namespace: d.Namespace, Example: address, Count: 1, Dataplane: model.DataplaneNone}
			}
			all = append(all, destinations.Backend{Workload: w, Ports: ports, Only: true})
		}
	}
	return all
}

// slicesOf are the EndpointSlices of a Service without a selector.
func (v *network) slicesOf(d *destinations.Destination) []model.EndpointSlice {
	v.note(model.KindEndpointSlice)
	var all []model.EndpointSlice
	for _, slice := range v.inventory.Endpoints {
		if slice.Namespace == d.Service.Namespace && slice.Service == d.Service.Name {
			all = append(all, slice)
		}
	}
	return all
}

// slicePort is the port of the addresses that a Service's port leads to: the one of its name, or the only one where the Service has no
// names.
func slicePort(slice model.EndpointSlice, port *model.ServicePort) (int32, bool) {
	for _, p := range slice.Ports {
		if p.Name == port.Name {
			return p.Number, true
		}
	}
	return 0, false
}

// podAt finds the pods of which one has the address.
func (v *network) podAt(address string) (model.Workload, bool) {
	v.note(model.KindPod)
	w, found := v.index.byAddress()[address]
	if !found {
		return model.Workload{}, false
	}
	return *w, true
}
