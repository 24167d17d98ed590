package equivalence

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// space is what is asked about: all that there is, and what may come.
type space struct {
	pods, gateways []*model.Workload
	hosts          []destination
	ports          []int32
}

// destination is a host with the pods behind it.
type destination struct {
	model.Host
	headless bool
	behind   []*model.Workload
	service  *model.Service
	// ports are those that are declared; nil: nothing declares the host, and it may have any.
	ports []int32
}

// server is who answers a call: a pod at its port, or nobody that is known.
type server struct {
	pod  *model.Workload
	port int32
}

func newSpace(i model.Inventory) space {
	s := space{pods: slices.Clone(i.Workloads), gateways: slices.Clone(i.Workloads)}
	namespaces := sets.New("nobody-knows", i.Mesh.RootNamespace)
	for _, w := range i.Workloads {
		namespaces.Insert(w.Namespace)
	}
	for _, service := range i.Services {
		namespaces.Insert(service.Namespace)
	}
	for _, o := range (model.Objects{
		PeerAuthentications: i.PeerAuthentications, DestinationRules: i.DestinationRules, Gateways: i.Gateways,
	}).All() {
		namespaces.Insert(o.GetNamespace())
	}
	for _, namespace := range sets.List(namespaces) {
		s.pods = append(s.pods, pod(namespace, nil))
	}
	for _, pa := range i.PeerAuthentications {
		s.pods = append(s.pods, pod(pa.Namespace, pa.Spec.GetSelector().GetMatchLabels()))
	}
	for _, rule := range i.DestinationRules {
		s.pods = append(s.pods, pod(rule.Namespace, rule.Spec.GetWorkloadSelector().GetMatchLabels()))
	}
	for _, gateway := range i.Gateways {
		s.gateways = append(s.gateways, pod(gateway.Namespace, gateway.Spec.GetSelector()))
	}
	s.addHosts(i, namespaces)
	s.addPorts(i)
	return s
}

func pod(namespace string, labels map[string]string) *model.Workload {
	return &model.Workload{Namespace: namespace, Labels: labels, Dataplane: model.DataplaneSidecar}
}

func (s *space) addHosts(i model.Inventory, namespaces sets.Set[string]) {
	for n := range i.Services {
		s.hosts = append(s.hosts, behindService(&i.Services[n], i.Workloads))
	}
	for _, entry := range i.ServiceEntries {
		for _, name := range entry.Spec.GetHosts() {
			d := destination{Host: model.Host{
				Name: name, Namespace: entry.Namespace, External: entry.Spec.GetLocation() == networkingapi.ServiceEntry_MESH_EXTERNAL,
			}}
			for _, p := range entry.Spec.GetPorts() {
				d.ports = append(d.ports, int32(p.GetNumber()))
			}
			s.hosts = append(s.hosts, d)
		}
	}
	known := sets.New[string]()
	for _, d := range s.hosts {
		known.Insert(d.Name)
	}
	for _, rule := range i.DestinationRules {
		name := strings.Replace(hosts.Default.Qualify(rule.Spec.GetHost(), rule.Namespace), "*", "thing", 1)
		if !known.Has(name) {
			namespace, _, service := hosts.Default.Service(name)
			s.hosts = append(s.hosts, destination{Host: model.Host{Name: name, Namespace: namespace, External: !service}})
		}
	}
	for namespace := range namespaces {
		s.hosts = append(s.hosts, destination{Host: model.Host{Name: hosts.Default.OfService(namespace, "thing"), Namespace: namespace}})
	}
}

// behindService returns the Service as a destination, with its pods.
func behindService(service *model.Service, workloads []*model.Workload) destination {
	d := destination{headless: service.Headless, service: service, Host: model.Host{
		Name: hosts.Default.OfService(service.Namespace, service.Name), Namespace: service.Namespace, External: service.External,
	}}
	for _, w := range workloads {
		if len(service.Selector) > 0 && w.Namespace == service.Namespace && pods.Matches(service.Selector, w.Labels) {
			d.behind = append(d.behind, w)
		}
	}
	for _, p := range service.Ports {
		d.ports = append(d.ports, p.Port)
	}
	return d
}

// addPorts adds the ports that are spoken of anywhere, and one that is not.
func (s *space) addPorts(i model.Inventory) {
	ports := sets.New[int32](80, 4711)
	policy := func(p *networkingapi.TrafficPolicy) {
		for _, entry := range p.GetPortLevelSettings() {
			ports.Insert(int32(entry.GetPort().GetNumber()))
		}
	}
	for _, rule := range i.DestinationRules {
		policy(rule.Spec.GetTrafficPolicy())
		for _, subset := range rule.Spec.GetSubsets() {
			policy(subset.GetTrafficPolicy())
		}
	}
	for _, service := range i.Services {
		for _, p := range service.Ports {
			ports.Insert(p.Port)
		}
	}
	for _, pa := range i.PeerAuthentications {
		for port := range maps.Keys(pa.Spec.GetPortLevelMtls()) {
			ports.Insert(int32(port))
		}
	}
	s.ports = sets.List(ports)
}

// portsOf returns the ports at which the destination may be called.
func (s *space) portsOf(d destination) []int32 {
	if d.ports != nil {
		return d.ports
	}
	return s.ports
}

// clients returns all kinds of pods, as sidecars and as gateways.
func (s *space) clients() []istio.Client {
	var all []istio.Client
	seen := sets.New[string]()
	for _, w := range s.pods {
		kind := fmt.Sprint(w.Namespace, w.Labels, w.Dataplane)
		if seen.Has(kind) {
			continue
		}
		seen.Insert(kind)
		for _, gateway := range []bool{false, true} {
			all = append(all, istio.Client{Namespace: w.Namespace, Labels: w.Labels, Dataplane: w.Dataplane, Gateway: gateway})
		}
	}
	return all
}

// servers returns the pods behind the destination's port, pods of its namespace that may come, and nobody.
func (d destination) servers(port int32) []server {
	withProxy, bare := pod(d.Namespace, nil), pod(d.Namespace, nil)
	bare.Dataplane = model.DataplaneNone
	all := []server{{}, {withProxy, port}, {bare, port}}
	for i := range d.behind {
		all = append(all, server{d.behind[i], d.target(d.behind[i], port)})
	}
	return all
}

func (d destination) target(w *model.Workload, port int32) int32 {
	for _, p := range d.service.Ports {
		if p.Port != port {
			continue
		}
		for _, declared := range w.Ports {
			if declared.Name == p.TargetPort.StrVal {
				return declared.Number
			}
		}
		return p.TargetPort.IntVal
	}
	return port
}
