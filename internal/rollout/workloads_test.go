package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
)

// TestPerWorkload is a namespace with some clean workloads: they become Strict one after the other, and the others wait.
func TestPerWorkload(t *testing.T) {
	t.Parallel()
	front, payments, old := Unit{Workload: "front"}, Unit{Workload: "payments"}, Unit{Workload: "old"}
	namespace := func(strict ...Unit) Force {
		return Force{Mode: permissive, Units: []Unit{front, old, payments}, Strict: strict}
	}
	blocked := found(now)
	blocked.Dirty = []Unit{old}
	known := Seen{Outcome: evidence.Unknown, Doubt: "Why not.", Dirty: []Unit{old}}
	due := switchAt(now)
	made := func(units ...Unit) func(*Clocks) { return func(c *Clocks) { c.Promoted = units } }
	tests := map[string]struct {
		spec      Spec
		force     Force
		last      Clocks
		seen      Seen
		turn      Turn
		want      []Unit
		wantAt    time.Time
		wantWords string
	}{
		"the first is announced": {
			spec: week(), force: namespace(), last: inPhase(Observing, 169*time.Hour), seen: blocked, turn: Turn{May: true},
			wantAt: now.Add(time.Minute), wantWords: "At 2026-11-30T12:01:00Z workload front becomes Strict, since nothing speaks against it",
		},
		"the first waits for its turn": {spec: week(), force: namespace(), last: inPhase(Observing, 169*time.Hour), seen: blocked},
		"the first becomes Strict, and the next is announced": {
			spec: week(), force: namespace(), last: inPhase(Blocked, 169*time.Hour, due), seen: blocked, want: []Unit{front},
			wantAt: now.Add(2 * time.Minute), wantWords: "Strict already: workload front. At 2026-11-30T12:02:00Z workload payments becomes Strict",
		},
		"the next waits until the first is in force": {
			spec: week(), force: namespace(), last: inPhase(Blocked, 169*time.Hour, due, made(front)), seen: blocked, want: []Unit{front}, wantAt: now,
		},
		"the last clean one": {
			spec: week(), force: namespace(front), last: inPhase(Blocked, 169*time.Hour, due, made(front)), seen: blocked,
			want: []Unit{front, payments}, wantWords: "Strict already: workload front, workload payments.",
		},
		"one that is Strict by itself is left out": {
			spec: week(), force: namespace(front), last: inPhase(Blocked, 169*time.Hour, due), seen: blocked, want: []Unit{front, payments},
		},
		"the time is not over":  {spec: week(), force: namespace(), last: inPhase(Observing, 160*time.Hour, due), seen: blocked, turn: Turn{May: true}},
		"somebody must approve": {spec: week(manual), force: namespace(), last: inPhase(Observing, 169*time.Hour, due), seen: blocked, turn: Turn{May: true}},
		"nothing is known":      {spec: week(), force: namespace(), last: inPhase(Observing, 169*time.Hour), seen: known, turn: Turn{May: true}},
		"what is Strict stays so, though it has such calls now": {
			spec: week(), force: namespace(old), last: inPhase(Blocked, time.Hour, made(old)), seen: blocked, want: []Unit{old},
		},
		"a namespace that was not all clean and is now goes on with the others": {
			spec: week(), force: namespace(front, payments), last: inPhase(Switching, 169*time.Hour, due, made(front, payments)), seen: clean,
			want: []Unit{front, old, payments}, wantAt: now.Add(2 * time.Minute), wantWords: "closes the connections of the pods that are not Strict by then",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.turn.Announce, tc.turn.Step = time.Minute, 2*time.Minute
			got := Next(Input{Spec: tc.spec, Force: tc.force, Last: tc.last, Seen: tc.seen, Turn: tc.turn, Now: now})
			if got.Intent.Mode != permissive || !slices.Equal(got.Intent.Strict, tc.want) || !got.SwitchAt.Equal(tc.wantAt) {
				t.Errorf("got %s, %v Strict, next at %s; want %v, next at %s", got.Intent.Mode, got.Intent.Strict, got.SwitchAt, tc.want, tc.wantAt)
			}
			if !strings.Contains(got.Message, tc.wantWords) {
				t.Errorf("got the message %q, want it to say %q", got.Message, tc.wantWords)
			}
			if tc.wantAt.After(now) && !got.Again.Equal(tc.wantAt) && got.Again.After(tc.wantAt) {
				t.Errorf("got to be asked again at %s, want %s at the latest", got.Again, tc.wantAt)
			}
		})
	}
}

