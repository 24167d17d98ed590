package intent

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// statement is a mode that a policy declares for a port of a pod; port 0 is the pod as a whole.
type statement struct {
	policy *meshtlsv1alpha1.MeshTLSPolicy
	field  string
	port   int32
	mode   meshtlsv1alpha1.AcceptMode
}

// statements returns what the policy declares for the pod, less what a floor forbids.
func (w World) statements(p *meshtlsv1alpha1.MeshTLSPolicy, pod *corev1.Pod) []statement {
	if p.Spec.Accept == nil {
		return nil
	}
	var all []statement
	if s := w.whole(p); w.allowed(p, s.mode, []int32{0}) {
		if w.ahead(p, pod) {
			s.mode = meshtlsv1alpha1.AcceptStrict
		}
		all = append(all, s)
	}
	all = append(all, w.promoted(p)...)
	for i, port := range p.Spec.Accept.Ports {
		var everywhere []int32
		for _, other := range w.named(p) {
			everywhere = append(everywhere, w.meant(port, p, other)...)
		}
		if !w.allowed(p, port.Mode, everywhere) {
			continue
		}
		for _, number := range w.meant(port, p, pod) {
			all = append(all, statement{policy: p, field: fmt.Sprintf("spec.accept.ports[%d]", i), port: number, mode: port.Mode})
		}
	}
	return all
}

// meant returns the numbers, at the pod, that a port entry means.
func (w World) meant(port meshtlsv1alpha1.AcceptPort, p *meshtlsv1alpha1.MeshTLSPolicy, pod *corev1.Pod) []int32 {
	if port.Port != nil {
		return []int32{*port.Port}
	}
	var numbers []int32
	for _, service := range w.fronts(pod) {
		if p.Spec.Workload.Service != "" && p.Spec.Workload.Service != service.Name {
			continue
		}
		for _, candidate := range service.Spec.Ports {
			named := port.ServicePort.Type == intstr.String && candidate.Name == port.ServicePort.StrVal
			numbered := port.ServicePort.Type == intstr.Int && candidate.Port == port.ServicePort.IntVal
			if number, found := numberAt(candidate, pod); found && (named || numbered) {
				numbers = append(numbers, number)
			}
		}
	}
	return numbers
}

// accepts returns the claims of what a policy accepts: for each pod and port that nobody narrower or, on the same pods, older decides.
func (w World) accepts(p *meshtlsv1alpha1.MeshTLSPolicy) []Claim {
	if p.Spec.Accept == nil || p.Spec.Gateway != nil {
		return nil
	}
	claims := w.carried(p)
	for _, pod := range w.governed(p) {
		if !oracle.HasSidecar(pod) {
			continue
		}
		for _, s := range w.statements(p, pod) {
			if s.mode == meshtlsv1alpha1.AcceptInherit {
				continue
			}
			for _, port := range w.left(s, pod) {
				claims = append(claims, acceptClaim(s, pod, port), w.reachClaim(s, pod, port))
			}
		}
	}
	return claims
}

// carried returns the claim that of the pods that the policy names one has a sidecar, which alone takes mutual TLS.
func (w World) carried(p *meshtlsv1alpha1.MeshTLSPolicy) []Claim {
	named := w.named(p)
	mode := p.Spec.Accept.Mode
	if len(named) == 0 || p.Namespace == w.Root || mode != meshtlsv1alpha1.AcceptStrict && mode != meshtlsv1alpha1.AcceptPermissive {
		return nil
	}
	return []Claim{{
		Field: "spec.accept", Kind: KindAccept, about: "one of the pods has a sidecar",
		check: func(Judge) string {
			if !slices.ContainsFunc(named, oracle.HasSidecar) {
				return "none has"
			}
			return ""
		},
	}}
}

