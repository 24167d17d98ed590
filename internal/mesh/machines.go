package mesh

import (
	"maps"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// Machines returns what is behind the destination and was not found by its selector, as workloads: what a ServiceEntry lists, the
// WorkloadEntries that it or a Service selects, and the addresses that a Service without a selector was given. Of a destination outside
// the mesh only what is in the cluster counts.
func (v *network) Machines(d *destinations.Destination) []*model.Workload {
	var all []*model.Workload
	for _, b := range v.machines(d) {
		all = append(all, b.Workload)
	}
	return all
}

func (v *network) machines(d *destinations.Destination) []destinations.Backend {
	var all []destinations.Backend
	if d.Entry != nil {
		all = v.listed(d)
	}
	if d.External {
		return all
	}
	if d.Service != nil && d.Service.Selector == nil {
		all = append(all, v.atAddresses(d)...)
	}
	return append(all, v.selectedMachines(d)...)
}

// selectedMachines returns what the WorkloadEntries that the destination selects are for.
func (v *network) selectedMachines(d *destinations.Destination) []destinations.Backend {
	if len(d.Selector()) == 0 {
		return nil
	}
	var all []destinations.Backend
	for _, entry := range v.WorkloadEntries() {
		if entry.Namespace == d.Namespace && pods.Matches(d.Selector(), entry.Spec.GetLabels()) {
			all = append(all, v.machine(entry.Namespace, entry.Name, &entry.Spec))
		}
	}
	return all
}

// listed returns the endpoints that the ServiceEntry lists.
func (v *network) listed(d *destinations.Destination) []destinations.Backend {
	var all []destinations.Backend
	for _, endpoint := range d.Entry.Spec.GetEndpoints() {
		found := v.inCluster(d, endpoint)
		if len(found) == 0 && !d.External {
			found = append(found, v.machine(d.Namespace, endpoint.GetAddress(), endpoint))
		}
		all = append(all, found...)
	}
	return all
}

// inCluster returns the pods that a listed endpoint leads to: the one with its address, or those behind the Service whose name or address
// it is, which leads its own ports on.
func (v *network) inCluster(d *destinations.Destination, endpoint *networkingapi.WorkloadEntry) []destinations.Backend {
	if _, found := v.podAt(endpoint.GetAddress()); found {
		return []destinations.Backend{v.machine(d.Namespace, endpoint.GetAddress(), endpoint)}
	}
	service, found := v.serviceAt(endpoint.GetAddress())
	if !found {
		return nil
	}
	asListed := v.machine(d.Namespace, endpoint.GetAddress(), endpoint)
	inMesh := asListed.Dataplane == model.DataplaneSidecar
	var all []destinations.Backend
	for _, pod := range v.Selected(service.Namespace, service.Selector) {
		ports := map[string]int32{}
		for _, p := range d.Declared {
			if number, leads := leadsOn(service, p, asListed, pod); leads {
				ports[p.Name()] = number
			}
		}
		all = append(all, destinations.Backend{Workload: takenFor(pod, inMesh), Ports: ports, Only: true, Account: asListed.Account})
	}
	return all
}

// leadsOn returns the pod's port that is reached by way of the Service, called at the port that the endpoint has for the destination's.
func leadsOn(s *model.Service, p destinations.Port, endpoint destinations.Backend, pod *model.Workload) (int32, bool) {
	for _, at := range p.Endpoints([]destinations.Backend{endpoint}) {
		for i := range s.Ports {
			if s.Ports[i].Port == at.Port {
				return s.Ports[i].TargetOn(pod)
			}
		}
	}
	return 0, false
}

// serviceAt finds the Service with a selector whose name, in full, or whose own address it is.
func (v *network) serviceAt(address string) (*model.Service, bool) {
	v.note(model.KindService)
	s, found := v.index.byServiceAddress()[address]
	return s, found
}

// machine returns an endpoint that an object lists. To its clients one with a service account is part of the mesh, unless a label says
// otherwise; but if the address is a pod's, it is the pod that answers.
// Source: istio pilot/pkg/serviceregistry/serviceentry/conversion.go, getTLSModeFromWorkloadEntry.
func (v *network) machine(namespace, name string, entry *networkingapi.WorkloadEntry) destinations.Backend {
	mode, labelled := entry.GetLabels()[model.LabelTLSMode]
	inMesh := mode == "istio" || !labelled && entry.GetServiceAccount() != ""
	ports := make(map[string]int32, len(entry.GetPorts()))
	for named, number := range entry.GetPorts() {
		ports[named] = int32(number) // #nosec G115 -- the CRD admits no number above 65535
	}
	account := ""
	if entry.GetServiceAccount() != "" {
		account = istio.Account(namespace, entry.GetServiceAccount())
	}
	if pod, found := v.podAt(entry.GetAddress()); found {
		return destinations.Backend{Workload: takenFor(pod, inMesh), Ports: ports, Account: account}
	}
	w := &model.Workload{
		Namespace: namespace, Example: name, Count: 1, Labels: entry.GetLabels(), ServiceAccount: entry.GetServiceAccount(),
		Dataplane: model.DataplaneNone,
	}
	if inMesh {
		w.Dataplane = model.DataplaneSidecar
	}
	return destinations.Backend{Workload: w, Ports: ports, Account: account}
}

// takenFor returns the pod as clients take it that know it by what somebody wrote down of its address, and not by its labels.
func takenFor(pod *model.Workload, inMesh bool) *model.Workload {
	taken := *pod
	taken.Labels = maps.Clone(pod.Labels)
	if taken.Labels == nil {
		taken.Labels = map[string]string{}
	}
	taken.Labels[model.LabelTLSMode] = "disabled"
	if inMesh {
		taken.Labels[model.LabelTLSMode] = "istio"
	}
	return &taken
}

// atAddresses returns what is behind a Service without a selector: at each address that somebody gave it the pod that has it, or a machine
// of which nothing is known.
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
			account := ""
			switch {
			case !found:
				w = &model.Workload{Namespace: d.Namespace, Example: address, Count: 1, Dataplane: model.DataplaneNone}
			case !v.Discovers(w.Namespace):
				w = takenFor(w, false)
			default:
				account = istio.AccountOf(w)
			}
			all = append(all, destinations.Backend{Workload: w, Ports: ports, Only: true, Account: account})
		}
	}
	return all
}
