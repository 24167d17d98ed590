package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
)

const (
	permissive = meshtlsv1alpha1.AcceptPermissive
	strict     = meshtlsv1alpha1.AcceptStrict
	disable    = meshtlsv1alpha1.AcceptDisable
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// port returns a port that can be made Strict by itself.
func port(number int32) Unit { return Unit{Port: number} }

// week returns a rollout that observes for a week.
func week(change ...func(*Spec)) Spec {
	s := Spec{ID: "a", Observe: 168 * time.Hour, Gate: GateEvidence, Probation: 30 * time.Minute, OnRefusal: Hold}
	for _, c := range change {
		c(&s)
	}
	return s
}

func paused(s *Spec)        { s.Paused = true }
func manual(s *Spec)        { s.Gate = GateManual }
func timer(s *Spec)         { s.Gate = GateTimer }
func undoing(s *Spec)       { s.OnRefusal = Undo }
func noProbation(s *Spec)   { s.Probation = 0 }
func other(s *Spec)         { s.ID = "b" }
func approvedAgain(s *Spec) { s.Approve = "2026-12-01" }

// force returns what is in force: two ports; the given ones are Strict.
func force(mode meshtlsv1alpha1.AcceptMode, strictPorts ...int32) Force {
	f := Force{Mode: mode, Units: []Unit{port(8080), port(8090)}}
	for _, p := range strictPorts {
		f.Strict = append(f.Strict, port(p))
	}
	return f
}

func waits(f Force) Force {
	f.Waits = "No pod of the target is there."
	return f
}

func strictFloor(f Force) Force {
	f.Floor = strict
	return f
}

// inPhase returns a rollout that began so long ago, and entered its phase an hour ago.
func inPhase(phase Phase, began time.Duration, change ...func(*Clocks)) Clocks {
	c := Clocks{ID: "a", Phase: phase, Since: ago(time.Hour), StartedAt: ago(began), CleanSince: ago(began)}
	for _, f := range change {
		f(&c)
	}
	return c
}

func switchAt(t time.Time) func(*Clocks)   { return func(c *Clocks) { c.SwitchAt = t } }
func switchedAt(t time.Time) func(*Clocks) { return func(c *Clocks) { c.SwitchedAt = t } }
func stoppedAt(t time.Time) func(*Clocks)  { return func(c *Clocks) { c.StoppedAt = t } }
func since(t time.Time) func(*Clocks)      { return func(c *Clocks) { c.Since = t } }
func opened(c *Clocks)                     { c.Opened = true }
func onceUndone(c *Clocks)                 { c.Attempts = 1 }
func promoted(ports ...int32) func(*Clocks) {
	return func(c *Clocks) {
		for _, p := range ports {
			c.Promoted = append(c.Promoted, port(p))
		}
	}
}

var (
	asking  = Seen{}
	clean   = Seen{Outcome: evidence.Clean, From: ago(400 * time.Hour)}
	unknown = Seen{Outcome: evidence.Unknown, Doubt: "Prometheus at a refuses the connection."}
	missing = Seen{Outcome: evidence.Clean, From: ago(400 * time.Hour), Missing: "No call with mutual TLS came to port 8090."}
)

// found returns a call of crawler at a time.
func found(last time.Time) Seen {
	call := evidence.Call{Client: evidence.Workload{Namespace: "legacy", Name: "crawler"}, Server: evidence.Workload{Namespace: "shop", Name: "payments"},
		Port: 8080, Count: 3, LastSeen: last}
	return Seen{Outcome: evidence.Found, From: ago(400 * time.Hour), Refusable: []evidence.Call{call}, Dirty: []Unit{port(8080)}}
}

func refused(s Seen) Seen {
	s.Refused = evidence.Refusals{Visible: true, Count: 3}
	return s
}

// transition is one step of the machine.
type transition struct {
	spec  Spec
	force Force
	last  Clocks
	seen  Seen
	turn  *Turn
	want  Phase
	// wantMode is Permissive unless said otherwise; wantStrict are the ports that are Strict besides.
	wantMode   meshtlsv1alpha1.AcceptMode
	wantStrict []int32
	// wantWords must be in the message.
	wantWords   string
	wantStalled bool
	wantAgain   time.Time
	// wantCleanSince is checked where it is set.
	wantCleanSince time.Time
}

// transitions has a row for each way from a phase to a phase.
func transitions() map[string]transition {
	const begun, over = 24 * time.Hour, 169 * time.Hour
	allowed, denied := &Turn{May: true, Announce: time.Minute, Step: 2 * time.Minute}, &Turn{}
	return map[string]transition{
		"nothing → Completed: it is Strict": {spec: week(), force: force(strict), seen: asking, want: Completed, wantMode: strict, wantWords: "Strict already"},
		"nothing → Completed: a floor":      {spec: week(), force: strictFloor(force(permissive)), seen: asking, want: Completed, wantMode: strict, wantWords: "floor"},
		"nothing → Waiting: no pods":        {spec: week(), force: waits(force(permissive)), seen: asking, want: Waiting, wantWords: "No pod"},
		"nothing → Waiting: no pods, and Strict is in force": {
			spec: week(), force: waits(force(strict)), seen: asking, want: Waiting, wantMode: strict,
		},
		"nothing → Observing":                             {spec: week(), force: force(permissive), seen: asking, want: Observing, wantCleanSince: now},
		"nothing → Observing: a port is Strict":           {spec: week(), force: force(permissive, 8080), seen: asking, want: Observing, wantStrict: []int32{8080}},
		"nothing → Observing: Disable becomes Permissive": {spec: week(), force: force(disable), seen: asking, want: Observing},
		"nothing → Paused":                                {spec: week(paused), force: force(permissive), seen: asking, want: Paused},
		"nothing → Observing: calls of before do not block": {
			spec: week(), force: force(permissive), seen: found(ago(20 * time.Hour)), want: Observing, wantWords: "Before that: legacy/crawler at port 8080",
		},
		"nothing → Blocked": {spec: week(), force: force(permissive), seen: found(now), want: Blocked, wantWords: "Strict would refuse legacy/crawler"},

		"Waiting → Waiting": {spec: week(), force: waits(force(permissive)), last: inPhase(Waiting, begun, stoppedAt(ago(begun))), seen: asking, want: Waiting},
		"Waiting → Observing: the time without pods does not count": {
			spec: week(), force: force(permissive), last: inPhase(Waiting, over, stoppedAt(ago(over))), seen: clean, want: Observing,
			wantCleanSince: now, wantAgain: now.Add(168 * time.Hour),
		},
		"Waiting → Observing: before the first answer": {
			spec: week(), force: force(permissive), last: inPhase(Waiting, begun, stoppedAt(ago(begun))), seen: asking, want: Observing,
		},
		"Waiting → Completed: somebody made it Strict": {
			spec: week(), force: force(strict), last: inPhase(Waiting, begun), seen: asking, want: Completed, wantMode: strict,
		},
		"Waiting → Blocked": {spec: week(), force: force(permissive), last: inPhase(Waiting, begun, stoppedAt(ago(begun))), seen: found(now), want: Blocked},
		"Waiting → Paused":  {spec: week(paused), force: force(permissive), last: inPhase(Waiting, begun), seen: asking, want: Paused},

		"Waiting → Switching: time alone, and the pods were gone for a moment": {
			spec: week(timer), force: force(permissive), last: inPhase(Waiting, over, stoppedAt(ago(time.Minute))), seen: asking, want: Switching,
		},
		"Waiting → AwaitingApproval": {
			spec: week(manual), force: force(permissive), last: inPhase(Waiting, over, stoppedAt(ago(time.Minute))), seen: clean, want: AwaitingApproval,
		},

		"Observing → Observing: the time is not over": {
			spec: week(), force: force(permissive), last: inPhase(Observing, begun), seen: clean, want: Observing,
			wantAgain: ago(begun).Add(168 * time.Hour), wantCleanSince: ago(begun), wantWords: "the clean time is over at 2026-12-06T12:00:00Z",
		},
		"Observing → Observing: not all is proved": {spec: week(), force: force(permissive), last: inPhase(Observing, over), seen: missing, want: Observing, wantWords: "port 8090"},
		"Observing → Observing: being asked":       {spec: week(), force: force(permissive), last: inPhase(Observing, over), seen: asking, want: Observing},
		"Observing → Observing: nothing is known":  {spec: week(), force: force(permissive), last: inPhase(Observing, over), seen: unknown, want: Observing, wantWords: "stood still since 2026-11-30T12:00:00Z. Prometheus at a"},
		"Observing → Observing: known again; the time between does not count": {
			spec: week(), force: force(permissive), last: inPhase(Observing, over, stoppedAt(ago(2*time.Hour))), seen: clean, want: Observing,
			wantCleanSince: ago(over).Add(2 * time.Hour), wantAgain: ago(over).Add(170 * time.Hour),
		},
		"Observing → Observing: a call a while ago sets the time back": {
			spec: week(), force: force(permissive), last: inPhase(Observing, over), seen: found(ago(3 * time.Hour)), want: Observing, wantCleanSince: ago(3 * time.Hour),
		},
		"Observing → Observing: the source is younger": {
			spec: week(), force: force(permissive), last: inPhase(Observing, over), seen: Seen{Outcome: evidence.Clean, From: ago(5 * time.Hour)},
			want: Observing, wantCleanSince: ago(5 * time.Hour),
		},
		"Observing → Observing: the clock was set back": {
			spec: week(), force: force(permissive), last: inPhase(Observing, -over), seen: clean, want: Observing, wantCleanSince: now.Add(over),
		},
		"Observing → Waiting": {spec: week(), force: waits(force(permissive)), last: inPhase(Observing, over), seen: clean, want: Waiting},
		"Observing → Blocked": {spec: week(), force: force(permissive), last: inPhase(Observing, over), seen: found(now), want: Blocked, wantCleanSince: now},
		"Observing → Blocked: a call of the future is one of now": {
			spec: week(), force: force(permissive), last: inPhase(Observing, over), seen: found(now.Add(time.Hour)), want: Blocked, wantCleanSince: now,
		},
		"Observing → AwaitingApproval": {spec: week(manual), force: force(permissive), last: inPhase(Observing, over), seen: clean, want: AwaitingApproval, wantWords: "spec.accept.rollout.approve"},
		"Observing → Switching":        {spec: week(), force: force(permissive), last: inPhase(Observing, over), seen: clean, want: Switching, wantAgain: now.Add(time.Minute), wantWords: "At 2026-11-30T12:01:00Z port 8080 becomes Strict"},
		"Observing → Switching: others are at it": {
			spec: week(), force: force(permissive), last: inPhase(Observing, over), seen: clean, turn: denied, want: Switching, wantWords: "waits for its turn",
		},
		"Observing → Switching: by time alone": {spec: week(timer), force: force(permissive), last: inPhase(Observing, over), seen: found(now), turn: allowed, want: Switching},
		"Observing → Observing: by time alone": {spec: week(timer), force: force(permissive), last: inPhase(Observing, begun), seen: unknown, want: Observing, wantWords: "Strict without evidence from 2026-12-06"},
		"Observing → Completed":                {spec: week(), force: force(strict), last: inPhase(Observing, begun), seen: clean, want: Completed, wantMode: strict},
		"Observing → Paused":                   {spec: week(paused), force: force(permissive, 8080), last: inPhase(Observing, begun), seen: clean, want: Paused, wantStrict: []int32{8080}, wantWords: "What is Strict stays so: port 8080."},

		"Blocked → Blocked: it is not an hour yet": {
			spec: week(), force: force(permissive), last: inPhase(Blocked, over), seen: found(ago(59 * time.Minute)), want: Blocked, wantAgain: now.Add(time.Minute),
		},
		"Blocked → Blocked: a day, so somebody must act": {
			spec: week(), force: force(permissive), last: inPhase(Blocked, over, since(ago(24*time.Hour))), seen: found(now), want: Blocked, wantStalled: true,
		},
		"Blocked → Blocked: nothing is known": {spec: week(), force: force(permissive), last: inPhase(Blocked, over), seen: unknown, want: Blocked},
		"Blocked → Blocked: being asked":      {spec: week(), force: force(permissive), last: inPhase(Blocked, over), seen: asking, want: Blocked},
		"Blocked → Observing": {
			spec: week(), force: force(permissive), last: inPhase(Blocked, over), seen: found(ago(time.Hour)), want: Observing, wantCleanSince: ago(time.Hour),
		},
		"Blocked → Observing: the client is ignored now": {
			spec: week(), force: force(permissive), last: inPhase(Blocked, begun), seen: clean, want: Observing, wantCleanSince: ago(begun),
		},
		"Blocked → Waiting":          {spec: week(), force: waits(force(permissive)), last: inPhase(Blocked, over), seen: clean, want: Waiting},
		"Blocked → Switching":        {spec: week(), force: force(permissive), last: inPhase(Blocked, over), seen: clean, want: Switching},
		"Blocked → AwaitingApproval": {spec: week(manual), force: force(permissive), last: inPhase(Blocked, over), seen: clean, want: AwaitingApproval},
		"Blocked → Completed":        {spec: week(), force: force(strict), last: inPhase(Blocked, over), seen: found(now), want: Completed, wantMode: strict},
		"Blocked → Paused":           {spec: week(paused), force: force(permissive), last: inPhase(Blocked, over), seen: found(now), want: Paused},

		"AwaitingApproval → AwaitingApproval": {spec: week(manual), force: force(permissive), last: inPhase(AwaitingApproval, over), seen: clean, want: AwaitingApproval},
		"AwaitingApproval → AwaitingApproval: nothing is known": {
			spec: week(manual), force: force(permissive), last: inPhase(AwaitingApproval, over), seen: unknown, want: AwaitingApproval,
		},
		"AwaitingApproval → AwaitingApproval: being asked": {
			spec: week(manual, approvedAgain), force: force(permissive), last: inPhase(AwaitingApproval, over), seen: asking, want: AwaitingApproval,
		},
		"AwaitingApproval → Switching: approved":                          {spec: week(manual, approvedAgain), force: force(permissive), last: inPhase(AwaitingApproval, over), seen: clean, want: Switching},
		"AwaitingApproval → Switching: no approval is asked for any more": {spec: week(), force: force(permissive), last: inPhase(AwaitingApproval, over), seen: clean, want: Switching},
		"AwaitingApproval → Blocked": {
			spec: week(manual, approvedAgain), force: force(permissive), last: inPhase(AwaitingApproval, over), seen: found(now), want: Blocked,
		},
		"AwaitingApproval → Observing": {spec: week(manual), force: force(permissive), last: inPhase(AwaitingApproval, over), seen: found(ago(2 * time.Hour)), want: Observing},
		"AwaitingApproval → Waiting":   {spec: week(manual), force: waits(force(permissive)), last: inPhase(AwaitingApproval, over), seen: clean, want: Waiting},
		"AwaitingApproval → Paused":    {spec: week(manual, paused), force: force(permissive), last: inPhase(AwaitingApproval, over), seen: clean, want: Paused},
		"AwaitingApproval → Completed": {spec: week(manual), force: force(strict), last: inPhase(AwaitingApproval, over), seen: clean, want: Completed, wantMode: strict},

		"Switching → Switching: announced": {
			spec: week(), force: force(permissive), last: inPhase(Switching, over, switchAt(now.Add(time.Second))), seen: clean, want: Switching, wantAgain: now.Add(time.Second),
		},
		"Switching → Switching: the first port": {
			spec: week(), force: force(permissive), last: inPhase(Switching, over, switchAt(now)), seen: clean, want: Switching, wantStrict: []int32{8080}, wantAgain: now.Add(2 * time.Minute),
		},
		"Switching → Switching: the first port is not in force yet, and stays asked for": {
			spec: week(), force: force(permissive), last: inPhase(Switching, over, switchAt(now), promoted(8080)), seen: clean, want: Switching, wantStrict: []int32{8080},
			wantWords: "goes on when port 8080 is Strict",
		},
		"Switching → Switching: the second port": {
			spec: week(), force: force(permissive, 8080), last: inPhase(Switching, over, switchAt(now), promoted(8080)), seen: clean, want: Switching, wantStrict: []int32{8080, 8090},
			wantWords: "the whole target becomes Strict",
		},
		"Switching → Switching: the second port, though the status of the first was lost": {
			spec: week(), force: force(permissive, 8080), last: inPhase(Switching, over, switchAt(now)), seen: clean, want: Switching, wantStrict: []int32{8080, 8090},
		},
		"Switching → Switching: nothing is known, so nothing is done": {
			spec: week(), force: force(permissive, 8080), last: inPhase(Switching, over, switchAt(now), promoted(8080)), seen: unknown, want: Switching, wantStrict: []int32{8080},
		},
		"Switching → Switching: being asked": {
			spec: week(), force: force(permissive, 8080), last: inPhase(Switching, over, switchAt(now), promoted(8080)), seen: asking, want: Switching, wantStrict: []int32{8080},
		},
		"Switching → Switching: the pods are gone for a moment": {
			spec: week(), force: waits(force(permissive, 8080)), last: inPhase(Switching, over, switchAt(now.Add(time.Hour)), promoted(8080)), seen: clean, want: Switching, wantStrict: []int32{8080},
		},
		"Switching → Probation: all ports are Strict": {
			spec: week(), force: force(permissive, 8080, 8090), last: inPhase(Switching, over, switchAt(now), promoted(8080, 8090)), seen: clean, want: Probation, wantMode: strict,
			wantAgain: now.Add(30 * time.Minute), wantWords: "watched until 2026-11-30T12:30:00Z",
		},
		"Switching → Probation: it is Strict, and the status was lost": {
			spec: week(), force: force(strict), last: inPhase(Switching, over, switchAt(now.Add(time.Hour)), promoted(8080, 8090)), seen: clean, want: Probation, wantMode: strict,
		},
		"Switching → Completed: without a probation": {
			spec: week(noProbation), force: force(permissive, 8080, 8090), last: inPhase(Switching, over, switchAt(now)), seen: clean, want: Completed, wantMode: strict,
		},
		"Switching → Completed: a floor": {
			spec: week(), force: strictFloor(force(permissive, 8080)), last: inPhase(Switching, over, switchAt(now)), seen: clean, want: Completed, wantMode: strict,
		},
		"Switching → Blocked: what is Strict stays so": {
			spec: week(), force: force(permissive, 8080), last: inPhase(Switching, over, switchAt(now), promoted(8080)), seen: found(now), want: Blocked, wantStrict: []int32{8080},
		},
		"Switching → Observing": {
			spec: week(), force: force(permissive, 8080), last: inPhase(Switching, over, switchAt(now), promoted(8080)), seen: found(ago(2 * time.Hour)), want: Observing, wantStrict: []int32{8080},
		},
		"Switching → AwaitingApproval: somebody wants to approve after all": {
			spec: week(manual), force: force(permissive, 8080), last: inPhase(Switching, over, switchAt(now), promoted(8080)), seen: clean, want: AwaitingApproval, wantStrict: []int32{8080},
		},
		"Switching → Paused": {
			spec: week(paused), force: force(permissive, 8080), last: inPhase(Switching, over, switchAt(now), promoted(8080)), seen: clean, want: Paused, wantStrict: []int32{8080},
		},

		"Paused → Paused":                             {spec: week(paused), force: force(permissive), last: inPhase(Paused, over, stoppedAt(ago(time.Hour))), seen: clean, want: Paused},
		"Paused → Observing":                          {spec: week(), force: force(permissive), last: inPhase(Paused, over, stoppedAt(ago(2*time.Hour))), seen: clean, want: Observing, wantCleanSince: ago(over).Add(2 * time.Hour)},
		"Paused → Observing: before the first answer": {spec: week(), force: force(permissive), last: inPhase(Paused, over), seen: asking, want: Observing},
		"Paused → Observing: nothing is known":        {spec: week(), force: force(permissive), last: inPhase(Paused, over), seen: unknown, want: Observing},
		"Paused → Switching":                          {spec: week(), force: force(permissive, 8080), last: inPhase(Paused, 200*time.Hour, stoppedAt(ago(time.Hour)), promoted(8080)), seen: clean, want: Switching, wantStrict: []int32{8080}},
		"Paused → AwaitingApproval":                   {spec: week(manual), force: force(permissive), last: inPhase(Paused, 200*time.Hour), seen: clean, want: AwaitingApproval},
		"Paused → Blocked":                            {spec: week(), force: force(permissive), last: inPhase(Paused, over), seen: found(now), want: Blocked},
		"Paused → Waiting":                            {spec: week(), force: waits(force(permissive)), last: inPhase(Paused, over), seen: clean, want: Waiting},
		"Paused → Completed":                          {spec: week(paused), force: force(strict), last: inPhase(Paused, over), seen: clean, want: Completed, wantMode: strict},
		"Paused → Probation: the time between does not count": {
			spec: week(), force: force(strict), last: inPhase(Paused, over, switchedAt(ago(time.Hour)), stoppedAt(ago(50*time.Minute))), seen: clean, want: Probation, wantMode: strict,
			wantAgain: now.Add(20 * time.Minute),
		},

		"Paused → Undone": {
			spec: week(undoing), force: force(strict), last: inPhase(Paused, over, switchedAt(ago(time.Hour)), stoppedAt(ago(50*time.Minute))), seen: refused(clean), want: Undone,
			wantMode: strict, wantStalled: true,
		},

		"Probation → Probation": {spec: week(), force: force(strict), last: inPhase(Probation, over, switchedAt(ago(time.Minute))), seen: clean, want: Probation, wantMode: strict},
		"Probation → Probation: what is in force is not to be seen yet": {
			spec: week(), force: force(permissive, 8080), last: inPhase(Probation, over, switchedAt(ago(time.Minute))), seen: clean, want: Probation, wantMode: strict,
		},
		"Probation → Probation: refused, and Hold": {
			spec: week(), force: force(strict), last: inPhase(Probation, over, switchedAt(ago(time.Minute))), seen: refused(clean), want: Probation, wantMode: strict, wantWords: "Calls have been refused",
		},
		"Probation → Probation: undone once already": {
			spec: week(undoing), force: force(strict), last: inPhase(Probation, over, switchedAt(ago(time.Minute)), onceUndone), seen: refused(clean), want: Probation, wantMode: strict,
		},
		"Probation → Probation: refusals cannot be seen": {
			spec: week(undoing), force: force(strict), last: inPhase(Probation, over, switchedAt(ago(time.Minute))), want: Probation, wantMode: strict,
			seen: Seen{Refused: evidence.Refusals{Doubt: "The sidecars do not count what they refuse."}}, wantWords: "do not count",
		},
		"Probation → Probation: the pods are gone": {
			spec: week(), force: waits(force(strict)), last: inPhase(Probation, over, switchedAt(ago(time.Minute))), seen: clean, want: Probation, wantMode: strict,
		},
		"Probation → Completed": {spec: week(), force: force(strict), last: inPhase(Probation, over, switchedAt(ago(30*time.Minute))), seen: clean, want: Completed, wantMode: strict},
		"Probation → Completed: refused at the end, and Hold": {
			spec: week(), force: force(strict), last: inPhase(Probation, over, switchedAt(ago(30*time.Minute))), seen: refused(clean), want: Completed, wantMode: strict,
		},
		"Probation → Completed: a floor": {
			spec: week(undoing), force: strictFloor(force(strict)), last: inPhase(Probation, over, switchedAt(ago(time.Minute))), seen: refused(clean), want: Completed, wantMode: strict,
		},
		"Probation → Undone: Strict until the status says so": {
			spec: week(undoing), force: force(strict), last: inPhase(Probation, over, switchedAt(ago(time.Minute))), seen: refused(clean), want: Undone, wantMode: strict, wantStalled: true,
		},
		"Probation → Paused": {spec: week(paused), force: force(strict), last: inPhase(Probation, over, switchedAt(ago(time.Minute))), seen: clean, want: Paused, wantMode: strict},

		"Completed → Completed: refused": {spec: week(undoing), force: force(strict), last: inPhase(Completed, over), seen: refused(clean), want: Completed, wantMode: strict},
		"Completed → Completed: asked for in another way": {
			spec: week(undoing, other, paused), force: force(strict), last: inPhase(Completed, over), seen: found(now), want: Completed, wantMode: strict,
		},
		"Completed → Completed: somebody loosened it": {spec: week(), force: force(permissive), last: inPhase(Completed, over), seen: found(now), want: Completed, wantMode: strict},

		"Undone → Undone": {spec: week(undoing), force: force(strict), last: inPhase(Undone, over, onceUndone, switchedAt(ago(time.Hour))), seen: clean, want: Undone, wantStalled: true},
		"Undone → Undone: ports that had been Strict stay so": {
			spec: week(undoing), force: force(permissive, 8090), last: inPhase(Undone, over, onceUndone, func(c *Clocks) { c.Kept = []Unit{port(8090)} }), seen: clean, want: Undone,
			wantStrict: []int32{8090}, wantStalled: true,
		},
		"Undone → Observing: asked for in another way": {spec: week(undoing, other), force: force(permissive), last: inPhase(Undone, over, onceUndone), seen: clean, want: Observing, wantCleanSince: now},
		"Undone → Waiting: asked for in another way":   {spec: week(undoing, other), force: waits(force(permissive)), last: inPhase(Undone, over, onceUndone), seen: clean, want: Waiting},
		"Undone → Blocked: asked for in another way":   {spec: week(undoing, other), force: force(permissive), last: inPhase(Undone, over, onceUndone), seen: found(now), want: Blocked},
		"Undone → Paused: asked for in another way":    {spec: week(undoing, other, paused), force: force(permissive), last: inPhase(Undone, over, onceUndone), seen: clean, want: Paused},
		"Undone → Completed: a floor":                  {spec: week(undoing), force: strictFloor(force(permissive)), last: inPhase(Undone, over, onceUndone), seen: clean, want: Completed, wantMode: strict},
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	for name, tc := range transitions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turn := Turn{May: true, Announce: time.Minute, Step: 2 * time.Minute}
			if tc.turn != nil {
				turn = *tc.turn
			}
			got := Next(Input{Spec: tc.spec, Force: tc.force, Last: tc.last, Seen: tc.seen, Turn: turn, Now: now})
			tc.check(t, got)
			from, _, _ := strings.Cut(name, " →")
			if want := map[bool]string{true: "nothing", false: string(tc.last.Phase)}[tc.last.Phase == ""]; from != want {
				t.Errorf("the row is called %q and begins in %s", name, want)
			}
			if _, to, _ := strings.Cut(name, "→ "); !strings.HasPrefix(to, string(tc.want)) {
				t.Errorf("the row is called %q and leads to %s", name, tc.want)
			}
		})
	}
}

