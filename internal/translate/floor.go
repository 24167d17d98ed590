package translate

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// floor is the weakest mode that a policy may declare, and the policy that says so. The zero value binds nothing.
type floor struct {
	weakest meshtlsv1alpha1.AcceptMode
	from    *meshtlsv1alpha1.MeshTLSPolicy
}

// floors are the floors that hold in the compiled namespace.
type floors struct {
	// namespace binds its workloads' policies, mesh also the namespace's own.
	mesh, namespace floor
}

// floorsOf finds the strictest floor of each level: floors add up, they do not conflict.
func floorsOf(s model.Snapshot, policies []policyTarget) floors {
	var f floors
	for _, p := range byPrecedence(s.RootPolicies) {
		f.mesh = f.mesh.raisedBy(p)
	}
	for i := range policies {
		if policies[i].target.scope == scopeNamespace {
			f.namespace = f.namespace.raisedBy(policies[i].MeshTLSPolicy)
		}
	}
	return f
}

// raisedBy is the stricter of the floor and the one that the policy sets.
func (f floor) raisedBy(p *meshtlsv1alpha1.MeshTLSPolicy) floor {
	if p.Spec.Accept == nil || p.Spec.Workload != nil || p.Spec.Gateway != nil || p.Spec.Accept.Floor == "" {
		return f
	}
	if mode := meshtlsv1alpha1.AcceptMode(p.Spec.Accept.Floor); f.from == nil || strictness(mode) > strictness(f.weakest) {
		return floor{weakest: mode, from: p}
	}
	return f
}

// binding is the floor that a policy of that scope must keep.
func (f floors) binding(in scope) floor {
	switch {
	case in == scopeMesh:
		return floor{}
	case in == scopeWorkload && f.namespace.from != nil && strictness(f.namespace.weakest) > strictness(f.mesh.weakest):
		return f.namespace
	default:
		return f.mesh
	}
}

// forbids says whether the mode is weaker than the floor allows. Inherit declares nothing, so it is never too weak.
func (f floor) forbids(mode meshtlsv1alpha1.AcceptMode) bool {
	return f.from != nil && mode != meshtlsv1alpha1.AcceptInherit && strictness(mode) < strictness(f.weakest)
}

// strictness orders the modes that a policy can declare.
func strictness(mode meshtlsv1alpha1.AcceptMode) int {
	switch mode {
	case meshtlsv1alpha1.AcceptStrict:
		return 3
	case meshtlsv1alpha1.AcceptPermissive:
		return 2
	case meshtlsv1alpha1.AcceptDisable:
		return 1
	default:
		return 0
	}
}

func belowFloor(at entryRef, mode meshtlsv1alpha1.AcceptMode, f floor) model.Finding {
	return model.Finding{
		Check:    "accept-below-floor",
		Severity: meshtlsv1alpha1.SeverityError,
		Subject:  model.PolicyRef(keyOf(at.policy)),
		Related:  policyRef(f.from),
		Field:    at.field,
		Message: fmt.Sprintf("%s is weaker than %s, the floor that MeshTLSPolicy %s sets for this %s; it is not rendered.",
			mode, f.weakest, keyOf(f.from), floorReach(at.policy, f)),
		Remedy:    fmt.Sprintf("Declare %s or a stricter mode, or have the floor lowered there.", f.weakest),
		Condition: meshtlsv1alpha1.ConditionAccepted,
		Reason:    meshtlsv1alpha1.ReasonBelowFloor,
	}
}

func floorReach(p *meshtlsv1alpha1.MeshTLSPolicy, f floor) string {
	if f.from.Namespace == p.Namespace {
		return "namespace"
	}
	return "mesh"
}

func policyRef(p *meshtlsv1alpha1.MeshTLSPolicy) model.ObjectRef {
	return model.ObjectRef{Kind: "MeshTLSPolicy", Namespace: p.Namespace, Name: p.Name}
}
