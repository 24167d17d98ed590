package intent

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// sending is what a policy says about one host.
type sending struct {
	policy *meshtlsv1alpha1.MeshTLSPolicy
	field  string
	host   string
	// clients is empty where the policy names its pods.
	clients meshtlsv1alpha1.SendClients
	whole   meshtlsv1alpha1.ClientTLS
	ports   map[int32]meshtlsv1alpha1.ClientTLS
}

// sends returns what all policies say, host by host, the older first.
func (w World) sends() []sending {
	var all []sending
	for _, p := range w.byAge() {
		for i, send := range p.Spec.Send {
			ports := map[int32]meshtlsv1alpha1.ClientTLS{}
			for _, port := range send.Ports {
				ports[port.Port] = port.ClientTLS
			}
			clients := cmp.Or(send.Clients, meshtlsv1alpha1.ClientsNamespace)
			if w.reachOf(p) == reachWorkload {
				clients = ""
			}
			for j, host := range send.Hosts {
				all = append(all, sending{
					policy: p, field: fmt.Sprintf("spec.send[%d].hosts[%d]", i, j), host: qualified(host, p.Namespace),
					clients: clients, whole: send.ClientTLS, ports: ports,
				})
			}
		}
	}
	return all
}

// governs reports whether the sending is about the traffic of a pod, whatever narrower ones say.
func (w World) governs(s sending, pod *corev1.Pod) bool {
	switch s.clients {
	case meshtlsv1alpha1.ClientsAll:
		return true
	case meshtlsv1alpha1.ClientsNamespace:
		return pod.Namespace == s.policy.Namespace
	default:
		return pod.Namespace == s.policy.Namespace && selects(w.selectorOf(s.policy), pod)
	}
}

// says returns what the sending says about a port, and whether it says anything.
func (s sending) says(port int32) (meshtlsv1alpha1.ClientTLS, bool) {
	if tls, own := s.ports[port]; own {
		return tls, true
	}
	return s.whole, s.whole.Mode != ""
}

// sent returns the claims of one sending: for each pod, destination and port that no other decides.
func (w World) sent(s sending, all []sending) []Claim {
	var claims []Claim
	for _, pod := range w.pods(func(pod *corev1.Pod) bool { return w.governs(s, pod) && oracle.HasProxy(pod) }) {
		for _, to := range w.destinations() {
			if !covers(s.host, to.name) {
				continue
			}
			for _, port := range to.ports {
				tls, said := s.says(port)
				if said && !w.outdone(s, all, client{pod, to, port}) {
					claims = append(claims, w.sendClaim(s, tls, client{pod, to, port}))
				}
			}
		}
	}
	return claims
}

// client is one pod that calls one port of a destination.
type client struct {
	pod  *corev1.Pod
	to   destination
	port int32
}

// outdone reports whether another sending decides instead.
func (w World) outdone(s sending, all []sending, c client) bool {
	for _, other := range all {
		if (other.policy == s.policy && other.field == s.field) || !covers(other.host, c.to.name) {
			continue
		}
		if w.governs(other, c.pod) && w.nearer(s, other, c) {
			return true
		}
	}
	return false
}

// nearer reports whether the other, which is about the same call, comes first: by namespace (the client's, the destination's, the
// root), by the host, then a workload's before its namespace's. Of two that name the same clients and host, the one that names
// the port.
func (w World) nearer(s, other sending, c client) bool {
	_, namesPort := other.ports[c.port]
	_, said := other.says(c.port)
	distance := cmp.Compare(w.distance(other, c), w.distance(s, c))
	closeness := cmp.Compare(len(other.host)+exactness(other.host), len(s.host)+exactness(s.host))
	switch {
	case distance != 0:
		return distance < 0 && said
	case closeness != 0:
		return closeness > 0
	case (s.clients == "") != (other.clients == ""):
		return other.clients == "" && said
	default:
		_, own := s.ports[c.port]
		return !own && namesPort
	}
}

func exactness(host string) int {
	if strings.HasPrefix(host, "*") {
		return 0
	}
	return 1000
}

// distance is where Istio looks for a rule: first at the client, then at the destination, then in the root.
func (w World) distance(s sending, c client) int {
	switch s.policy.Namespace {
	case c.pod.Namespace:
		return 0
	case c.to.namespace:
		return 1
	default:
		return 2
	}
}