// governed returns the pods that a policy's accept is about.
func (w World) governed(p *meshtlsv1alpha1.MeshTLSPolicy) []*corev1.Pod {
	switch w.reachOf(p) {
	case reachWorkload:
		if p.Namespace == w.Root {
			return nil // Istio has no such thing
		}
		return w.named(p)
	case reachNamespace:
		return w.pods(func(pod *corev1.Pod) bool { return pod.Namespace == p.Namespace })
	default:
		return w.pods(func(*corev1.Pod) bool { return true })
	}
}

// left returns the ports of the pod that a statement decides: one, or all of the pod's that no other does.
func (w World) left(s statement, pod *corev1.Pod) []int32 {
	if s.port != 0 {
		return []int32{s.port}
	}
	var left []int32
	for _, port := range portsOf(pod) {
		if !w.decidedElsewhere(s, pod, port) {
			left = append(left, port)
		}
	}
	return left
}

// decidedElsewhere reports whether something narrower than the statement for the whole pod decides the port: for each pod set the
// first that speaks of it counts.
func (w World) decidedElsewhere(s statement, pod *corev1.Pod, port int32) bool {
	if w.othersDecide(s, pod) {
		return true
	}
	decided := map[string]meshtlsv1alpha1.AcceptMode{}
	for _, q := range w.byAge() {
		for _, other := range w.narrower(s, q, pod) {
			key := fmt.Sprint(q.Namespace, w.selectorOf(q), other.port)
			if _, taken := decided[key]; !taken && (other.port == 0 || other.port == port) {
				decided[key] = other.mode
			}
		}
	}
	for _, mode := range decided {
		if mode != meshtlsv1alpha1.AcceptInherit {
			return true
		}
	}
	return false
}

// othersDecide reports whether somebody's PeerAuthentication of a narrower scope speaks of the pod: it comes before a policy for a
// namespace or the mesh, as it does for Istio.
func (w World) othersDecide(s statement, pod *corev1.Pod) bool {
	for _, pa := range w.PeerAuthentications {
		scope := reachNamespace
		if pa.Namespace == w.Root || pa.Namespace != pod.Namespace {
			continue
		}
		if selector := pa.Spec.GetSelector().GetMatchLabels(); len(selector) > 0 {
			if scope = reachWorkload; !selects(selector, pod) {
				continue
			}
		}
		if scope < w.reachOf(s.policy) {
			return true
		}
	}
	return false
}

// narrower returns the statements of another policy that come before one for the whole pod: all of a narrower target's, and those for
// single ports of the same target. Inherit for a whole pod, the default, says nothing.
func (w World) narrower(s statement, q *meshtlsv1alpha1.MeshTLSPolicy, pod *corev1.Pod) []statement {
	if !w.speaksOf(q, pod) {
		return nil
	}
	below := w.reachOf(q) < w.reachOf(s.policy)
	sibling := w.reachOf(s.policy) == reachWorkload && w.reachOf(q) == reachWorkload && w.samePods(q, s.policy)
	var found []statement
	for _, other := range w.statements(q, pod) {
		whole := other.port == 0
		if (below && (!whole || other.mode != meshtlsv1alpha1.AcceptInherit)) || (sibling && !whole) {
			found = append(found, other)
		}
	}
	return found
}

func (w World) speaksOf(q *meshtlsv1alpha1.MeshTLSPolicy, pod *corev1.Pod) bool {
	if q.Spec.Accept == nil || q.Spec.Gateway != nil {
		return false
	}
	for _, governed := range w.governed(q) {
		if governed == pod {
			return true
		}
	}
	return false
}

func acceptClaim(s statement, pod *corev1.Pod, port int32) Claim {
	return Claim{
		Field: s.field, Kind: KindAccept,
		about: fmt.Sprintf("port %d of pod %s accepts %s", port, podName(pod), s.mode),
		check: func(j Judge) string {
			got, err := j.Mesh.Sidecar(podName(pod)).Accepts(port)
			if err != nil {
				return err.Error()
			}
			if got != s.mode {
				return "it accepts " + string(got)
			}
			return ""
		},
	}
}
