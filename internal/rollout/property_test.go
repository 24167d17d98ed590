package rollout

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
)

// world is a target with its rollout: what is in force follows what the machine wants, late, early or never; the status may be lost.
type world struct {
	random *rand.Rand
	spec   Spec
	now    time.Time
	force  Force
	status Clocks
	stage  Stage
	// undone counts how often a status that was not lost said Undone.
	undone int
}

func newWorld(seed uint64) *world {
	random := rand.New(rand.NewPCG(seed, 7))
	w := &world{random: random, now: now, spec: week(func(s *Spec) { s.Observe = time.Hour })}
	w.force = force([]meshtlsv1alpha1.AcceptMode{disable, permissive, permissive, permissive, strict}[random.IntN(5)])
	if random.IntN(2) == 0 {
		w.force.Units = []Unit{{Workload: "cart"}, {Workload: "front"}, {Workload: "old"}}
	}
	if w.force.Mode == permissive && random.IntN(3) == 0 {
		w.force.Strict = w.force.Units[1:2]
	}
	w.respecify()
	return w
}

// respecify changes what is asked for.
func (w *world) respecify() {
	w.spec.ID = []string{"a", "b", "c"}[w.random.IntN(3)]
	w.spec.Gate = []Gate{GateEvidence, GateManual, GateTimer}[w.random.IntN(3)]
	w.spec.OnRefusal = []Reaction{Hold, Undo}[w.random.IntN(2)]
	w.spec.Probation = []time.Duration{0, 30 * time.Minute}[w.random.IntN(2)]
	w.spec.Paused = w.random.IntN(5) == 0
	w.spec.Approve = []string{"", "x", "y"}[w.random.IntN(3)]
}

// pass lets time go by, or jump, and the machine take a step. It returns what was in force, and the phase that the status said.
func (w *world) pass() (before Force, last Phase) {
	w.now = w.now.Add(time.Duration(w.random.IntN(40)) * time.Minute)
	switch w.random.IntN(40) {
	case 0:
		w.now = w.now.Add(-3 * time.Hour)
	case 1:
		w.now = w.now.Add(1000 * time.Hour)
	case 2:
		w.status, w.undone = Clocks{}, 0
	case 3, 4:
		w.respecify()
	case 5:
		w.force.Floor = []meshtlsv1alpha1.AcceptMode{"", permissive, strict}[w.random.IntN(3)]
	case 6:
		w.force.Waits = []string{"", "No pods."}[w.random.IntN(2)]
	default:
		w.force.Waits = ""
	}
	before, last = w.force, w.status.Phase
	w.stage = Next(Input{Spec: w.spec, Force: w.force, Last: w.status, Seen: w.see(), Now: w.now,
		Turn: Turn{May: w.random.IntN(4) > 0, Announce: time.Minute, Step: time.Minute}})
	return before, last
}

// settle writes objects, and then the status. Either may fail.
func (w *world) settle() {
	if w.random.IntN(6) == 0 {
		return
	}
	w.force.Mode, w.force.Strict = w.stage.Intent.Mode, w.stage.Intent.Strict
	if w.random.IntN(6) == 0 {
		return
	}
	if w.stage.Phase == Undone && w.status.Phase != Undone {
		w.undone++
	}
	if w.stage.Phase != Undone && w.status.Phase == Undone {
		w.undone = 0 // another rollout
	}
	w.status = w.stage.Clocks
}

func (w *world) see() Seen {
	seen := []Seen{asking, clean, clean, clean, clean, unknown, missing, found(w.now), found(w.now.Add(-20 * time.Minute)), found(w.now.Add(time.Hour))}[w.random.IntN(10)]
	if seen.Outcome != "" && seen.Outcome != evidence.Unknown {
		seen.From = w.now.Add(-time.Duration(w.random.IntN(300)) * time.Minute)
	}
	if w.random.IntN(4) == 0 {
		seen = refused(seen)
	}
	if len(w.force.Units) > 2 {
		seen.Dirty = w.force.Units[w.random.IntN(len(w.force.Units)):]
	}
	return seen
}

const (
	worlds = 800
	passes = 120
)

// TestNeverWeaker walks through random worlds: whatever is seen, lost, restarted and set to another time, the machine never asks for less
// than what is in force, save one Undo of a rollout, and that only on the word of a status.
func TestNeverWeaker(t *testing.T) {
	t.Parallel()
	ends, ahead := map[Phase]int{}, 0
	for seed := range uint64(worlds) {
		w := newWorld(seed)
		for step := range passes {
			before, last := w.pass()
			undoing := last == Undone && w.stage.Phase == Undone
			if !undoing && weaker(before, w.stage.Intent) {
				t.Fatalf("seed %d, step %d: %s (was %s) asks for %+v where %s with %v Strict is in force", seed, step,
					w.stage.Phase, last, w.stage.Intent, before.Mode, before.Strict)
			}
			w.settle()
			if w.undone > 1 {
				t.Fatalf("seed %d, step %d: undone %d times", seed, step, w.undone)
			}
			ends[w.stage.Phase]++
			if w.stage.Phase == Blocked && len(w.stage.Intent.Strict) > len(before.Strict) {
				ahead++
			}
		}
	}
	if ahead == 0 {
		t.Error("no workload ever became Strict before the others")
	}
	for _, phase := range Phases() {
		if ends[phase] == 0 {
			t.Errorf("no world was ever in the phase %s", phase)
		}
	}
}

// weaker reports whether the target would accept more at some port than it does.
func weaker(f Force, i Intent) bool {
	for _, u := range append(slices.Clone(f.Units), Unit{}) {
		if strength(accepts(i.Mode, i.Strict, u)) < strength(accepts(f.Mode, f.Strict, u)) {
			return true
		}
	}
	return false
}

func accepts(mode meshtlsv1alpha1.AcceptMode, strictUnits []Unit, u Unit) meshtlsv1alpha1.AcceptMode {
	if slices.Contains(strictUnits, u) {
		return strict
	}
	return mode
}

// reachable returns the pairs of phases that random worlds come through.
func reachable() map[[2]Phase]bool {
	pairs := map[[2]Phase]bool{}
	for seed := range uint64(worlds) {
		w := newWorld(seed)
		for range passes {
			_, last := w.pass()
			pairs[[2]Phase{last, w.stage.Phase}] = true
			w.settle()
		}
	}
	return pairs
}
