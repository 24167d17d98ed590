package apply

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// TestContests lets somebody fight for an object, and looks at it as often as its events bring the operator to it.
func TestContests(t *testing.T) {
	const step = 50 * time.Millisecond
	edited := pa(disable, with(ours("a", "p"), func(m *metav1.ObjectMeta) {
		m.ManagedFields = []metav1.ManagedFieldsEntry{
			{Manager: FieldManager}, {Manager: "intruder", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:mtls":{}}}`)},
		}
	}))
	tests := map[string]struct {
		// spoiled is the object as somebody leaves it; nil: deleted. They do so after each of our writes, or every so often.
		spoiled object
		every   time.Duration
		plan    func(write int) mode
		// wantWrites are those of two minutes at most, wantToldBy when it is said, at the latest; zero: never.
		wantWrites int
		wantToldBy time.Duration
		wantBy     string
	}{
		"somebody changes it each time":           {spoiled: edited, wantWrites: 9, wantToldBy: 5 * time.Second, wantBy: "intruder"},
		"somebody deletes it each time":           {wantWrites: 9, wantToldBy: 5 * time.Second},
		"somebody changes it now and then":        {spoiled: edited, every: 30 * time.Second, wantWrites: 5},
		"what is planned changes each time":       {spoiled: edited, plan: func(write int) mode { return []mode{strict, permissive}[write%2] }, wantWrites: int(2 * time.Minute / step)},
		"somebody changes it often, but not ever": {spoiled: edited, every: 5 * time.Second, wantWrites: 25, wantToldBy: 11 * time.Second, wantBy: "intruder"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			clock := time.Unix(0, 0)
			contests := NewContests()
			contests.now = func() time.Time { return clock }
			live, writes, told := tc.spoiled, 0, time.Duration(-1)
			spoiledAt := clock
			for ; clock.Before(time.Unix(120, 0)); clock = clock.Add(step) {
				want := strict
				if tc.plan != nil {
					want = tc.plan(writes)
				}
				c := change{ref: RefOf(pa(strict, ours("a", "p"))), live: live, want: pa(want, ours("a", "p"))}
				var err error
				spoiled := !clock.Before(spoiledAt)
				if spoiled {
					err = contests.admit(c)
				}
				written := spoiled && err == nil
				for _, failure := range contests.standing("shop", nil) {
					err = errors.Join(err, failure.Err)
				}
				if err != nil && told < 0 {
					told = clock.Sub(time.Unix(0, 0))
					if !errors.Is(err, ErrContested) || !strings.Contains(err.Error(), tc.wantBy) {
						t.Errorf("got %v, want it contested by %q", err, tc.wantBy)
					}
				}
				if written {
					contests.note(c)
					writes++
					spoiledAt = clock.Add(tc.every)
				}
			}
			if writes > tc.wantWrites {
				t.Errorf("%d writes in two minutes, want %d at most", writes, tc.wantWrites)
			}
			if (told >= 0) != (tc.wantToldBy > 0) || told > tc.wantToldBy {
				t.Errorf("told after %s, want it by %s", told, tc.wantToldBy)
			}
		})
	}
}

func TestContestsEnd(t *testing.T) {
	clock := time.Unix(0, 0)
	contests := NewContests()
	contests.now = func() time.Time { return clock }
	c := change{ref: RefOf(pa(strict, ours("a", "p"))), want: pa(strict, ours("a", "p"))}
	for range 1 + contestedFrom {
		contests.note(c)
	}
	standing := func() int { return len(contests.standing("shop", nil)) }
	if got := standing(); got != 1 {
		t.Fatalf("%d standing, want 1", got)
	}
	if got := len(contests.standing("shop", map[model.ObjectRef]bool{c.ref: true})); got != 0 {
		t.Errorf("%d standing beside the failure of a write, want none", got)
	}
	waits := 0
	for wait := contests.Wait("shop"); wait > 0; wait = contests.Wait("shop") {
		clock = clock.Add(wait)
		if waits++; waits > 5 {
			t.Fatal("the waits do not end")
		}
	}
	if got := standing(); got != 0 {
		t.Errorf("%d standing after the last wait, want none", got)
	}
	if failure := (model.Failure{Reason: meshtlsv1alpha1.ReasonContested, Err: ErrContested}); Retried(failure) || !lasts(failure) {
		t.Error("a contest is waited for by a timer, not by retries, and holds back no other object")
	}
	clock = clock.Add(time.Hour)
	contests.note(change{ref: model.ObjectRef{Namespace: "other"}, want: c.want})
	if got := len(contests.namespaces["shop"]); got != 0 {
		t.Errorf("%d objects are remembered after an hour, want none", got)
	}
}

// TestOwnDeletionsAreNoContest: what the plan takes away and brings back is not changed by somebody else.
func TestOwnDeletionsAreNoContest(t *testing.T) {
	s, contests := newStore(model.Objects{}), NewContests()
	s.fail, s.look = func() error { return nil }, func() {}
	planned := objectsOf(dr("h", ours("d", "p")))
	for i := range 8 {
		want := []model.Objects{planned, {}}[i%2]
		done := Applier{Client: s, Contests: contests, Pace: NewPace(0)}.Apply(t.Context(), Work{Namespace: "shop", Live: s.all(), Want: want})
		if len(done.Failures) > 0 || len(done.Changes) != 1 {
			t.Fatalf("pass %d: got %v and %v, want one change", i, done.Changes, done.Failures)
		}
	}
}
