package mesh

import (
	"maps"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/istio/scopes"
	"github.com/meshtls/meshtls/internal/model"
)

// Destinations returns what clients can call, by host.
func (v *network) Destinations() destinations.Index {
	v.note(model.KindService, model.KindServiceEntry, model.KindConfigMap)
	return v.index.destinations()
}

// DeclaredBy returns the destination that the Service declares.
func (v *network) DeclaredBy(s *model.Service) *destinations.Destination {
	v.note(model.KindService)
	return v.index.destinations().DeclaredBy(s)
}

// backends are the pods and machines behind a destination, what these are as workloads, the names that clients take them to have, and where
// each declared port leads to.
type backends struct {
	all       []destinations.Backend
	workloads []*model.Workload
	names     []string
	endpoints [][]destinations.Endpoint
}

// Behind returns the pods and machines behind the destination, as its clients take them.
func (v *network) Behind(d *destinations.Destination) []*model.Workload {
	return v.backends(d).workloads
}

// Endpoints returns where a port of the destination leads to.
func (v *network) Endpoints(d *destinations.Destination, port destinations.Port) []destinations.Endpoint {
	behind := v.backends(d)
	if at := slices.Index(d.Declared, port); at >= 0 {
		return behind.endpoints[at]
	}
	return port.Endpoints(behind.all)
}

// CallOf returns the call of a port of the destination, as the model of Istio is asked about it.
func (v *network) CallOf(d *destinations.Destination, port destinations.Port) istio.Destination {
	behind := v.backends(d)
	return d.Called(port, behind.workloads, behind.names)
}

// MachinesAt returns the ports of the machines with the labels that a Service's port leads to, ascending.
func (v *network) MachinesAt(s *model.Service, port model.ServicePort, labels map[string]string) []int32 {
	var numbers []int32
	for _, e := range destinations.PortOf(&port).Endpoints(v.machines(destinations.OfService(v.Domain(), s))) {
		if pods.Matches(labels, e.Labels) {
			numbers = append(numbers, e.Port)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// EndpointsKnown reports whether it is known where the destination leads, be it to nothing: it selects pods, or lists addresses. Outside
// the mesh, or where DNS finds the servers, they are known if all of what is listed or selected is in the cluster.
func (v *network) EndpointsKnown(d *destinations.Destination) bool {
	if d.Service != nil {
		return !d.External && (len(d.Selector()) > 0 || len(v.slicesOf(d)) > 0)
	}
	listed := d.Entry.Spec.GetEndpoints()
	inCluster := len(listed) > 0 && !slices.ContainsFunc(listed, func(e *networkingapi.WorkloadEntry) bool {
		return len(v.inCluster(d, e)) == 0
	})
	switch {
	case d.External:
		return inCluster || v.selectsPodsAlone(d)
	case len(d.Selector()) > 0:
		return true
	default:
		return inCluster || len(listed) > 0 && d.Entry.Spec.GetResolution() == networkingapi.ServiceEntry_STATIC
	}
}

// selectsPodsAlone reports whether the destination selects pods, and no WorkloadEntry.
func (v *network) selectsPodsAlone(d *destinations.Destination) bool {
	v.note(model.KindPod)
	return len(d.Backends(v.index.podsIn())) > 0 && len(v.selectedMachines(d)) == 0
}

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

// backends are found once for all views of a mesh; anew for a reader whose reads are recorded, so that they are noted.
func (v *network) backends(d *destinations.Destination) *backends {
	if v.reads != nil {
		return v.findBackends(d)
	}
	return v.index.backends(d)
}

func (v *network) findBackends(d *destinations.Destination) *backends {
	v.note(model.KindPod)
	pods, machines := d.Backends(v.index.podsIn()), v.machines(d)
	all := make([]destinations.Backend, 0, len(pods)+len(machines))
	for _, w := range pods {
		all = append(all, destinations.Backend{Workload: w, Account: istio.AccountOf(w)})
	}
	all = append(all, machines...)
	behind := &backends{
		all: all, workloads: make([]*model.Workload, len(all)), names: d.Names(v.Mesh().TrustDomain, all),
		endpoints: make([][]destinations.Endpoint, len(d.Declared)),
	}
	for i, b := range all {
		behind.workloads[i] = b.Workload
	}
	for i, port := range d.Declared {
		behind.endpoints[i] = port.Endpoints(all)
	}
	return behind
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

// slicesOf returns the EndpointSlices of a Service without a selector.
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

// slicePort returns the port of the addresses that a Service's port leads to: the one of its name, or the only one where the Service has no
// names.
func slicePort(slice model.EndpointSlice, port *model.ServicePort) (int32, bool) {
	for _, p := range slice.Ports {
		if p.Name == port.Name {
			return p.Number, true
		}
	}
	return 0, false
}

// Discovers reports whether the control plane looks into the namespace.
func (v *contents) Discovers(namespace string) bool {
	return scopes.Sees(v.Mesh(), v.Namespace(namespace).Labels)
}

// podAt finds the workload with a pod at the address.
func (v *network) podAt(address string) (*model.Workload, bool) {
	v.note(model.KindPod)
	w, found := v.index.byAddress()[address]
	return w, found
}
