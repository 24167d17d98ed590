package stages

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/rollout"
)

// The room that the API leaves for texts, in characters, and for blockers.
const (
	messageRoom  = 4000
	nameRoom     = 253
	clientRoom   = 320
	hintRoom     = 1024
	protocolRoom = 16
	blockerRoom  = 10
	portRoom     = 64
)

// clocksOf reads the clocks from a status; zero: there is none.
func clocksOf(r *meshtlsv1alpha1.RolloutStatus) rollout.Clocks {
	if r == nil {
		return rollout.Clocks{}
	}
	return rollout.Clocks{
		ID: r.ID, Phase: r.Phase, Since: timeOf(r.Since), StartedAt: timeOf(r.StartedAt), CleanSince: timeOf(r.CleanSince),
		StoppedAt: timeOf(r.StoppedAt), SwitchAt: timeOf(r.SwitchAt), SwitchedAt: timeOf(r.SwitchedAt),
		Approved: r.Approved, Opened: r.GateOpen, Kept: units(r.KeptPorts, r.KeptWorkloads), Promoted: units(r.StrictPorts, r.StrictWorkloads),
		Attempts: int(r.Attempts),
	}
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func timeIn(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t.Truncate(time.Second).UTC()}
}

func units(ports []int32, workloads []meshtlsv1alpha1.RolloutWorkload) []rollout.Unit {
	var all []rollout.Unit
	for _, port := range ports {
		all = append(all, rollout.Unit{Port: port})
	}
	for _, w := range workloads {
		all = append(all, rollout.Unit{Workload: w.Name})
	}
	return all
}

