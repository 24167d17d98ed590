package destinations

import (
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// Destination is a host that clients can call, as one object declares it.
type Destination struct {
	model.Host
	// Service is the Service that declares the host; nil: Entry does.
	Service *model.Service
	// Entry is the ServiceEntry that declares the host; nil: Service does.
	Entry *istionetworkingv1.ServiceEntry
	// Declared are what the object says of the ports, in its order.
	Declared []Port
	// exportTo are the namespaces whose clients see it; empty: all.
	exportTo []string
}

// Port is a port of a destination.
type Port struct {
	Number int32
	// Protocol is in Istio's words; empty: Istio finds out by looking.
	Protocol string
	// Service is the Service's port, with its target; nil for a ServiceEntry's.
	Service *model.ServicePort
	// Entry is the ServiceEntry's port; nil for a Service's.
	Entry *networkingapi.ServicePort
}

// OfService returns what the Service declares, in a cluster of the domain.
func OfService(domain hosts.Domain, s *model.Service) *Destination {
	d := &Destination{
		Host:    model.Host{Name: domain.OfService(s.Namespace, s.Name), Namespace: s.Namespace, External: s.External},
		Service: s, exportTo: s.ExportTo,
	}
	for i := range s.Ports {
		d.add(PortOf(&s.Ports[i]))
	}
	return d
}

// PortOf returns a Service's port.
func PortOf(p *model.ServicePort) Port {
	return Port{Number: p.Port, Protocol: p.Protocol, Service: p}
}

// OfEntry returns what the ServiceEntry declares of one of its hosts.
func OfEntry(entry *istionetworkingv1.ServiceEntry, host string) *Destination {
	d := &Destination{
		Host: model.Host{
			Name: host, Namespace: entry.Namespace,
			External: entry.Spec.GetLocation() == networkingapi.ServiceEntry_MESH_EXTERNAL,
		},
		Entry: entry, exportTo: entry.Spec.GetExportTo(),
	}
	for _, p := range entry.Spec.GetPorts() {
		d.add(Port{Number: int32(p.GetNumber()), Protocol: p.GetProtocol(), Entry: p}) // #nosec G115 -- below 65536
	}
	return d
}

func (d *Destination) add(p Port) {
	d.Declared = append(d.Declared, p)
	d.Ports = append(d.Ports, p.Number)
}

// Ref names the object that declares the destination.
func (d *Destination) Ref() model.ObjectRef {
	if d.Service != nil {
		return model.ObjectRef{Kind: model.KindService, Namespace: d.Service.Namespace, Name: d.Service.Name}
	}
	return model.ObjectRef{Kind: model.KindServiceEntry, Namespace: d.Entry.Namespace, Name: d.Entry.Name}
}

// String returns how messages name the destination.
func (d *Destination) String() string {
	if d.Service == nil {
		return d.Name
	}
	return d.Ref().String()
}

// Port finds a port by number.
func (d *Destination) Port(number int32) (Port, bool) {
	for _, p := range d.Declared {
		if p.Number == number {
			return p, true
		}
	}
	return Port{}, false
}

// OnlyPort returns the port of a destination that has just one.
func (d *Destination) OnlyPort() (Port, bool) {
	if len(d.Declared) != 1 {
		return Port{}, false
	}
	return d.Declared[0], true
}

// Selector returns what the pods behind the destination are selected by; empty: none are.
func (d *Destination) Selector() map[string]string {
	if d.Service != nil {
		return d.Service.Selector
	}
	return d.Entry.Spec.GetWorkloadSelector().GetLabels()
}

// Selects reports whether the pods are behind the destination.
func (d *Destination) Selects(w *model.Workload) bool {
	return len(d.Selector()) > 0 && w.Namespace == d.Namespace && pods.Matches(d.Selector(), w.Labels)
}

// Backends returns the pods behind the destination.
func (d *Destination) Backends(in pods.Namespaces) []*model.Workload {
	if len(d.Selector()) == 0 {
		return nil
	}
	return in.Selected(d.Namespace, d.Selector())
}

// Target returns the pods' port that the destination's port leads to.
func (p Port) Target(w *model.Workload) (int32, bool) {
	if p.Service != nil {
		return p.Service.TargetOn(w)
	}
	if target := p.Entry.GetTargetPort(); target != 0 {
		return int32(target), true // #nosec G115 -- below 65536
	}
	return p.Number, true
}

// Endpoint is a port of a pod or machine that a destination's port leads to.
type Endpoint struct {
	*model.Workload
	Port int32
}

// Backend is what is behind a destination: pods, or a machine with ports of its own.
type Backend struct {
	*model.Workload
	// Ports are the machine's, by the names that destinations have for them; nil: the destination says which.
	Ports map[string]int32
	// Only says that the ports are all that it has.
	Only bool
	// Account is the service account that its clients take it to run as, as namespace/name; empty: none is declared.
	Account string
}

// Endpoints are where the port leads to among what is behind its destination.
func (p Port) Endpoints(behind []Backend) []Endpoint {
	all := make([]Endpoint, 0, len(behind))
	for _, b := range behind {
		if number, known := p.on(b); known {
			all = append(all, Endpoint{Workload: b.Workload, Port: number})
		}
	}
	return all
}

// on returns the port of what is behind the destination that its port leads to. A machine's port of the name goes before what the
// destination says; a Service that names its target leads to no other.
// Source: istio pilot/pkg/serviceregistry/kube/controller/controller.go, serviceInstanceFromWorkloadInstance;
// pilot/pkg/serviceregistry/serviceentry/conversion.go, convertWorkloadInstanceToServiceInstance.
func (p Port) on(b Backend) (int32, bool) {
	if b.Ports == nil && !b.Only {
		return p.Target(b.Workload)
	}
	if number, has := b.Ports[p.Name()]; has {
		return number, true
	}
	if b.Only {
		return 0, false
	}
	if p.Service != nil && p.Service.TargetPort.StrVal != "" {
		return 0, false
	}
	return p.Target(b.Workload)
}

// Name returns the name by which a machine knows the port.
func (p Port) Name() string {
	switch {
	case p.Service == nil:
		return p.Entry.GetName()
	case p.Service.TargetPort.StrVal != "":
		return p.Service.TargetPort.StrVal
	default:
		return p.Service.Name
	}
}

// Unlisted reports whether proxies have no list of the destination's endpoints: they connect to the address that the client looked up.
func (d *Destination) Unlisted() bool {
	if d.Service != nil {
		return d.Service.Headless
	}
	return d.Entry.Spec.GetResolution() == networkingapi.ServiceEntry_NONE
}

// Called returns the call of a port of the destination, which has these pods behind it, and what names their clients expect.
func (d *Destination) Called(port Port, behind []*model.Workload, names []string) istio.Destination {
	return istio.Destination{
		Host: d.Host, Port: port.Number, Protocol: port.Protocol, Headless: d.Unlisted(), Endpoints: behind,
		Identified: d.identified(), Names: names,
	}
}

// Names returns the names that a client of the mesh's mutual TLS takes the servers to have: what the ServiceEntry lists, and the
// identities of the service accounts that the endpoints are declared with.
// Source: istio pilot/pkg/model/push_context.go, addServiceAccounts.
func (d *Destination) Names(trustDomain string, behind []Backend) []string {
	var names []string
	if d.Entry != nil {
		names = slices.Clone(d.Entry.Spec.GetSubjectAltNames())
	}
	for _, b := range behind {
		if b.Account != "" {
			names = append(names, istio.IdentityOf(trustDomain, b.Account))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// identified reports whether a ServiceEntry names its servers by identities of a mesh.
func (d *Destination) identified() bool {
	return d.Entry != nil && slices.ContainsFunc(d.Entry.Spec.GetSubjectAltNames(), istio.IsIdentity)
}

// ExportedTo reports whether clients of the namespace see the destination.
// Source: istio pilot/pkg/model/push_context.go, IsServiceVisible.
func (d *Destination) ExportedTo(namespace string) bool {
	if slices.Contains(d.exportTo, "~") && !slices.Contains(d.exportTo, "*") {
		return false
	}
	return len(d.exportTo) == 0 || slices.Contains(d.exportTo, "*") || slices.Contains(d.exportTo, namespace) ||
		slices.Contains(d.exportTo, ".") && d.Namespace == namespace
}

// ExportedByName returns the namespaces that the destination is exported to by name.
func (d *Destination) ExportedByName() []string {
	var named []string
	for _, to := range d.exportTo {
		if to != "*" && to != "." && to != "~" {
			named = append(named, to)
		}
	}
	return named
}

// public reports whether all clients see the destination.
func (d *Destination) public() bool { return len(d.exportTo) == 0 || slices.Contains(d.exportTo, "*") }

// created is when the ServiceEntry was created. The creation of Services is not known, and needs not be: no two have one host.
func (d *Destination) created() metav1.Time {
	if d.Entry == nil {
		return metav1.Time{}
	}
	return d.Entry.CreationTimestamp
}