func (tc transition) check(t *testing.T, got Stage) {
	t.Helper()
	mode := tc.wantMode
	if mode == "" {
		mode = permissive
	}
	var wantStrict []Unit
	for _, p := range tc.wantStrict {
		wantStrict = append(wantStrict, port(p))
	}
	if got.Phase != tc.want || got.Intent.Mode != mode || !slices.Equal(got.Intent.Strict, wantStrict) {
		t.Errorf("got %s with %s and %v, want %s with %s and %v", got.Phase, got.Intent.Mode, got.Intent.Strict, tc.want, mode, wantStrict)
	}
	if !strings.Contains(got.Message, tc.wantWords) || !strings.HasSuffix(got.Message, ".") {
		t.Errorf("got the message %q, want a sentence with %q", got.Message, tc.wantWords)
	}
	if got.Stalled != tc.wantStalled {
		t.Errorf("got stalled %t, want %t", got.Stalled, tc.wantStalled)
	}
	if !tc.wantAgain.IsZero() && !got.Again.Equal(tc.wantAgain) {
		t.Errorf("got to be asked again at %s, want %s", got.Again, tc.wantAgain)
	}
	if !tc.wantCleanSince.IsZero() && !got.CleanSince.Equal(tc.wantCleanSince) {
		t.Errorf("got clean since %s, want %s", got.CleanSince, tc.wantCleanSince)
	}
	entered := got.Since.Equal(now)
	if changed := tc.last.Phase != got.Phase; changed != entered {
		t.Errorf("got the phase %s since %s, changed: %t", got.Phase, got.Since, changed)
	}
}

// TestEveryTransitionHasARow counts the pairs of phases, and compares them with those that the machine can make.
func TestEveryTransitionHasARow(t *testing.T) {
	t.Parallel()
	have := map[[2]Phase]bool{}
	for _, tc := range transitions() {
		have[[2]Phase{tc.last.Phase, tc.want}] = true
	}
	for pair := range reachable() {
		if !have[pair] {
			t.Errorf("no row leads from %q to %s, and the machine does", pair[0], pair[1])
		}
	}
}
