package importer

import (
	"fmt"
	"maps"
	"slices"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// peerScope is what Istio uses one PeerAuthentication for. A control plane reads those of its revision, and those of none.
type peerScope struct{ namespace, revision, selector string }

// peerAuthentications proposes a policy for each scope: the oldest object decides, and its policy takes the place of all.
func (d *draft) peerAuthentications(all []*istiosecurityv1.PeerAuthentication) {
	groups := grouped(all, func(pa *istiosecurityv1.PeerAuthentication) peerScope {
		return peerScope{pa.Namespace, pa.Labels[meshtlsv1alpha1.LabelRevision], selectorKey(peerSelector(pa))}
	})
	winners := map[*candidate]*istiosecurityv1.PeerAuthentication{}
	for _, group := range groups {
		if d.selectsInRoot(group) || d.hasUnknown(group) {
			continue
		}
		c := acceptCandidate(group)
		winners[c] = group[0]
		d.candidates = append(d.candidates, c)
	}
	d.withdrawAll(d.overlaps(winners))
}

// selectsInRoot refuses what Istio ignores.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func (d *draft) selectsInRoot(group []*istiosecurityv1.PeerAuthentication) bool {
	if group[0].Namespace != d.original.Mesh.RootNamespace || len(peerSelector(group[0])) == 0 {
		return false
	}
	for _, pa := range group {
		d.refuse(refOf(model.KindPeerAuthentication, pa),
			"Istio ignores a PeerAuthentication with a selector in the root namespace. It has no effect; delete it.")
	}
	return true
}

// hasUnknown refuses what says more than its type knows.
func (d *draft) hasUnknown(group []*istiosecurityv1.PeerAuthentication) bool {
	at := slices.IndexFunc(group, func(pa *istiosecurityv1.PeerAuthentication) bool { return unknownField(&pa.Spec) != "" })
	if at < 0 {
		return false
	}
	for _, pa := range group {
		d.refuse(refOf(model.KindPeerAuthentication, pa), unsayable(unknownField(&group[at].Spec)))
	}
	return true
}

func acceptCandidate(group []*istiosecurityv1.PeerAuthentication) *candidate {
	pa := group[0]
	c := &candidate{kind: model.KindPeerAuthentication, policy: policyFor(pa)}
	accept := &meshtlsv1alpha1.Accept{Mode: modeOf(pa.Spec.GetMtls())}
	c.policy.Spec.Accept = accept
	ports := pa.Spec.GetPortLevelMtls()
	if labels := peerSelector(pa); len(labels) > 0 {
		c.policy.Spec.Workload = &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: labels}}
		for _, number := range slices.Sorted(maps.Keys(ports)) {
			port := int32(number) // #nosec G115 -- admission looks at it
			accept.Ports = append(accept.Ports, meshtlsv1alpha1.AcceptPort{Port: &port, Mode: modeOf(ports[number])})
		}
	} else if len(ports) > 0 {
		c.notes = append(c.notes, "Istio ignores portLevelMtls without a selector: it is left out.")
	}
	for _, each := range group {
		c.from = append(c.from, refOf(model.KindPeerAuthentication, each))
	}
	for _, loser := range c.from[1:] {
		c.notes = append(c.notes, fmt.Sprintf("%s has no effect, since Istio uses only the oldest of its scope, %s. It must go too: it is older "+
			"than what is rendered, and would come into force.", loser, c.from[0]))
	}
	return c
}

// policyFor returns an empty policy with the name of the object, and for the same control plane.
func policyFor(o metav1.Object) *meshtlsv1alpha1.MeshTLSPolicy {
	return &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: metav1.ObjectMeta{
		Namespace: o.GetNamespace(), Name: o.GetName(), Labels: revisionOf(o), CreationTimestamp: istio.Unborn,
	}}
}

func peerSelector(pa *istiosecurityv1.PeerAuthentication) map[string]string {
	return pa.Spec.GetSelector().GetMatchLabels()
}

func modeOf(mtls *securityapi.PeerAuthentication_MutualTLS) meshtlsv1alpha1.AcceptMode {
	if mode := istio.ModeOf(mtls); mode != "" {
		return mode
	}
	return meshtlsv1alpha1.AcceptInherit
}

// overlaps finds the objects that win over a younger one of another selector on some pods. As policies both are of one age, and
// which of the two Istio would use is not to be foreseen. The older one stays, and so stays the older one.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication: the oldest is used whole.
func (d *draft) overlaps(winners map[*candidate]*istiosecurityv1.PeerAuthentication) []withdrawal {
	var refused []withdrawal
	for _, w := range d.original.Workloads {
		selecting := slices.DeleteFunc(slices.Clone(d.candidates), func(c *candidate) bool {
			pa := winners[c]
			return pa == nil || pa.Namespace != w.Namespace || len(peerSelector(pa)) == 0 || !pods.Matches(peerSelector(pa), w.Labels)
		})
		for i, older := range selecting {
			for _, younger := range selecting[i+1:] {
				if meet(older, younger) && !sameAccept(older, younger) {
					refused = append(refused, withdrawal{older, fmt.Sprintf("Pods that it selects (%s) are selected by the younger %s too, "+
						"and Istio uses only the older of the two for them. As policies both would be of one age.", w.Example, younger.from[0])})
				}
			}
		}
	}
	return refused
}

// meet reports whether one control plane may read both.
func meet(a, b *candidate) bool {
	one, other := a.policy.Labels[meshtlsv1alpha1.LabelRevision], b.policy.Labels[meshtlsv1alpha1.LabelRevision]
	return one == other || one == "" || other == ""
}

func sameAccept(a, b *candidate) bool {
	one, other := a.policy.Spec.Accept, b.policy.Spec.Accept
	return one.Mode == other.Mode && slices.EqualFunc(one.Ports, other.Ports, func(p, q meshtlsv1alpha1.AcceptPort) bool {
		return *p.Port == *q.Port && p.Mode == q.Mode
	})
}
