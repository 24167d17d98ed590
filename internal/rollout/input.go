package rollout

import (
	"slices"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
)

// Gate is what lets a target through to Strict.
type Gate = meshtlsv1alpha1.RolloutGate

// The gates.
const (
	GateEvidence = meshtlsv1alpha1.GateEvidence
	GateManual   = meshtlsv1alpha1.GateManual
	GateTimer    = meshtlsv1alpha1.GateTimer
)

// Reaction is what happens when calls are refused in the probation.
type Reaction = meshtlsv1alpha1.RolloutReaction

// The reactions.
const (
	Hold = meshtlsv1alpha1.ReactionHold
	Undo = meshtlsv1alpha1.ReactionUndo
)

// Spec is the rollout that a policy asks for.
type Spec struct {
	// ID stands for what is asked for, less Paused. A rollout that was undone begins anew when it changes.
	ID      string
	Observe time.Duration
	Gate    Gate
	// Approve opens a Manual gate when it changes.
	Approve   string
	Paused    bool
	Probation time.Duration
	OnRefusal Reaction
}

// Unit is what can be made Strict by itself before the rest: a port, or, of a whole namespace, a workload.
type Unit struct {
	Port     int32
	Workload string
}

// Force is what is in force for the target.
type Force struct {
	// Waits says, as a full sentence, why there is nothing to roll out to yet: no pods, or the policy is not accepted. Empty: there is.
	Waits string
	// Mode is what the target accepts where no unit says more. Of pods that differ it is the weakest.
	Mode meshtlsv1alpha1.AcceptMode
	// Strict are the units that are Strict.
	Strict []Unit
	// Units are all that can be made Strict by themselves, in the order in which they are to be.
	Units []Unit
	// Floor is the weakest mode that a policy above allows; empty: any.
	Floor meshtlsv1alpha1.AcceptMode
}

// Seen is what the evidence says.
type Seen struct {
	// Outcome is empty while the source is being asked.
	Outcome evidence.Outcome
	// Doubt is why it is Unknown, as full sentences.
	Doubt string
	// From is since when the source can tell.
	From time.Time
	// Refusable are the calls that Strict would refuse, less those that the policy ignores.
	Refusable []evidence.Call
	// Dirty are the workloads that may not become Strict before the others: such a call came to them, or may have, or nothing is proved
	// of them.
	Dirty []Unit
	// Missing says, as full sentences, what is not proved: ports without a call with mutual TLS, clients that were expected. Empty:
	// all is.
	Missing string
	// Refused is what Strict has refused since the switch.
	Refused evidence.Refusals
}

// latest is when a refusable call was last seen, not later than now. Calls without a date came before the source began to look.
func (s Seen) latest(now time.Time) time.Time {
	var latest time.Time
	for _, c := range s.Refusable {
		if c.LastSeen.After(latest) {
			latest = c.LastSeen
		}
	}
	if latest.After(now) {
		return now
	}
	return latest
}

// Turn is what the shell leaves to the target.
type Turn struct {
	// May says that it may begin to switch: not too many do at a time.
	May bool
	// Announce is how long before the first step the switch is told of, and Step the time between two steps.
	Announce, Step time.Duration
}

// Input is all that the next stage depends on.
type Input struct {
	Spec  Spec
	Force Force
	// Last are the clocks of the last stage; zero: there was none.
	Last Clocks
	Seen Seen
	Turn Turn
	Now  time.Time
}

// Phase is where a rollout stands.
type Phase = meshtlsv1alpha1.RolloutPhase

// The phases of a rollout.
const (
	Waiting          = meshtlsv1alpha1.RolloutWaiting
	Observing        = meshtlsv1alpha1.RolloutObserving
	Blocked          = meshtlsv1alpha1.RolloutBlocked
	AwaitingApproval = meshtlsv1alpha1.RolloutAwaitingApproval
	Switching        = meshtlsv1alpha1.RolloutSwitching
	Probation        = meshtlsv1alpha1.RolloutProbation
	Completed        = meshtlsv1alpha1.RolloutCompleted
	Undone           = meshtlsv1alpha1.RolloutUndone
	Paused           = meshtlsv1alpha1.RolloutPaused
)

// Phases returns all phases, in the order of a rollout.
func Phases() []Phase {
	return []Phase{Waiting, Observing, Blocked, AwaitingApproval, Switching, Probation, Completed, Undone, Paused}
}

// Clocks are what is kept from one stage to the next. All of it may be lost.
type Clocks struct {
	ID    string
	Phase Phase
	// Since is when the phase began.
	Since time.Time
	// StartedAt is when the rollout began to observe, and CleanSince since when nothing speaks against Strict. Both leave out the time
	// in which nothing was known.
	StartedAt, CleanSince time.Time
	// StoppedAt is when the clocks were stopped; zero: they run.
	StoppedAt time.Time
	// SwitchAt is when the next step of the switch is due, and SwitchedAt when the last was done.
	SwitchAt, SwitchedAt time.Time
	// Approved is the approval that does not count, or no more: it was there when the rollout began.
	Approved string
	// Opened says that the Manual gate was opened.
	Opened bool
	// Kept are the units that were Strict when the rollout began, and Promoted those that it has made so.
	Kept, Promoted []Unit
	// Attempts counts the switches that were undone.
	Attempts int
}

// Intent is what the target is to accept now.
type Intent struct {
	Mode meshtlsv1alpha1.AcceptMode
	// Strict are the units that are Strict although the mode is not.
	Strict []Unit
}

// Stage is how far a rollout has come.
type Stage struct {
	Clocks
	Intent Intent
	// Message says where it stands, as full sentences.
	Message string
	// Keep says that there is nothing new to tell: the source is being asked.
	Keep bool
	// Stalled says that it goes on only if somebody acts.
	Stalled bool
	// Again is when to ask again at the latest, whatever is seen; zero: no time will change anything.
	Again time.Time
}

// strength orders modes by how much they refuse.
func strength(mode meshtlsv1alpha1.AcceptMode) int {
	return slices.Index([]meshtlsv1alpha1.AcceptMode{
		meshtlsv1alpha1.AcceptDisable, meshtlsv1alpha1.AcceptPermissive, meshtlsv1alpha1.AcceptStrict,
	}, mode)
}

// Stronger returns the mode of the two that refuses more.
func Stronger(a, b meshtlsv1alpha1.AcceptMode) meshtlsv1alpha1.AcceptMode {
	if strength(b) > strength(a) {
		return b
	}
	return a
}

// union returns the units of all lists, each once, ordered.
func union(lists ...[]Unit) []Unit {
	all := slices.Concat(lists...)
	slices.SortFunc(all, compareUnits)
	return slices.Compact(all)
}
