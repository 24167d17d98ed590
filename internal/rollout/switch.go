package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// switching makes unit by unit Strict, and all of the target last: that step alone closes every connection.
func (w *walk) switching() Stage {
	c := &w.clocks
	switch {
	case c.SwitchAt.IsZero() && !w.Turn.May:
		return w.enter(Switching, turnMessage)
	case c.SwitchAt.IsZero():
		c.SwitchAt = w.Now.Add(w.Turn.Announce)
	case !w.Now.Before(c.SwitchAt):
		return w.step()
	}
	stage := w.enter(Switching, w.announcement())
	stage.Again = c.SwitchAt
	return stage
}

// step does what is due.
func (w *walk) step() Stage {
	if late := w.notInForce(); len(late) > 0 {
		return w.enter(Switching, fmt.Sprintf("The switch goes on when %s is Strict: see the condition Effective for why it is not.", list(late)))
	}
	next, left := w.next()
	if left {
		w.clocks.Promoted = union(w.clocks.Promoted, []Unit{next})
		w.clocks.SwitchAt = w.Now.Add(w.Turn.Step)
		stage := w.enter(Switching, w.announcement())
		stage.Again = w.clocks.SwitchAt
		return stage
	}
	w.fold()
	stage, _ := w.probation()
	return stage
}

// fold makes the whole target Strict. Where the clocks have stood still, that was before the probation.
func (w *walk) fold() {
	w.clocks.SwitchedAt, w.clocks.SwitchAt, w.clocks.Promoted = w.Now, time.Time{}, nil
	w.clocks.StoppedAt = time.Time{}
	if w.stopped() {
		w.clocks.StoppedAt = w.Now
	}
}

// notInForce returns the units that were made Strict and are not.
func (w *walk) notInForce() []Unit {
	return slices.DeleteFunc(slices.Clone(w.clocks.Promoted), func(u Unit) bool {
		return slices.Contains(w.Force.Strict, u) || !slices.Contains(w.Force.Units, u)
	})
}

// next returns the unit whose turn it is.
func (w *walk) next() (Unit, bool) {
	for _, u := range w.Force.Units {
		if !w.isStrict(u) {
			return u, true
		}
	}
	return Unit{}, false
}

// promoteClean makes the workloads of a namespace Strict that are clean although others are not: one at a time, each announced.
func (w *walk) promoteClean() {
	c := &w.clocks
	next, is := w.nextClean()
	switch {
	case !is || c.SwitchAt.IsZero() && !w.Turn.May:
		c.SwitchAt = time.Time{}
	case c.SwitchAt.IsZero():
		c.SwitchAt = w.Now.Add(w.Turn.Announce)
	case !w.Now.Before(c.SwitchAt) && len(w.notInForce()) == 0:
		c.Promoted, c.SwitchAt = union(c.Promoted, []Unit{next}), time.Time{}
		if _, more := w.nextClean(); more {
			c.SwitchAt = w.Now.Add(w.Turn.Step)
		}
	}
}

// nextClean returns the workload that may become Strict before the others.
func (w *walk) nextClean() (Unit, bool) {
	timely := !w.Now.Before(w.clocks.StartedAt.Add(w.Spec.Observe))
	open := w.Spec.Gate == GateEvidence || w.Spec.Gate == GateManual && w.clocks.Opened
	if !timely || !open || w.Force.Mode == meshtlsv1alpha1.AcceptStrict {
		return Unit{}, false
	}
	for _, u := range w.Force.Units {
		if u.Workload != "" && !slices.Contains(w.Seen.Dirty, u) && !w.isStrict(u) {
			return u, true
		}
	}
	return Unit{}, false
}

// isStrict reports whether the unit is Strict, or made so.
func (w *walk) isStrict(u Unit) bool {
	return slices.Contains(w.Force.Strict, u) || slices.Contains(w.clocks.Promoted, u)
}

func compareUnits(a, b Unit) int {
	return cmp.Or(strings.Compare(a.Workload, b.Workload), cmp.Compare(a.Port, b.Port))
}

// String returns the unit in a sentence.
func (u Unit) String() string {
	if u.Workload != "" {
		return "workload " + u.Workload
	}
	return fmt.Sprintf("port %d", u.Port)
}

// list names the first units, and counts the others.
func list(units []Unit) string {
	const most = 8
	var names []string
	for _, u := range units[:min(len(units), most)] {
		names = append(names, u.String())
	}
	if more := len(units) - most; more > 0 {
		return strings.Join(names, ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