func portsIn(units []rollout.Unit) []int32 {
	var ports []int32
	for _, u := range units {
		if u.Port != 0 {
			ports = append(ports, u.Port)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// statusInput is what a status is made of besides the stage.
type statusInput struct {
	target   target
	spec     rollout.Spec
	last     *meshtlsv1alpha1.RolloutStatus
	answer   Answer
	answered bool
}

// statusOf returns the stage as the policy's status has it.
func statusOf(s rollout.Stage, in statusInput) meshtlsv1alpha1.RolloutStatus {
	r := meshtlsv1alpha1.RolloutStatus{
		Phase: s.Phase, ID: s.ID, Mode: s.Intent.Mode, Message: limited(s.Message, messageRoom),
		StrictPorts: portsIn(s.Intent.Strict), KeptPorts: portsIn(s.Kept),
		StrictWorkloads: in.target.statusWorkloads(s.Intent.Strict), KeptWorkloads: in.target.statusWorkloads(s.Kept),
		Since: timeIn(s.Since), StartedAt: timeIn(s.StartedAt), CleanSince: timeIn(s.CleanSince),
		StoppedAt: timeIn(s.StoppedAt), SwitchAt: timeIn(s.SwitchAt), SwitchedAt: timeIn(s.SwitchedAt),
		Approved: s.Approved, GateOpen: s.Opened, Attempts: int32(s.Attempts),
	}
	clients := 0
	r.Blockers, clients = in.blockers(s.Phase)
	r.BlockersCount = int32(clients)
	if in.answered {
		r.Coverage = coverageOf(in.answer.Observation)
	}
	r.Summary = summaryOf(r, in.spec)
	return r
}

// coverageOf returns how much was seen; nil: nothing is known of it.
func coverageOf(o evidence.Observation) *meshtlsv1alpha1.RolloutCoverage {
	if o.Source == "" {
		return nil
	}
	return &meshtlsv1alpha1.RolloutCoverage{
		Source: limited(o.Source, nameRoom), Pods: int32(o.Coverage.Pods), Reporting: int32(o.Coverage.Reporting),
		From: timeIn(o.Window.From), Requests: o.Coverage.Requests, MutualTLS: o.Coverage.MutualTLS,
	}
}

// blockers returns the blockers of a target, and how many clients they are. While nothing is known it returns the blockers of before.
func (in statusInput) blockers(phase rollout.Phase) (blockers []meshtlsv1alpha1.RolloutBlocker, clients int) {
	if phase != rollout.Blocked {
		return nil, 0
	}
	o := in.target.judged(in.answer.Observation)
	if o.Outcome != evidence.Found && in.last != nil {
		return in.last.Blockers, int(in.last.BlockersCount)
	}
	names := sets.New[string]()
	for _, c := range inOrder(o.Refusable) {
		names.Insert(c.Client.String())
		if len(blockers) < blockerRoom {
			blockers = append(blockers, blockerOf(c))
		}
	}
	return blockers, len(names)
}

func blockerOf(c evidence.Call) meshtlsv1alpha1.RolloutBlocker {
	ports := c.Candidates
	if c.Port != 0 {
		ports = []int32{c.Port}
	}
	return meshtlsv1alpha1.RolloutBlocker{
		Client: limited(c.Client.String(), clientRoom), Server: limited(c.Server.String(), clientRoom), Service: limited(c.Service, nameRoom),
		Ports: slices.Clone(ports[:min(len(ports), portRoom)]), Protocol: limited(c.Protocol, protocolRoom),
		Requests: c.Count, LastSeen: timeIn(c.LastSeen),
		Hint: limited(strings.Join(c.Why, " "), hintRoom),
	}
}

// limited returns a text with at most so many characters, in valid UTF-8.
func limited(text string, room int) string {
	letters := []rune(strings.ToValidUTF8(text, "\uFFFD"))
	if len(letters) <= room {
		return string(letters)
	}
	return string(letters[:room-1]) + "…"
}

// summaryOf returns the phase with what matters most about it. It says when something will be, not how long that takes.
func summaryOf(r meshtlsv1alpha1.RolloutStatus, spec rollout.Spec) string {
	const layout = "2006-01-02 15:04Z"
	words := string(r.Phase)
	switch r.Phase {
	case rollout.Observing:
		if r.StoppedAt != nil {
			return words + ": not known"
		}
		return words + " until " + timeOf(r.CleanSince).Add(spec.Observe).Format(layout)
	case rollout.Blocked:
		if r.BlockersCount == 1 {
			return words + ": 1 client"
		}
		return fmt.Sprintf("%s: %d clients", words, r.BlockersCount)
	case rollout.Switching:
		if r.SwitchAt != nil {
			return words + ", next at " + r.SwitchAt.UTC().Format(layout)
		}
	case rollout.Probation:
		return words + " until " + timeOf(r.SwitchedAt).Add(spec.Probation).Format(layout)
	}
	return words
}

// Moves reports whether a target accepts something else from one stage to the next. A rollout that begins moves nothing.
func Moves(was, is *meshtlsv1alpha1.RolloutStatus) bool {
	return was != nil && is != nil && (was.Mode != is.Mode || !slices.Equal(was.StrictPorts, is.StrictPorts) ||
		!equality.Semantic.DeepEqual(was.StrictWorkloads, is.StrictWorkloads))
}

// same reports whether the status that was written says all that there is to say: the rest are counts, and the passing of time.
func same(was, is meshtlsv1alpha1.RolloutStatus, observe time.Duration) bool {
	return equality.Semantic.DeepEqual(lasting(was), lasting(is)) && !setBack(was, is, observe)
}

// lasting returns what of a status does not change with counts and time. A field that is added later is part of it.
func lasting(r meshtlsv1alpha1.RolloutStatus) meshtlsv1alpha1.RolloutStatus {
	r.Message, r.Summary, r.CleanSince, r.Coverage = withoutNumbers(r.Message), "", nil, nil
	r.Blockers = slices.Clone(r.Blockers)
	for i := range r.Blockers {
		r.Blockers[i].Requests, r.Blockers[i].LastSeen = 0, nil
	}
	return r
}

// setBack reports whether the clean time begins noticeably later than it was said to. Of a blocked target it does with each call.
func setBack(was, is meshtlsv1alpha1.RolloutStatus, observe time.Duration) bool {
	const hundredth = 100
	return is.Phase == rollout.Observing && timeOf(is.CleanSince).Sub(timeOf(was.CleanSince)) > max(observe/hundredth, time.Minute)
}

// withoutNumbers returns the words of a message: times and counts in it change without anything new to tell.
func withoutNumbers(message string) string {
	return strings.Map(func(letter rune) rune {
		if unicode.IsDigit(letter) {
			return -1
		}
		return letter
	}, message)
}
