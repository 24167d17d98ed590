package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
)

const (
	completedMessage     = "The rollout is completed: the target is Strict."
	strictAlreadyMessage = "The target is Strict already, so there is nothing to roll out."
	floorMessage         = "A floor above demands Strict, which goes before any rollout."
	undoneMessage        = "Calls were refused in the probation, and the target is Permissive again, as onRefusal: Undo asks. " +
		"Change the rollout to begin anew."
	askingMessage   = "The evidence is being gathered."
	approvalMessage = "The evidence is clean. The switch waits for approval: change spec.accept.rollout.approve."
	turnMessage     = "The evidence is clean. The switch waits for its turn: as many targets as may are switching."
	foldWarning     = "The last step closes every connection of the pods after Envoy's drain time, 45 s unless set otherwise; " +
		"until then, ports that no Service declares take calls without mutual TLS."
	restWarning = "The last step is the namespace as a whole: it closes the connections of the pods that are not Strict by then."
)

// at writes a time.
func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (w *walk) pausedMessage() string {
	message := "The rollout is paused: nothing moves until spec.accept.rollout.paused is false."
	if strict := w.onTheWay().Strict; len(strict) > 0 {
		message += fmt.Sprintf(" What is Strict stays so: %s.", list(strict))
	}
	return message
}

func (w *walk) unknownMessage() string {
	return fmt.Sprintf("What the calls are is not known, so the clocks have stood still since %s. %s", at(w.clocks.StoppedAt), w.Seen.Doubt)
}

// observingMessage says what is missing, in times and not in durations: nothing is written because time goes by.
func (w *walk) observingMessage(ripe time.Time) string {
	message := fmt.Sprintf("No call that Strict would refuse has been seen since %s.", at(w.clocks.CleanSince))
	if w.Spec.Gate == GateTimer {
		message = fmt.Sprintf("The gate is Timer: Strict without evidence from %s on.", at(ripe))
		return message
	}
	if !w.Now.Before(ripe) {
		return message + " Not all is proved: " + w.Seen.Missing
	}
	message += fmt.Sprintf(" If that stays so, the clean time is over at %s.", at(ripe))
	if w.Seen.Missing != "" {
		message += " Until then: " + w.Seen.Missing
	}
	if len(w.Seen.Refusable) > 0 {
		message += " Before that: " + callers(w.Seen.Refusable) + "."
	}
	return message
}

func (w *walk) blockedMessage() string {
	return fmt.Sprintf("Strict would refuse %s. Let them use mutual TLS, or name them in spec.accept.rollout.ignore if they may be cut off.",
		callers(w.Seen.Refusable))
}

// announcement says what the next step is, when, and what it closes.
func (w *walk) announcement() string {
	next, left := w.next()
	warning := foldWarning
	if w.perWorkload() {
		warning = restWarning
	}
	if !left {
		return fmt.Sprintf("At %s the whole target becomes Strict. %s", at(w.clocks.SwitchAt), warning)
	}
	what := fmt.Sprintf("At %s %s becomes Strict, which closes the connections to it after the drain time.", at(w.clocks.SwitchAt), next)
	return what + " The others follow, one at a time. " + warning
}

// aheadMessage says which workloads become Strict before the others; empty: none does.
func (w *walk) aheadMessage() (message string) {
	if !w.perWorkload() {
		return ""
	}
	if strict := w.onTheWay().Strict; len(strict) > 0 {
		message += fmt.Sprintf(" Strict already: %s.", list(strict))
	}
	if next, is := w.nextClean(); is && !w.clocks.SwitchAt.IsZero() {
		message += fmt.Sprintf(" At %s %s becomes Strict, since nothing speaks against it; that closes the connections to it after "+
			"the drain time.", at(w.clocks.SwitchAt), next)
	}
	return message
}

// perWorkload reports whether workloads become Strict one after the other.
func (w *walk) perWorkload() bool {
	return slices.ContainsFunc(w.Force.Units, func(u Unit) bool { return u.Workload != "" })
}

func (w *walk) probationMessage() string {
	message := fmt.Sprintf("The target has been Strict since %s, and is watched until %s.",
		at(w.clocks.SwitchedAt), at(w.clocks.SwitchedAt.Add(w.Spec.Probation)))
	refused := w.Seen.Refused
	switch {
	case w.refused():
		return message + " " + refusedMessage(refused) + " It stays Strict, as onRefusal: Hold asks or as it was undone once."
	case refused.Doubt != "":
		return message + " " + refused.Doubt
	}
	return message
}

// refusedMessage names who was refused, as far as the proxies say.
func refusedMessage(r evidence.Refusals) string {
	if len(r.Calls) == 0 {
		return "Calls have been refused; sidecars do not say whose."
	}
	return "Refused: " + callers(r.Calls) + "."
}

// named is how many clients a message names.
const named = 3

// callers names clients with what they call, and counts the others.
func callers(calls []evidence.Call) string {
	var names []string
	for _, c := range calls {
		if name := caller(c); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if more := len(names) - named; more > 0 {
		return strings.Join(names[:named], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

func caller(c evidence.Call) string {
	name := c.Client.String()
	if !c.Client.Known() {
		name = "a client that is not known"
	}
	switch {
	case c.Port != 0:
		return fmt.Sprintf("%s at port %d of %s", name, c.Port, c.Server.Name)
	case len(c.Candidates) > 0:
		return fmt.Sprintf("%s at one of the ports %s of %s", name, strings.Trim(fmt.Sprint(c.Candidates), "[]"), c.Server.Name)
	default:
		return fmt.Sprintf("%s at %s", name, c.Server.Name)
	}
}
