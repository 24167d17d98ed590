package mesh

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// ServicePort is a port of a Service that leads to Target on some pods.
type ServicePort struct {
	Service *model.Service
	model.ServicePort
	Target int32
	// Pods are the pods where it does.
	Pods []*model.Workload
}

// ServicePorts returns the ports of Services that lead to the workloads, which are of one namespace: one for each number that they lead
// to, by Service, port and number.
func (v *network) ServicePorts(workloads ...*model.Workload) []ServicePort {
	var ports []ServicePort
	if len(workloads) == 0 {
		return nil
	}
	for _, d := range v.InFront(workloads[0].Namespace, labelsOf(workloads)...) {
		s := d.Service
		if s == nil {
			continue
		}
		behind := slices.DeleteFunc(slices.Clone(workloads), func(w *model.Workload) bool { return !pods.Matches(s.Selector, w.Labels) })
		for p := range s.Ports {
			ports = append(ports, servicePortsOf(s, s.Ports[p], behind)...)
		}
	}
	slices.SortFunc(ports, func(a, b ServicePort) int {
		return cmp.Or(strings.Compare(a.Service.Name, b.Service.Name), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Target, b.Target))
	})
	return ports
}

func servicePortsOf(s *model.Service, port model.ServicePort, behind []*model.Workload) []ServicePort {
	byTarget := map[int32]*ServicePort{}
	for _, w := range behind {
		target, known := port.TargetOn(w)
		if !known {
			continue
		}
		if byTarget[target] == nil {
			byTarget[target] = &ServicePort{Service: s, ServicePort: port, Target: target}
		}
		byTarget[target].Pods = append(byTarget[target].Pods, w)
	}
	ports := make([]ServicePort, 0, len(byTarget))
	for _, p := range byTarget {
		ports = append(ports, *p)
	}
	return ports
}
