package rollout

import (
	"slices"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
)

// stallsAfter is how long a rollout may be blocked until somebody must act.
const stallsAfter = 24 * time.Hour

// Next returns the next stage of a rollout.
func Next(in Input) Stage {
	w := &walk{Input: in, clocks: in.Last}
	w.begin()
	w.keepTime()
	w.setBack()
	w.hearApproval()
	for _, rule := range rules {
		if stage, applies := rule(w); applies {
			return stage
		}
	}
	return w.switching()
}

// rules are what may keep a rollout from switching; the first that applies decides.
var rules = []func(*walk) (Stage, bool){
	(*walk).undone, (*walk).completed, (*walk).waiting, (*walk).paused, (*walk).probation,
	(*walk).asking, (*walk).unknown, (*walk).blocked, (*walk).observing, (*walk).awaitingApproval,
}

// walk is one step of a rollout.
type walk struct {
	Input
	clocks Clocks
}

// begin sets the clocks of a rollout that is seen for the first time, or that was undone and is asked for in another way.
func (w *walk) begin() {
	again := w.clocks.Phase == Undone && w.clocks.ID != w.Spec.ID
	if w.clocks.Phase == "" || again {
		w.clocks = Clocks{StartedAt: w.Now, CleanSince: w.Now, Approved: w.Spec.Approve, Kept: union(w.Force.Strict)}
	}
	w.clocks.ID = w.Spec.ID
}

// keepTime stops the clocks while nothing is known or nothing shall move, and lets them go on as if that time had not been.
func (w *walk) keepTime() {
	c := &w.clocks
	switch {
	case w.stopped() && c.StoppedAt.IsZero():
		c.StoppedAt = w.Now
	case !w.stopped() && !w.pending() && !c.StoppedAt.IsZero():
		stood := max(0, w.Now.Sub(c.StoppedAt))
		c.StartedAt, c.CleanSince, c.StoppedAt = c.StartedAt.Add(stood), c.CleanSince.Add(stood), time.Time{}
		if w.switched() {
			c.SwitchedAt = c.SwitchedAt.Add(stood)
		}
	}
}

// setBack lets the clean time begin with the last call that Strict would refuse, and not before the source can look back.
func (w *walk) setBack() {
	if w.Spec.Gate == GateTimer || w.pending() || w.Seen.Outcome == evidence.Unknown {
		return
	}
	c := &w.clocks
	if latest := w.Seen.latest(w.Now); latest.After(c.CleanSince) {
		c.CleanSince = latest
	}
	if w.Seen.From.After(c.CleanSince) && w.Seen.From.After(w.Now.Add(-w.Spec.Observe)) {
		c.CleanSince = w.Seen.From
	}
}

// stopped reports whether time does not count.
func (w *walk) stopped() bool {
	blind := w.Spec.Gate != GateTimer && w.Seen.Outcome == evidence.Unknown && !w.switched()
	return w.Spec.Paused || w.Force.Waits != "" || blind
}

// pending reports whether the source is still being asked. Nothing changes by that.
func (w *walk) pending() bool {
	return w.Spec.Gate != GateTimer && w.Seen.Outcome == "" && !w.switched()
}

// switched reports whether all of the target was made Strict.
func (w *walk) switched() bool { return !w.clocks.SwitchedAt.IsZero() }

// hearApproval opens a Manual gate when the approval is another than it was.
func (w *walk) hearApproval() {
	if w.Spec.Approve != w.clocks.Approved {
		w.clocks.Approved, w.clocks.Opened = w.Spec.Approve, w.Spec.Approve != ""
	}
}

// enter returns the stage of the phase, with what the target accepts on its way.
func (w *walk) enter(phase Phase, message string) Stage {
	if w.clocks.Phase != phase {
		w.clocks.Phase, w.clocks.Since = phase, w.Now
	}
	return Stage{Clocks: w.clocks, Intent: w.onTheWay(), Message: message}
}

// onTheWay returns what the target accepts until the switch is over: what is in force, and at least Permissive.
func (w *walk) onTheWay() Intent {
	mode := Stronger(Stronger(w.Force.Mode, meshtlsv1alpha1.AcceptPermissive), w.Force.Floor)
	if mode == meshtlsv1alpha1.AcceptStrict || w.switched() {
		return Intent{Mode: meshtlsv1alpha1.AcceptStrict}
	}
	return Intent{Mode: mode, Strict: union(w.Force.Strict, w.clocks.Promoted)}
}

// undone returns a rollout that has gone back. Only the status of an earlier pass says so: what is in force is loosened after that is
// written.
func (w *walk) undone() (Stage, bool) {
	if w.clocks.Phase != Undone || w.Force.Floor == meshtlsv1alpha1.AcceptStrict {
		return Stage{}, false
	}
	stage := w.enter(Undone, undoneMessage)
	stage.Intent = Intent{Mode: meshtlsv1alpha1.AcceptPermissive, Strict: w.clocks.Kept}
	stage.Stalled = true
	return stage, true
}

