package rollout

import (
	"slices"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
)

// TestPerWorkload is a namespace with some clean workloads: they become Strict, and the others wait.
func TestPerWorkload(t *testing.T) {
	t.Parallel()
	front, payments, old := Unit{Workload: "front"}, Unit{Workload: "payments"}, Unit{Workload: "old"}
	namespace := Force{Mode: permissive, Units: []Unit{front, old, payments}}
	seen := found(now)
	seen.Dirty = []Unit{old}
	tests := map[string]struct {
		spec Spec
		last Clocks
		seen Seen
		want []Unit
	}{
		"the clean ones":                 {week(), inPhase(Observing, 169*time.Hour), seen, []Unit{front, payments}},
		"while others have been blocked": {week(), inPhase(Blocked, 169*time.Hour), seen, []Unit{front, payments}},
		"the time is not over":           {week(), inPhase(Observing, 160*time.Hour), seen, nil},
		"somebody must approve":          {week(manual), inPhase(Observing, 169*time.Hour), seen, nil},
		"nothing is known":               {week(), inPhase(Observing, 169*time.Hour), Seen{Outcome: evidence.Unknown, Doubt: "Why not.", Dirty: []Unit{old}}, nil},
		"what is Strict stays so, though it has such calls now": {
			week(), inPhase(Blocked, time.Hour, func(c *Clocks) { c.Promoted = []Unit{old} }), seen, []Unit{old},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Next(Input{Spec: tc.spec, Force: namespace, Last: tc.last, Seen: tc.seen, Now: now})
			if got.Intent.Mode != permissive || !slices.Equal(got.Intent.Strict, tc.want) {
				t.Errorf("got %s and %v Strict, want %v", got.Intent.Mode, got.Intent.Strict, tc.want)
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
