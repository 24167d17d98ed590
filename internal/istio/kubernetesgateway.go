package istio

import (
	"cmp"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// listenerPods is a listener of a Kubernetes Gateway with the Services that say which pods it is for.
type listenerPods struct {
	gatewayapi.Listener
	services []*model.Service
}

// indexListeners finds the Services of the listeners. Without any, a listener is for no pods.
func indexListeners(w World) map[string][]listenerPods {
	index := map[string][]listenerPods{}
	for _, l := range w.Listeners {
		of := listenerPods{Listener: l}
		for i := range w.Services {
			if s := &w.Services[i]; s.Namespace == l.Of.Namespace && len(s.Selector) > 0 && slices.Contains(l.Services, s.Name) {
				of.services = append(of.services, s)
			}
		}
		if l.Gateway != nil && len(of.services) > 0 {
			index[l.Of.Namespace] = append(index[l.Of.Namespace], of)
		}
	}
	return index
}

// listenersOf returns the listeners that are for the pods, by the Gateway that stands for each, with only the Services that select them.
func (m *Model) listenersOf(pod *model.Workload) map[*istionetworkingv1.Gateway]listenerPods {
	var found map[*istionetworkingv1.Gateway]listenerPods
	for _, l := range m.listeners()[pod.Namespace] {
		l.services = slices.DeleteFunc(slices.Clone(l.services), func(s *model.Service) bool { return !pods.Matches(s.Selector, pod.Labels) })
		if len(l.services) == 0 {
			continue
		}
		if found == nil {
			found = map[*istionetworkingv1.Gateway]listenerPods{}
		}
		found[l.Gateway] = l
	}
	return found
}

// managing returns the first Gateway of a listener whose pods Istio keeps; nil: there is none. At such pods Istio admits no Gateways of
// other namespaces.
// Source: istio pilot/pkg/model/push_context.go, filterStrictGatewayMerging (with PILOT_ENABLE_STRICT_GATEWAY_MERGING, the default).
func managing(listeners map[*istionetworkingv1.Gateway]listenerPods) *istionetworkingv1.Gateway {
	var first *istionetworkingv1.Gateway
	for gateway, l := range listeners {
		if l.Managed && (first == nil || compareAge(gateway, first) < 0) {
			first = gateway
		}
	}
	return first
}

// withListeners returns the Gateways that select the pods together with those of listeners, the oldest first.
func withListeners(
	selecting []*istionetworkingv1.Gateway, listeners map[*istionetworkingv1.Gateway]listenerPods,
) []*istionetworkingv1.Gateway {
	if len(listeners) == 0 {
		return selecting
	}
	all := slices.Clone(selecting)
	for gateway := range listeners {
		all = append(all, gateway)
	}
	return OldestFirst(all)
}

// portsFor returns the pods' ports at which they listen for the server. A listener's has to be one of its Gateway's Services.
// Source: istio pilot/pkg/model/gateway.go, resolvePorts.
func (m *Model) portsFor(pod *model.Workload, s Server, listeners map[*istionetworkingv1.Gateway]listenerPods) []int32 {
	number := int32(s.Spec().Port.Number) // #nosec G115 -- the CRDs admit no number above 65535
	l, of := listeners[s.Gateway]
	if !of {
		return []int32{m.PodPort(pod, number)}
	}
	var ports []int32
	for _, service := range l.services {
		for _, port := range service.Ports {
			if target, known := port.TargetOn(pod); known && port.Port == number {
				ports = append(ports, target)
			}
		}
	}
	slices.SortFunc(ports, cmp.Compare[int32])
	return slices.Compact(ports)
}