// completed returns a target that is Strict, whoever made it so.
func (w *walk) completed() (Stage, bool) {
	inForce := w.Force.Mode == meshtlsv1alpha1.AcceptStrict && w.Force.Waits == ""
	switch {
	case w.clocks.Phase == Completed:
		return w.complete(completedMessage), true
	case w.Force.Floor == meshtlsv1alpha1.AcceptStrict:
		return w.complete(floorMessage), true
	case inForce && w.clocks.Phase == Switching:
		w.fold() // the status of the last step was lost
		return Stage{}, false
	case inForce && !w.switched():
		return w.complete(strictAlreadyMessage), true
	}
	return Stage{}, false
}

func (w *walk) complete(message string) Stage {
	w.clocks.StoppedAt, w.clocks.SwitchAt = time.Time{}, time.Time{}
	stage := w.enter(Completed, message)
	stage.Intent = Intent{Mode: meshtlsv1alpha1.AcceptStrict}
	return stage
}

// waiting returns a target that is not there yet. One that is being switched stays what it is.
func (w *walk) waiting() (Stage, bool) {
	if w.Force.Waits == "" || w.switched() || w.clocks.Phase == Switching {
		return Stage{}, false
	}
	return w.enter(Waiting, w.Force.Waits), true
}

func (w *walk) paused() (Stage, bool) {
	if !w.Spec.Paused {
		return Stage{}, false
	}
	w.clocks.SwitchAt = time.Time{}
	return w.enter(Paused, w.pausedMessage()), true
}

// probation watches for refusals until its time is over.
func (w *walk) probation() (Stage, bool) {
	if !w.switched() {
		return Stage{}, false
	}
	over := !w.Now.Before(w.clocks.SwitchedAt.Add(w.Spec.Probation))
	switch {
	case w.refused() && w.Spec.OnRefusal == Undo && w.clocks.Attempts == 0:
		return w.undo(), true
	case over:
		return w.complete(completedMessage), true
	}
	stage := w.enter(Probation, w.probationMessage())
	stage.Again = w.clocks.SwitchedAt.Add(w.Spec.Probation)
	return stage, true
}

// refused reports whether calls were refused in the probation: what was refused before the last step is not of it.
func (w *walk) refused() bool {
	return w.Seen.Refused.Count > 0 && w.Now.After(w.clocks.SwitchedAt)
}

// undo decides to go back. The target stays Strict until the status says so.
func (w *walk) undo() Stage {
	w.clocks.Attempts++
	stage := w.enter(Undone, undoneMessage+" "+refusedMessage(w.Seen.Refused))
	stage.Stalled, stage.Again = true, w.Now
	return stage
}

// asking leaves everything as it is until the source has answered.
func (w *walk) asking() (Stage, bool) {
	if !w.pending() {
		return Stage{}, false
	}
	phase := w.clocks.Phase
	if phase == "" || phase == Waiting || phase == Paused {
		phase = Observing
	}
	stage := w.enter(phase, askingMessage)
	stage.Keep = phase == w.Last.Phase
	return stage, true
}

// unknown changes nothing either: the clocks stand still.
func (w *walk) unknown() (Stage, bool) {
	if w.Spec.Gate == GateTimer || w.Seen.Outcome != evidence.Unknown {
		return Stage{}, false
	}
	phase := w.clocks.Phase
	if !slices.Contains([]Phase{Observing, Blocked, AwaitingApproval, Switching}, phase) {
		phase = Observing
	}
	return w.enter(phase, w.unknownMessage()), true
}

// blocked returns a target that somebody called a short while ago in a way that Strict refuses.
func (w *walk) blocked() (Stage, bool) {
	latest := w.Seen.latest(w.Now)
	if w.Spec.Gate == GateTimer || latest.IsZero() || latest.Before(w.clocks.StartedAt) || w.Now.Sub(latest) >= w.recent() {
		return Stage{}, false
	}
	w.clocks.Opened = false
	w.promoteClean()
	stage := w.enter(Blocked, w.blockedMessage()+w.aheadMessage())
	stage.Stalled = !w.Now.Before(w.clocks.Since.Add(stallsAfter))
	stage.Again = earliest(w.Now, latest.Add(w.recent()), w.clocks.Since.Add(stallsAfter), w.clocks.SwitchAt)
	return stage, true
}

// recent returns how long after a call its target is still called blocked.
func (w *walk) recent() time.Duration { return min(w.Spec.Observe/6, time.Hour) }

// observing returns a target whose clean time is not over, or is not fully proved.
func (w *walk) observing() (Stage, bool) {
	ripe := w.clocks.CleanSince.Add(w.Spec.Observe)
	timely := !w.Now.Before(ripe)
	proved := w.Spec.Gate == GateTimer || w.Seen.Missing == ""
	if timely && proved {
		return Stage{}, false
	}
	w.promoteClean()
	stage := w.enter(Observing, w.observingMessage(ripe)+w.aheadMessage())
	stage.Again = earliest(w.Now, ripe, w.clocks.SwitchAt)
	return stage, true
}

func (w *walk) awaitingApproval() (Stage, bool) {
	if w.Spec.Gate != GateManual || w.clocks.Opened {
		return Stage{}, false
	}
	return w.enter(AwaitingApproval, approvalMessage), true
}

// earliest returns the first of the times after now; zero: none is.
func earliest(now time.Time, times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if t.After(now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