// TestAtRest asks for the next stage again and again while nothing happens: clocks and message stay, so nothing is written.
func TestAtRest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spec  Spec
		force Force
		last  Clocks
		seen  Seen
	}{
		"observing":         {week(), force(permissive), inPhase(Observing, time.Hour), clean},
		"unknown":           {week(), force(permissive), inPhase(Observing, time.Hour), unknown},
		"not proved":        {week(), force(permissive), inPhase(Observing, 169*time.Hour), missing},
		"waiting":           {week(), waits(force(permissive)), inPhase(Waiting, time.Hour), asking},
		"paused":            {week(paused), force(permissive), inPhase(Paused, time.Hour), clean},
		"awaiting approval": {week(manual), force(permissive), inPhase(AwaitingApproval, 169*time.Hour), clean},
		"in probation":      {week(), force(strict), inPhase(Probation, 169*time.Hour, switchedAt(now)), clean},
		"completed":         {week(), force(strict), inPhase(Completed, 169*time.Hour), clean},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := Input{Spec: tc.spec, Force: tc.force, Last: tc.last, Seen: tc.seen, Now: now, Turn: Turn{May: true, Announce: time.Minute}}
			first := Next(in)
			for minutes := range 20 {
				in.Last, in.Now = first.Clocks, now.Add(time.Duration(minutes)*time.Minute)
				next := Next(in)
				if next.Message != first.Message || next.Phase != first.Phase || !next.CleanSince.Equal(first.CleanSince) ||
					!next.StoppedAt.Equal(first.StoppedAt) {
					t.Fatalf("after %d minutes got %+v, want %+v", minutes, next, first)
				}
			}
		})
	}
}

// TestKeep tells nothing while a source is asked, also after a restart.
func TestKeep(t *testing.T) {
	t.Parallel()
	in := Input{Spec: week(), Force: force(permissive), Last: inPhase(Blocked, time.Hour), Seen: asking, Now: now}
	if got := Next(in); !got.Keep {
		t.Error("a source that is being asked changes what is told")
	}
	in.Last = Clocks{}
	if got := Next(in); got.Keep {
		t.Error("of a new rollout nothing is told")
	}
}

// TestApprovalIsSpent opens a gate once: what was approved before a client was found is not approved any more.
func TestApprovalIsSpent(t *testing.T) {
	t.Parallel()
	in := Input{Spec: week(manual, approvedAgain), Force: force(permissive), Last: inPhase(AwaitingApproval, 169*time.Hour, opened), Now: now,
		Seen: found(now), Turn: Turn{May: true}}
	in.Last.Approved = in.Spec.Approve
	blocked := Next(in)
	in.Last, in.Seen, in.Now = blocked.Clocks, clean, now.Add(200*time.Hour)
	if got := Next(in); got.Phase != AwaitingApproval {
		t.Errorf("got %s, want a new approval to be awaited", got.Phase)
	}
}

// TestProbationBeginsWithTheSwitch loses the status of the last step while nothing is known: the hour in which the clocks stood still was
// before the probation, so it does not put that off, and calls that are refused are heard of.
func TestProbationBeginsWithTheSwitch(t *testing.T) {
	t.Parallel()
	in := Input{
		Spec: week(undoing), Force: force(strict), Seen: unknown, Now: now,
		Last: inPhase(Switching, 169*time.Hour, switchAt(now), stoppedAt(ago(time.Hour))),
	}
	switched := Next(in)
	in.Last, in.Seen, in.Now = switched.Clocks, refused(clean), now.Add(time.Minute)
	if got := Next(in); got.Phase != Undone || !got.SwitchedAt.Equal(now) {
		t.Errorf("got %s, switched at %s; want Undone, switched at %s", got.Phase, got.SwitchedAt, now)
	}
}
