package translate

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// floor is the weakest mode that a policy may declare, and the policy that says so.
type floor struct {
	weakest meshtlsv1alpha1.AcceptMode
	from    *meshtlsv1alpha1.MeshTLSPolicy
}

// floors are the floors that hold in the compiled namespace, the strictest first.
type floors struct {
	now metav1.Time
	// namespace binds its workloads' policies, mesh also the namespace's own.
	mesh, namespace []floor
}

// floorsOf finds the floors of each level: floors add up, they do not conflict.
func floorsOf(s model.Snapshot, policies []policyTarget) floors {
	f := floors{now: s.Now}
	for _, p := range byPrecedence(s.RootPolicies) {
		f.mesh = append(f.mesh, floorOf(p)...)
	}
	for i := range policies {
		if policies[i].target.scope == scopeNamespace {
			f.namespace = append(f.namespace, floorOf(policies[i].MeshTLSPolicy)...)
		}
	}
	return f
}

// floorOf returns the floor that the policy sets, if it sets one.
func floorOf(p *meshtlsv1alpha1.MeshTLSPolicy) []floor {
	if p.Spec.Accept == nil || p.Spec.Workload != nil || p.Spec.Gateway != nil || p.Spec.Accept.Floor == "" {
		return nil
	}
	return []floor{{weakest: meshtlsv1alpha1.AcceptMode(p.Spec.Accept.Floor), from: p}}
}

// binding returns the floors that a policy of that scope must keep, the strictest first.
func (f floors) binding(in scope) []floor {
	var all []floor
	switch in {
	case scopeMesh:
	case scopeWorkload:
		all = slices.Concat(f.mesh, f.namespace)
	default:
		all = slices.Clone(f.mesh)
	}
	slices.SortStableFunc(all, func(a, b floor) int { return cmp.Compare(strictness(b.weakest), strictness(a.weakest)) })
	return all
}

// judge returns why floors deny what is asked; or else which of them let it through by an exception, and until when.
func (f floors) judge(asked acceptAsked) floorVerdict {
	var verdict floorVerdict
	for _, bound := range f.binding(asked.target.scope) {
		if !bound.forbids(asked.Mode) {
			continue
		}
		exception, excepted := bound.exceptionFor(asked, f.now)
		if !excepted {
			denial := belowFloor(asked, bound)
			return floorVerdict{denied: &denial}
		}
		if verdict.until == "" || exception.Until < verdict.until {
			verdict.until = exception.Until
		}
		verdict.notes = append(verdict.notes, exceptedFromFloor(asked, bound, exception, f.now))
	}
	return verdict
}

// forbids reports whether the mode is weaker than the floor allows. Inherit declares nothing, so it is never too weak.
func (f floor) forbids(mode meshtlsv1alpha1.AcceptMode) bool {
	return mode != meshtlsv1alpha1.AcceptInherit && strictness(mode) < strictness(f.weakest)
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

func belowFloor(asked acceptAsked, f floor) model.Finding {
	return model.Finding{
		Check:     "accept-below-floor",
		Severity:  meshtlsv1alpha1.SeverityError,
		Subject:   model.PolicyRef(keyOf(asked.policy)),
		Related:   policyRef(f.from),
		Field:     asked.field,
		Message:   f.belowWords(asked) + "; it is not rendered." + f.endedWords(asked),
		Remedy:    fmt.Sprintf("Declare %s or a stricter mode, or have the floor lowered there.", f.weakest),
		Condition: meshtlsv1alpha1.ConditionAccepted,
		Reason:    meshtlsv1alpha1.ReasonBelowFloor,
	}
}

// belowWords say that what is asked is below the floor.
func (f floor) belowWords(asked acceptAsked) string {
	return fmt.Sprintf("%s is weaker than %s, the floor that MeshTLSPolicy %s sets for this %s",
		asked.Mode, f.weakest, keyOf(f.from), floorReach(asked.policy, f))
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
