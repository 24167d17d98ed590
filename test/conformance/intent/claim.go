package intent

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// Claim is something that must be true if a policy is honoured.
type Claim struct {
	Policy types.NamespacedName
	// Revision is the control plane that the policy is for; empty: the default one.
	Revision string
	// Field is where the policy says it.
	Field string
	// Kind is what sort of claim it is, for counting.
	Kind Kind
	// about says what is claimed, in words.
	about string
	// check asks Istio; empty: it is so.
	check func(Judge) string
}

// Kind is a sort of claim.
type Kind string

// The sorts of claims.
const (
	KindAccept Kind = "accept"
	KindReach  Kind = "reach"
	KindSend   Kind = "send"
	KindServe  Kind = "serve"
)

// Judge is Istio with a world loaded.
type Judge struct {
	// Mesh has the operator's objects.
	Mesh *oracle.Mesh
	// Bare has none of anybody's DestinationRules: what clients do where nobody says anything. It is loaded when first asked for.
	Bare func() *oracle.Mesh
}

// Violation is a claim that does not hold.
type Violation struct {
	Claim
	// Instead is what Istio does.
	Instead string
}

// String returns the violation in words.
func (v Violation) String() string {
	return fmt.Sprintf("%s %s: %s: %s", v.Policy, v.Field, v.about, v.Instead)
}

// Violated asks Istio whether the claim holds.
func (c Claim) Violated(j Judge) (Violation, bool) {
	instead := c.check(j)
	return Violation{Claim: c, Instead: instead}, instead != ""
}

// Claims returns all that the policies say, of the world.
func (w World) Claims() []Claim {
	var claims []Claim
	sends := w.sends()
	add := func(p *meshtlsv1alpha1.MeshTLSPolicy, more []Claim) {
		for _, claim := range more {
			claim.Policy, claim.Revision = KeyOf(p), p.Labels[meshtlsv1alpha1.LabelRevision]
			claims = append(claims, claim)
		}
	}
	for _, p := range w.byAge() {
		add(p, w.accepts(p))
		add(p, w.serves(p))
	}
	for _, s := range sends {
		add(s.policy, w.sent(s, sends))
	}
	return claims
}

func podName(pod *corev1.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
}

// undeclared is a port that no pod declares and no Service leads to: modes hold there too.
const undeclared = 7777

func portsOf(pod *corev1.Pod) []int32 {
	ports := []int32{undeclared}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			ports = append(ports, port.ContainerPort)
		}
	}
	return ports
}

func strictness(mode meshtlsv1alpha1.AcceptMode) int {
	return map[meshtlsv1alpha1.AcceptMode]int{
		meshtlsv1alpha1.AcceptDisable: 1, meshtlsv1alpha1.AcceptPermissive: 2, meshtlsv1alpha1.AcceptStrict: 3,
	}[mode]
}
