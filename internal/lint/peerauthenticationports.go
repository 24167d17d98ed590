package lint

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// idlePort is a port that a PeerAuthentication has a mode for and that is not known to be a port of its pods.
type idlePort struct {
	pa   *istiosecurityv1.PeerAuthentication
	port int32
	pods []model.Workload
	// service has a port of that number that leads to target; nil: none has.
	service *model.Service
	target  int32
}

// peerAuthenticationPortOfService tells of a mode for a port that is one of a Service in front of the pods, and none of the pods'.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication: the ports are those of the workload.
func peerAuthenticationPortOfService(v *view) []model.Finding {
	var findings []model.Finding
	for idle := range v.idlePorts() {
		if idle.service == nil {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityError, model.KindPeerAuthentication, idle.pa, fmt.Sprintf("spec.portLevelMtls[%d]", idle.port))
		f.Message = fmt.Sprintf("%d is a port of Service %s, which leads to port %d of the pods. Here it stands for a port of the pods, "+
			"and they are not known to have such a port: what it says holds for nothing.", idle.port, idle.service.Name, idle.target)
		f.Remedy = fmt.Sprintf("Name port %d instead.", idle.target)
		findings = append(findings, f)
	}
	return findings
}

// peerAuthenticationPortNotDeclared tells of a mode for a port that no container declares and no Service leads to. The mode holds there
// all the same, if a process listens.
func peerAuthenticationPortNotDeclared(v *view) []model.Finding {
	var findings []model.Finding
	for idle := range v.idlePorts() {
		if idle.service != nil || slices.ContainsFunc(idle.pods, declaresNothing) {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityInfo, model.KindPeerAuthentication, idle.pa, fmt.Sprintf("spec.portLevelMtls[%d]", idle.port))
		f.Message = fmt.Sprintf("No container of %s declares port %d, and no Service leads to it.", podWords(idle.pods), idle.port)
		f.Remedy = "Check that the pods listen there, or remove the port."
		findings = append(findings, f)
	}
	return findings
}

func declaresNothing(w model.Workload) bool { return len(w.Ports) == 0 }

// idlePorts are none where something may be missing from the inventory.
func (v *view) idlePorts() iter.Seq[idlePort] {
	return func(yield func(idlePort) bool) {
		if v.Partial {
			return
		}
		for _, pa := range v.selectingPeers() {
			selected := v.selected(pa.Namespace, peerSelector(pa))
			if len(pa.Spec.GetPortLevelMtls()) == 0 || len(selected) == 0 {
				continue
			}
			if !eachIdlePort(pa, selected, v.inFront(selected), yield) {
				return
			}
		}
	}
}

func eachIdlePort(
	pa *istiosecurityv1.PeerAuthentication, selected []model.Workload, services []frontPort, yield func(idlePort) bool,
) bool {
	for _, key := range slices.Sorted(maps.Keys(pa.Spec.GetPortLevelMtls())) {
		idle := idlePort{pa: pa, port: portNumber(key), pods: selected}
		declared := slices.ContainsFunc(selected, func(w model.Workload) bool { return declaresPort(w, idle.port) })
		if declared || slices.ContainsFunc(services, func(p frontPort) bool { return p.target == idle.port }) {
			continue
		}
		for _, p := range services {
			if p.port.Port == idle.port && idle.service == nil {
				idle.service, idle.target = p.service, p.target
			}
		}
		if !yield(idle) {
			return false
		}
	}
	return true
}

// frontPort is a port of a Service that leads to target on some pods.
type frontPort struct {
	service *model.Service
	port    model.ServicePort
	target  int32
	pods    []model.Workload
}

