package mesh

import (
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
