package intent

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// clusterDomain ends the names of Services.
const clusterDomain = ".svc.cluster.local"

// World is what specs speak of.
type World struct {
	// Root is Istio's root namespace.
	Root string
	// Now is when exceptions from floors have ended or not.
	Now time.Time
	// AutoMTLS says whether clients use mutual TLS of themselves.
	AutoMTLS bool
	// RegistryOnly says that sidecars refuse calls of hosts that they do not know.
	RegistryOnly bool
	Pods         []corev1.Pod
	Services     []corev1.Service
	Entries      []*istionetworkingv1.ServiceEntry
	Sidecars     []*istionetworkingv1.Sidecar
	// PeerAuthentications and DestinationRules are other people's.
	PeerAuthentications []*istiosecurityv1.PeerAuthentication
	DestinationRules    []*istionetworkingv1.DestinationRule
	// Policies are all that have some effect: those of which nothing was accepted are left out.
	Policies []*meshtlsv1alpha1.MeshTLSPolicy
}

// byAge returns the policies, the older first, then by namespace and name.
func (w World) byAge() []*meshtlsv1alpha1.MeshTLSPolicy {
	return slices.SortedFunc(slices.Values(w.Policies), func(a, b *meshtlsv1alpha1.MeshTLSPolicy) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// KeyOf names a policy.
func KeyOf(p *meshtlsv1alpha1.MeshTLSPolicy) types.NamespacedName {
	return types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
}

// reach is how wide a policy's target is.
type reach int

const (
	reachWorkload reach = iota
	reachNamespace
	reachMesh
)

func (w World) reachOf(p *meshtlsv1alpha1.MeshTLSPolicy) reach {
	switch {
	case p.Spec.Workload != nil || p.Spec.Gateway != nil:
		return reachWorkload
	case p.Namespace == w.Root:
		return reachMesh
	default:
		return reachNamespace
	}
}

// selectorOf returns the labels of the pods that a policy names; nil: it names none, or a Service that is not there.
func (w World) selectorOf(p *meshtlsv1alpha1.MeshTLSPolicy) labels.Set {
	target := p.Spec.Workload
	if target == nil {
		target = p.Spec.Gateway
	}
	switch {
	case target == nil:
		return nil
	case target.Selector != nil:
		return target.Selector.MatchLabels
	}
	for i := range w.Services {
		if s := &w.Services[i]; s.Namespace == p.Namespace && s.Name == target.Service && len(s.Spec.Selector) > 0 {
			return s.Spec.Selector
		}
	}
	return nil
}

// named returns the pods that a policy names: for a gateway those of every namespace.
func (w World) named(p *meshtlsv1alpha1.MeshTLSPolicy) []*corev1.Pod {
	selector := w.selectorOf(p)
	if len(selector) == 0 {
		return nil
	}
	return w.pods(func(pod *corev1.Pod) bool {
		return (pod.Namespace == p.Namespace || p.Spec.Gateway != nil) && selects(selector, pod)
	})
}

// pods returns those of the world for which a question has a yes.
func (w World) pods(wanted func(*corev1.Pod) bool) []*corev1.Pod {
	var found []*corev1.Pod
	for i := range w.Pods {
		if wanted(&w.Pods[i]) {
			found = append(found, &w.Pods[i])
		}
	}
	return found
}

func selects(selector labels.Set, pod *corev1.Pod) bool {
	return len(selector) > 0 && labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels))
}

// samePods reports whether two policies name the same pods by the same labels.
func (w World) samePods(p, q *meshtlsv1alpha1.MeshTLSPolicy) bool {
	return p.Namespace == q.Namespace && maps.Equal(w.selectorOf(p), w.selectorOf(q))
}

// fronts returns the Services that lead to a pod.
func (w World) fronts(pod *corev1.Pod) []*corev1.Service {
	var found []*corev1.Service
	for i := range w.Services {
		if s := &w.Services[i]; s.Namespace == pod.Namespace && selects(s.Spec.Selector, pod) {
			found = append(found, s)
		}
	}
	return found
}

// numberAt returns the number of a Service port at a pod.
func numberAt(port corev1.ServicePort, pod *corev1.Pod) (int32, bool) {
	return oracle.TargetPort(port, pod)
}

// destination is a host that the mesh knows.
type destination struct {
	name, namespace string
	ports           []int32
	external        bool
}

// destinations returns the hosts of Services and ServiceEntries. An ExternalName is another name for one.
func (w World) destinations() []destination {
	var all []destination
	for i := range w.Services {
		if w.Services[i].Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		d := destination{name: w.Services[i].Name + "." + w.Services[i].Namespace + clusterDomain, namespace: w.Services[i].Namespace}
		for _, port := range w.Services[i].Spec.Ports {
			if port.Protocol == corev1.ProtocolUDP {
				continue
			}
			d.ports = append(d.ports, port.Port)
		}
		all = append(all, d)
	}
	for _, entry := range w.Entries {
		for _, host := range entry.Spec.Hosts {
			d := destination{name: host, namespace: entry.Namespace, external: entry.Spec.Location == networkingapi.ServiceEntry_MESH_EXTERNAL}
			for _, port := range entry.Spec.Ports {
				d.ports = append(d.ports, int32(port.Number))
			}
			all = append(all, d)
		}
	}
	return all
}

// qualified returns a host as a policy of the namespace means it.
func qualified(host, namespace string) string {
	if strings.ContainsAny(host, ".*") {
		return host
	}
	return host + "." + namespace + clusterDomain
}

// covers reports whether a host of a policy means the destination.
func covers(host, name string) bool {
	suffix, wildcard := strings.CutPrefix(host, "*")
	return host == name || (wildcard && strings.HasSuffix(name, suffix) && len(name) > len(suffix))
}
