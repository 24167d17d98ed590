package peerauthentication

import (
	"iter"
	"maps"
	"slices"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// idlePort is a port that a PeerAuthentication has a mode for and that is not known to be a port of its pods.
type idlePort struct {
	pa   *istiosecurityv1.PeerAuthentication
	port int32
	pods []*model.Workload
	// service has a port of that number that leads to target; nil: none has.
	service *model.Service
	target  int32
}

// idlePorts are none where something may be missing from the inventory.
func idlePorts(v *mesh.View) iter.Seq[idlePort] {
	return func(yield func(idlePort) bool) {
		if v.Partial() {
			return
		}
		for _, pa := range selectingPeers(v) {
			selected := v.Selected(pa.Namespace, peerSelector(pa))
			if len(pa.Spec.GetPortLevelMtls()) == 0 || len(selected) == 0 {
				continue
			}
			if !eachIdlePort(pa, selected, v.ServicePorts(selected...), yield) {
				return
			}
		}
	}
}

func eachIdlePort(
	pa *istiosecurityv1.PeerAuthentication, selected []*model.Workload, services []mesh.ServicePort, yield func(idlePort) bool,
) bool {
	for _, key := range slices.Sorted(maps.Keys(pa.Spec.GetPortLevelMtls())) {
		idle := idlePort{pa: pa, port: portNumber(key), pods: selected}
		declared := slices.ContainsFunc(selected, func(w *model.Workload) bool { return mesh.DeclaresPort(w, idle.port) })
		if declared || slices.ContainsFunc(services, func(p mesh.ServicePort) bool { return p.Target == idle.port }) {
			continue
		}
		for _, p := range services {
			if p.Port == idle.port && idle.service == nil {
				idle.service, idle.target = p.Service, p.Target
			}
		}
		if !yield(idle) {
			return false
		}
	}
	return true
}
