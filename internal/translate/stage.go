package translate

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// fieldRollout is where a policy asks for a rollout.
const fieldRollout = "spec.accept.rollout"

// stage is what a policy with a rollout asks of its target now: the mode, and the ports that are Strict although the mode is not.
type stage struct {
	mode   meshtlsv1alpha1.AcceptMode
	strict []int32
	// workloads are those of a namespace that are Strict before the others.
	workloads []map[string]string
	told      meshtlsv1alpha1.RolloutStatus
}

// HasRollout reports whether the policy asks for a rollout.
func HasRollout(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
	return p.Spec.Accept != nil && p.Spec.Accept.Rollout != nil && p.Spec.Accept.Mode == meshtlsv1alpha1.AcceptStrict && p.Spec.Gateway == nil
}

// withStages gives the policies that have a rollout its stage: the status says which, and where it says none, the rollout begins.
func withStages(m indexed, policies []policyTarget) []policyTarget {
	bounds := floorsOf(m.Snapshot, policies)
	for i := range policies {
		if p := &policies[i]; HasRollout(p.MeshTLSPolicy) {
			p.stage = stageOf(m, bounds, p)
		}
	}
	return policies
}

func stageOf(m indexed, bounds floors, p *policyTarget) *stage {
	s := &stage{mode: meshtlsv1alpha1.AcceptPermissive, told: firstStatus(meshtlsv1alpha1.AcceptPermissive)}
	switch reached := p.Status.Rollout; {
	case reached != nil && reached.Mode != "":
		s.mode, s.told = reached.Mode, *reached
		s.strict = withoutOwn(reached.StrictPorts, ownPorts(m, p))
		if p.target.scope == scopeNamespace {
			s.workloads = labelsOf(reached.StrictWorkloads)
		}
	case p.target.resolved() && mesh.InForce(m.view(p), m.Namespace, p.target.selector) == meshtlsv1alpha1.AcceptStrict:
		s.mode, s.told = meshtlsv1alpha1.AcceptStrict, firstStatus(meshtlsv1alpha1.AcceptStrict)
	}
	if floorAbove(bounds, p) == meshtlsv1alpha1.AcceptStrict {
		s.mode = meshtlsv1alpha1.AcceptStrict
	}
	if s.mode == meshtlsv1alpha1.AcceptStrict {
		s.strict, s.workloads = nil, nil
	}
	return s
}

// labelsOf returns the labels of the workloads. What nobody can read selects nothing.
func labelsOf(workloads []meshtlsv1alpha1.RolloutWorkload) []map[string]string {
	var all []map[string]string
	for _, w := range workloads {
		if matching, err := k8slabels.ConvertSelectorToLabelsMap(w.Labels); err == nil && len(matching) > 0 {
			all = append(all, matching)
		}
	}
	return all
}

// workloadClaims make single workloads of a namespace Strict for its rollout. They come after all claims of specs: whatever somebody asks
// for these pods goes before.
func workloadClaims(policies []policyTarget) (claims []acceptClaim) {
	for i := range policies {
		p := &policies[i]
		if p.stage == nil {
			continue
		}
		for _, w := range p.stage.workloads {
			set := acceptSet{revision: p.revision(), pods: pods.SetOf(w)}
			claims = append(claims, acceptClaim{
				entryRef: p.at(fieldRollout), entry: implied, key: acceptKey{acceptSet: set}, value: only(meshtlsv1alpha1.AcceptStrict),
			})
		}
	}
	return claims
}

// valueNow returns what the policy asks for as a whole: its rollout's stage, or else its mode.
func (p *policyTarget) valueNow() acceptValue {
	value := only(p.Spec.Accept.Mode)
	if p.stage != nil {
		value.Mode = p.stage.mode
	}
	return value
}

// afterRollout says that a mode is not the one that the spec asks for.
const afterRollout = " (Strict after rollout)"

// words say that the mode is not the one that the spec asks for.
func (s *stage) words(mode meshtlsv1alpha1.AcceptMode) string {
	if s == nil || mode == meshtlsv1alpha1.AcceptStrict {
		return ""
	}
	return afterRollout
}