// inFront are the ports of Services that lead to the workloads, which are of one namespace: one for each number that they lead to, by
// Service, port and number.
func (v *view) inFront(workloads []model.Workload) []frontPort {
	var ports []frontPort
	if len(workloads) == 0 {
		return nil
	}
	for _, s := range v.servicesIn()[workloads[0].Namespace] {
		if len(s.Selector) == 0 {
			continue
		}
		behind := slices.DeleteFunc(slices.Clone(workloads), func(w model.Workload) bool { return !pods.Matches(s.Selector, w.Labels) })
		for p := range s.Ports {
			ports = append(ports, frontPortsOf(s, s.Ports[p], behind)...)
		}
	}
	slices.SortFunc(ports, func(a, b frontPort) int {
		return cmp.Or(strings.Compare(a.service.Name, b.service.Name), cmp.Compare(a.port.Port, b.port.Port), cmp.Compare(a.target, b.target))
	})
	return ports
}

func frontPortsOf(s *model.Service, port model.ServicePort, behind []model.Workload) []frontPort {
	byTarget := map[int32]*frontPort{}
	for _, w := range behind {
		target, known := port.TargetOn(w)
		if !known {
			continue
		}
		if byTarget[target] == nil {
			byTarget[target] = &frontPort{service: s, port: port, target: target}
		}
		byTarget[target].pods = append(byTarget[target].pods, w)
	}
	ports := make([]frontPort, 0, len(byTarget))
	for _, p := range byTarget {
		ports = append(ports, *p)
	}
	return ports
}

// peerAuthenticationNamedPortIncomplete tells of modes for some of the numbers that one named port of a Service has on the pods, where
// the others accept something else.
func peerAuthenticationNamedPortIncomplete(v *view) []model.Finding {
	var findings []model.Finding
	for _, pa := range v.selectingPeers() {
		if len(pa.Spec.GetPortLevelMtls()) == 0 {
			continue
		}
		ports := v.inFront(v.selected(pa.Namespace, peerSelector(pa)))
		for _, covered := range ports {
			if _, said := pa.Spec.GetPortLevelMtls()[portKey(covered.target)]; !said {
				continue
			}
			for _, other := range ports {
				if covered.sibling(other) {
					findings = append(findings, v.namedPortIncomplete(pa, covered, other)...)
				}
			}
		}
	}
	return findings
}

// sibling says whether the other is what the same Service port is on other pods.
func (p frontPort) sibling(other frontPort) bool {
	return p.service == other.service && p.port.Port == other.port.Port && p.target != other.target
}

func (v *view) namedPortIncomplete(pa *istiosecurityv1.PeerAuthentication, covered, other frontPort) []model.Finding {
	mode := peerModeAt(pa, portKey(covered.target))
	if _, said := pa.Spec.GetPortLevelMtls()[portKey(other.target)]; said || mode == "" {
		return nil
	}
	differ := slices.DeleteFunc(slices.Clone(other.pods), func(w model.Workload) bool {
		return v.istio.Accept(w).Port(other.target).Mode == mode
	})
	if len(differ) == 0 {
		return nil
	}
	f := about(meshtlsv1alpha1.SeverityWarning, model.KindPeerAuthentication, pa, fmt.Sprintf("spec.portLevelMtls[%d]", covered.target))
	f.Message = fmt.Sprintf("Service %s leads its port %d to the port named %s, which is %d on some of the pods and %d on %s. %d is "+
		"not listed, and accepts %s there instead of %s.",
		covered.service.Name, covered.port.Port, covered.port.TargetPort.StrVal, covered.target, other.target, podWords(differ), other.target,
		istioMode(v.istio.Accept(firstPod(differ)).Port(other.target).Mode), istioMode(mode))
	f.Remedy = fmt.Sprintf("List port %d too, or give the port one number in all pods.", other.target)
	return []model.Finding{f}
}

// istioMode is the mode in Istio's words.
func istioMode(mode meshtlsv1alpha1.AcceptMode) string { return strings.ToUpper(string(mode)) }

// portNumber and portKey translate between a port and its key in portLevelMtls.
func portNumber(key uint32) int32 { return int32(key) }   // #nosec G115 -- below 65536
func portKey(port int32) uint32   { return uint32(port) } // #nosec G115 -- not negative
