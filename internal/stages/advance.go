package stages

import (
	"hash/fnv"
	"slices"
	"time"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/rollout"
	"github.com/meshtls/meshtls/internal/translate"
)

// turnWait is how long a rollout waits until it asks again whether it is its turn.
const turnWait = time.Minute

// Pace is how fast targets are switched.
type Pace struct {
	// Announce is how long a switch is told of before its first step, and Jitter by how much that differs between policies at most, so
	// that those that become ripe together do not switch together.
	Announce, Jitter time.Duration
	// Step is the time between two steps.
	Step time.Duration
}

// DefaultPace leaves Envoy the 45 s in which it drains connections, before the next ones are closed.
func DefaultPace() Pace {
	return Pace{Announce: time.Minute, Jitter: time.Minute, Step: 2 * time.Minute}
}

// Input is what the rollouts of a namespace depend on besides its snapshot.
type Input struct {
	// Answers are what was seen, by the policies' UIDs. Of a policy without one the source is being asked.
	Answers map[types.UID]Answer
	// Free is how many targets of the namespace may be switching at a time.
	Free int
	Pace Pace
	Now  time.Time
}

// Answer is what a source says of a question.
type Answer struct {
	// Targets are what the source was asked about: one for each namespace.
	Targets     []evidence.Target
	Observation evidence.Observation
	// Refused is what Strict refused since the switch.
	Refused evidence.Refusals
}

// Question is what a rollout wants to know.
type Question struct {
	UID    types.UID
	Policy types.NamespacedName
	// Namespace and Selector name the target's pods, as translate.Rollout does, and Revision the control plane that they are of.
	Namespace string
	Selector  map[string]string
	Revision  string
	// Besides are workloads of the namespace that are asked about although something narrower says what they accept.
	Besides []string
	// Observe is how far to look back; zero: calls are not asked for.
	Observe time.Duration
	// RefusedSince is since when refusals are asked for; zero: they are not.
	RefusedSince time.Time
}

// Advanced is a namespace whose rollouts have moved on.
type Advanced struct {
	// Snapshot has the stages that hold now in the statuses of its policies.
	Snapshot  model.Snapshot
	Questions []Question
	// Switching is how many of its targets are at it.
	Switching int
	// Again is when to come back at the latest; zero: no time will change anything.
	Again time.Time
}

// Advance moves each rollout of the snapshot's namespace on. Without any it returns the snapshot as it is.
func Advance(s model.Snapshot, in Input) Advanced {
	a := Advanced{Snapshot: s}
	if !slices.ContainsFunc(s.Policies, concerned) {
		return a
	}
	a.Snapshot.Policies = slices.Clone(s.Policies)
	in.Now = in.Now.Truncate(time.Second).UTC()
	views := mesh.NewViews(s.Inventory)
	reached := map[types.UID]*meshtlsv1alpha1.RolloutStatus{}
	rollouts := translate.Rollouts(s, views)
	for _, r := range rollouts {
		if last := r.Policy.Status.Rollout; last != nil && last.SwitchAt != nil {
			a.Switching++
		}
	}
	for _, r := range rollouts {
		reached[r.UID()] = a.advance(target{Rollout: r, view: views.Of(r.Revision), written: writtenFor(s, r), audits: auditFor(s, r)}, in)
	}
	for i, p := range s.Policies {
		if concerned(p) {
			a.Snapshot.Policies[i] = p.DeepCopy()
			a.Snapshot.Policies[i].Status.Rollout = reached[p.UID]
		}
	}
	return a
}

// writtenFor returns the PeerAuthentications for single workloads that the policy of a namespace alone owns.
func writtenFor(s model.Snapshot, r translate.Rollout) []*istiosecurityv1.PeerAuthentication {
	return slices.DeleteFunc(model.InNamespace(s.PeerAuthentications, s.Namespace), func(pa *istiosecurityv1.PeerAuthentication) bool {
		alone := len(pa.OwnerReferences) == 1 && pa.OwnerReferences[0].UID == r.UID()
		return !alone || !model.Ours(pa) || len(pa.Spec.GetSelector().GetMatchLabels()) == 0
	})
}