// stalled reports whether the rollout goes on only if somebody acts: it is undone, or it has been blocked for a day.
func (s *stage) stalled(now metav1.Time) bool {
	since := s.told.Since
	blocked := s.told.Phase == meshtlsv1alpha1.RolloutBlocked && since != nil && !now.Time.Before(since.AddDate(0, 0, 1))
	return blocked || s.told.Phase == meshtlsv1alpha1.RolloutUndone
}

// firstStatus returns what there is to say of a rollout that the operator has not looked at yet.
func firstStatus(mode meshtlsv1alpha1.AcceptMode) meshtlsv1alpha1.RolloutStatus {
	if mode == meshtlsv1alpha1.AcceptStrict {
		return meshtlsv1alpha1.RolloutStatus{
			Phase: meshtlsv1alpha1.RolloutCompleted, Mode: mode, Summary: string(meshtlsv1alpha1.RolloutCompleted),
			Message: "The target is Strict already, so there is nothing to roll out.",
		}
	}
	return meshtlsv1alpha1.RolloutStatus{
		Phase: meshtlsv1alpha1.RolloutObserving, Mode: mode, Summary: string(meshtlsv1alpha1.RolloutObserving),
		Message: "The rollout begins to observe when the operator has looked at the policy.",
	}
}

// floorAbove returns the weakest mode that the floors above let the policy declare as a whole; empty: any.
func floorAbove(bounds floors, p *policyTarget) meshtlsv1alpha1.AcceptMode {
	asked := acceptAsked{
		policyTarget: p, entryRef: p.at("spec.accept.mode"), ports: portNumbers{numbers: []int32{0}},
		acceptValue: only(meshtlsv1alpha1.AcceptPermissive),
	}
	if bounds.judge(asked).denied != nil {
		return meshtlsv1alpha1.AcceptStrict
	}
	return ""
}

// ownPorts returns the ports that have an entry in spec.accept.ports: a rollout leaves them alone.
func ownPorts(m indexed, p *policyTarget) []int32 {
	var own []int32
	for _, port := range p.Spec.Accept.Ports {
		own = append(own, numbersOf(m, p, "", port).numbers...)
	}
	return own
}

func withoutOwn(ports, own []int32) []int32 {
	return slices.DeleteFunc(slices.Clone(ports), func(port int32) bool { return slices.Contains(own, port) })
}

// Rollout is a policy with a rollout, with whose TLS it governs.
type Rollout struct {
	Policy *meshtlsv1alpha1.MeshTLSPolicy
	// Namespace is that of the target's pods; empty: the target is the mesh.
	Namespace string
	// Selector are the labels of the target's pods; empty: all that nothing narrower governs.
	Selector map[string]string
	// Revision is that of the control plane that reads the policy's objects.
	Revision string
	// Unresolved says that the target could not be found out.
	Unresolved bool
	// Floor is the weakest mode that the floors above allow; empty: any.
	Floor meshtlsv1alpha1.AcceptMode
	// OwnPorts have an entry in spec.accept.ports.
	OwnPorts []int32
	// Audit says that the policy asks for an audit policy, and AuditProblem why there is none; empty: there can be one.
	Audit        bool
	AuditProblem string
}

// UID returns the policy's.
func (r Rollout) UID() types.UID { return r.Policy.UID }

// Rollouts lists the policies of the namespace that have a rollout, in order of precedence.
func Rollouts(s model.Snapshot, views *mesh.Views) []Rollout {
	m := indexed{Snapshot: s, views: views}
	policies := withTargets(m)
	bounds := floorsOf(s, policies)
	var all []Rollout
	for i := range policies {
		p := &policies[i]
		if !HasRollout(p.MeshTLSPolicy) {
			continue
		}
		r := Rollout{
			Policy: p.MeshTLSPolicy, Namespace: p.Namespace, Selector: p.target.selector, Revision: p.revision(),
			Unresolved: !p.target.resolved(), Floor: floorAbove(bounds, p), OwnPorts: ownPorts(m, p),
		}
		if p.target.scope == scopeMesh {
			r.Namespace = ""
		}
		if r.Audit = wantsAudit(p); r.Audit {
			r.AuditProblem = auditProblem(m, p)
		}
		all = append(all, r)
	}
	return all
}
