package translate

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/istio/revisions"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Plan decides what is rendered for the namespace of the snapshot, and what becomes of each policy. The views are those of the
// snapshot's inventory.
func Plan(s model.Snapshot, views *mesh.Views) model.Plan {
	m := indexed{Snapshot: s, views: views}
	policies := withStages(m, withTargets(m))
	accept := accepts(m, policies)
	next := transitTo(m, policies, accept.rules)
	send := sends(newSendMesh(m, policies, next.rules), policies, next)
	gateway := gateways(m, policies)
	return model.Plan{
		Namespace: s.Namespace,
		MeshWide:  s.Namespace == s.Mesh.RootNamespace,
		Accepts:   next.rules,
		Sends:     send.rules,
		Gateways:  gateway.rules,
		Audits:    audits(m, policies),
		Policies: next.mark(policyOutcomes(policies, newAcceptReporter(m, accept),
			slices.Concat(accept.outcomes, send.outcomes, gateway.outcomes),
			slices.Concat(send.findings, endingExceptions(policies, s.Now), unwrittenAudits(m, policies)))),
	}
}

// indexed is the snapshot with the views of its inventory.
type indexed struct {
	model.Snapshot
	views *mesh.Views
}

// domain returns the cluster's: what the names of its Services end in.
func (m indexed) domain() hosts.Domain { return hosts.Domain(m.Mesh.ClusterDomain) }

// view is that of the control plane that reads the policy's objects.
func (m indexed) view(p *policyTarget) *mesh.View { return m.views.Of(p.revision()) }

// pods returns the pods of the namespace that a policy's target selects; without a selector all of them.
func (m indexed) pods(p *policyTarget) []*model.Workload {
	return m.view(p).Selected(m.Namespace, p.target.selector)
}

// policyTarget is a policy with whose TLS it governs.
type policyTarget struct {
	*meshtlsv1alpha1.MeshTLSPolicy
	target target
	// set is the canonical form of the target's selector.
	set pods.Set
	// stage is how far the policy's rollout has come; nil: it has none.
	stage *stage
	// ofRevision is the revision of the policy's label, or that which its label is a tag of.
	ofRevision string
}

// key names the policy.
func (p *policyTarget) key() types.NamespacedName { return keyOf(p.MeshTLSPolicy) }

// revision returns the control plane revision that the policy's objects are for; empty: the default one.
func (p *policyTarget) revision() string { return p.ofRevision }

// at refers to an entry of the policy's spec.
func (p *policyTarget) at(field string) entryRef {
	return entryRef{policy: p.MeshTLSPolicy, field: field}
}

// withTargets orders the policies by precedence and finds out whose TLS each governs.
func withTargets(m indexed) []policyTarget {
	ordered := byPrecedence(m.Policies)
	policies := make([]policyTarget, len(ordered))
	for i, p := range ordered {
		t := targetOf(m, p)
		policies[i] = policyTarget{MeshTLSPolicy: p, target: t, set: pods.SetOf(t.selector), ofRevision: m.revisionOf(p)}
	}
	return policies
}

// revisionOf returns the revision that reads what is rendered of the policy. Istio reads no object that is labelled with a tag.
func (m indexed) revisionOf(p *meshtlsv1alpha1.MeshTLSPolicy) string {
	return revisions.New(m.Tags).Label(p.Labels[meshtlsv1alpha1.LabelRevision])
}

func keyOf(p *meshtlsv1alpha1.MeshTLSPolicy) types.NamespacedName {
	return types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
}