// concerned reports whether the policy has a rollout, or had one.
func concerned(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
	return translate.HasRollout(p) || p.Status.Rollout != nil
}

// advance moves one rollout on.
func (a *Advanced) advance(t target, in Input) *meshtlsv1alpha1.RolloutStatus {
	last := t.Policy.Status.Rollout
	spec := specOf(t.Policy)
	answer, answered := in.Answers[t.UID()]
	turn := rollout.Turn{May: a.Switching < in.Free, Announce: in.Pace.Announce + in.Pace.jitterOf(t.UID()), Step: in.Pace.Step}
	stage := rollout.Next(rollout.Input{
		Spec: spec, Force: t.force(), Last: clocksOf(last), Turn: turn, Now: in.Now, Seen: t.seen(answer, answered),
	})
	now := statusOf(stage, statusInput{target: t, spec: spec, last: last, answer: answer, answered: answered})
	now.AuditAt = t.auditAt(now, last, in)
	now.Message = limited(now.Message+t.auditWords(now, in.Now), messageRoom)
	if last != nil && !answered && stage.Phase == rollout.Probation && last.Phase == stage.Phase {
		now.Message = last.Message // what was said of refusals stands until the source has answered
	}
	if last != nil && (stage.Keep && last.AuditAt.Equal(now.AuditAt) || same(*last, now, spec.Observe)) {
		now = *last
	}
	a.ask(t, spec, stage)
	a.count(last, now)
	a.come(later(timeOf(now.AuditAt), in.Now))
	if stage.Phase == rollout.Switching && stage.SwitchAt.IsZero() {
		stage.Again = in.Now.Add(turnWait)
	}
	a.come(stage.Again)
	return &now
}

// jitterOf returns the policy's own part of the jitter.
func (p Pace) jitterOf(uid types.UID) time.Duration {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(uid)) // it never fails
	return time.Duration(sum.Sum32()) * time.Second % max(p.Jitter, time.Second)
}

// count notes whether the target has begun to switch, or ended.
func (a *Advanced) count(last *meshtlsv1alpha1.RolloutStatus, now meshtlsv1alpha1.RolloutStatus) {
	if last != nil && last.SwitchAt != nil {
		a.Switching--
	}
	if now.SwitchAt != nil {
		a.Switching++
	}
}

// ask takes down what the rollout wants to know next.
func (a *Advanced) ask(t target, spec rollout.Spec, stage rollout.Stage) {
	q := Question{
		UID: t.UID(), Namespace: t.Namespace, Selector: t.Selector, Revision: t.Revision,
		Policy: types.NamespacedName{Namespace: t.Policy.Namespace, Name: t.Policy.Name},
	}
	if t.perWorkload() {
		q.Besides = namesOf(stage.Intent.Strict)
	}
	switch stage.Phase {
	case rollout.Observing, rollout.Blocked, rollout.AwaitingApproval:
		q.Observe = spec.Observe
	case rollout.Switching:
		q.Observe, q.RefusedSince = spec.Observe, stage.Since
	case rollout.Probation:
		q.RefusedSince = stage.SwitchedAt
	}
	if spec.Gate == rollout.GateTimer {
		q.Observe = 0
	}
	if q.Observe > 0 || !q.RefusedSince.IsZero() {
		a.Questions = append(a.Questions, q)
	}
}

func namesOf(units []rollout.Unit) []string {
	var names []string
	for _, u := range units {
		names = append(names, u.Workload)
	}
	return names
}

func (a *Advanced) come(again time.Time) {
	if !again.IsZero() && (a.Again.IsZero() || again.Before(a.Again)) {
		a.Again = again
	}
}
