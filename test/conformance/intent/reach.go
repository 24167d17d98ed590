package intent

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// reachClaim says that the clients of which nobody says what they send still reach a port whose mode was declared: with mutual TLS
// where the port takes it, and else with plaintext. A mode that cuts the clients off, or that leaves them at plaintext although
// the port takes mutual TLS, is not what anybody asks for. With auto mTLS off this is not promised for the mesh: its clients are told what
// to send by a send of their own.
func (w World) reachClaim(s statement, pod *corev1.Pod, port int32) Claim {
	return Claim{
		Field: s.field, Kind: KindReach,
		about: fmt.Sprintf("port %d of pod %s, %s, is reached by clients to whom nobody says what to send", port, podName(pod), s.mode),
		check: func(j Judge) string {
			if !w.AutoMTLS && w.reachOf(s.policy) == reachMesh {
				return ""
			}
			for _, service := range w.fronts(pod) {
				for _, candidate := range service.Spec.Ports {
					if service.Spec.ClusterIP == corev1.ClusterIPNone && candidate.Port != port {
						continue // clients of a headless Service arrive at the number of its port
					}
					if number, found := numberAt(candidate, pod); !found || number != port {
						continue
					}
					if wrong := w.unreached(j, s, pod, door{service, candidate}); wrong != "" {
						return wrong
					}
				}
			}
			return ""
		},
	}
}

// door is a Service's port.
type door struct {
	service *corev1.Service
	port    corev1.ServicePort
}

// unreached says what is wrong between the silent clients and a pod behind the door.
func (w World) unreached(j Judge, s statement, pod *corev1.Pod, d door) string {
	if s.mode == meshtlsv1alpha1.AcceptPermissive && w.mixed(j, d) {
		return ""
	}
	host := d.service.Name + "." + d.service.Namespace + clusterDomain
	for _, client := range w.silent(host) {
		if wrong := reached(j.Mesh.Sidecar(podName(client)).Connects(host, d.port.Port), pod, s.mode); wrong != "" {
			return fmt.Sprintf("client %s: %s %s:%d", podName(client), wrong, host, d.port.Port)
		}
	}
	return ""
}

// mixed reports whether some pods behind a Service's port take no mutual TLS: then a client can be told to send it to all or to none.
func (w World) mixed(j Judge, d door) bool {
	for _, pod := range w.pods(func(pod *corev1.Pod) bool {
		return pod.Namespace == d.service.Namespace && selects(d.service.Spec.Selector, pod)
	}) {
		number, _ := numberAt(d.port, pod)
		if mode, err := j.Mesh.Sidecar(podName(pod)).Accepts(number); err == nil && mode == meshtlsv1alpha1.AcceptDisable {
			return true
		}
	}
	return false
}

// reached says what is wrong with the connections to a pod.
func reached(connections []oracle.Connection, pod *corev1.Pod, mode meshtlsv1alpha1.AcceptMode) string {
	want := meshtlsv1alpha1.SendIstioMutual
	if mode == meshtlsv1alpha1.AcceptDisable {
		want = meshtlsv1alpha1.SendDisable
	}
	for _, connection := range connections {
		if connection.Pod == podName(pod).String() && (!connection.Taken || connection.Wire != want) {
			return fmt.Sprintf("%s is sent, taken: %t, to", connection.Wire, connection.Taken)
		}
	}
	return ""
}

// silent are clients, one of each namespace, that neither a policy's send nor anybody's rule speaks of for the host.
func (w World) silent(host string) []*corev1.Pod {
	for _, rule := range w.DestinationRules {
		if covers(qualified(rule.Spec.Host, rule.Namespace), host) {
			return nil
		}
	}
	spoken := map[string]bool{}
	for _, s := range w.sends() {
		if covers(s.host, host) {
			if s.clients == meshtlsv1alpha1.ClientsAll {
				return nil
			}
			spoken[s.policy.Namespace] = true
		}
	}
	var clients []*corev1.Pod
	for i := range w.Pods {
		if pod := &w.Pods[i]; !spoken[pod.Namespace] && oracle.HasSidecar(pod) && !w.scoped(pod.Namespace) {
			spoken[pod.Namespace] = true
			clients = append(clients, pod)
		}
	}
	return clients
}

// scoped reports whether a Sidecar may keep hosts from clients of the namespace: what these then send is for nobody to say.
func (w World) scoped(namespace string) bool {
	return slices.ContainsFunc(w.Sidecars, func(s *istionetworkingv1.Sidecar) bool {
		return s.Namespace == namespace || s.Namespace == w.Root
	})
}
