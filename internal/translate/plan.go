package translate

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// policyTarget is a policy with whose TLS it governs.
type policyTarget struct {
	*meshtlsv1alpha1.MeshTLSPolicy
	target target
	// set is the canonical form of the target's selector.
	set podSet
}

// key names the policy.
func (p policyTarget) key() types.NamespacedName { return keyOf(p.MeshTLSPolicy) }

// revision is the control plane revision that the policy's objects are for; empty: the default one.
func (p policyTarget) revision() string { return p.Labels[meshtlsv1alpha1.LabelRevision] }

// site is the snapshot with what the steps look up in it.
type site struct {
	model.Snapshot
	// pods are those of the namespace.
	pods   pods.Index
	fronts fronts
}

func newSite(s model.Snapshot) site {
	return site{Snapshot: s, pods: pods.ByNamespace(s.Workloads)[s.Namespace], fronts: newFronts(s)}
}

// Plan decides what is rendered for the namespace of the snapshot, and what becomes of each policy.
func Plan(s model.Snapshot) model.Plan {
	at, policies := newSite(s), withTargets(s)
	accept := accepts(at, policies)
	send := sends(at, policies, accept)
	gatewayRules, serverEntries := gateways(s, policies)
	return model.Plan{
		Namespace: s.Namespace,
		MeshWide:  s.Namespace == s.Mesh.RootNamespace,
		Accepts:   accept.rules,
		Sends:     send.rules,
		Gateways:  gatewayRules,
		Policies:  outcomes(policies, newAcceptReporter(at, accept), slices.Concat(accept.entries, send.entries, serverEntries), send.findings),
	}
}

// withTargets orders the policies by precedence and finds out whose TLS each governs.
func withTargets(s model.Snapshot) []policyTarget {
	ordered := byPrecedence(s.Policies)
	policies := make([]policyTarget, len(ordered))
	for i, p := range ordered {
		t := targetOf(s, p)
		policies[i] = policyTarget{MeshTLSPolicy: p, target: t, set: podSetOf(t.selector)}
	}
	return policies
}
