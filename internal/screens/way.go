package screens

import (
	"cmp"
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/translate"
)

// Way is how a workload becomes Strict.
type Way string

// The ways to Strict.
const (
	// WayRollout: Permissive until evidence lets it become Strict.
	WayRollout Way = "Rollout"
	// WayAtOnce: Strict as soon as the policy is applied.
	WayAtOnce Way = "AtOnce"
)

// valid reports whether the way is known, and leads to the mode.
func (w Way) valid(mode meshtlsv1alpha1.AcceptMode) bool {
	switch w {
	case "":
		return true
	case WayRollout, WayAtOnce:
		return mode == meshtlsv1alpha1.AcceptStrict
	default:
		return false
	}
}

// wayOf returns the way that the policy goes; empty: it does not lead to Strict.
func wayOf(accept *meshtlsv1alpha1.Accept) Way {
	switch {
	case accept.Mode != meshtlsv1alpha1.AcceptStrict:
		return ""
	case accept.Rollout != nil:
		return WayRollout
	default:
		return WayAtOnce
	}
}

// applied returns the rollout of a policy that goes this way. One that is there stays as it is.
func (w Way) applied(accept *meshtlsv1alpha1.Accept) *meshtlsv1alpha1.Rollout {
	switch {
	case accept.Mode != meshtlsv1alpha1.AcceptStrict, w == WayAtOnce:
		return nil
	case w == WayRollout && accept.Rollout == nil:
		return defaultRollout()
	default:
		return accept.Rollout
	}
}

// defaultRollout returns a rollout with what the API fills in, written out for those who read it.
func defaultRollout() *meshtlsv1alpha1.Rollout {
	return &meshtlsv1alpha1.Rollout{
		Observe: "24h", Gate: meshtlsv1alpha1.GateEvidence, Order: meshtlsv1alpha1.OrderTogether,
		Probation: "30m", OnRefusal: meshtlsv1alpha1.ReactionHold,
	}
}

// Course is what a rollout brings after the first stage.
type Course struct {
	// Steps say, as full sentences, what comes after what.
	Steps []string `json:"steps"`
	// Refused are the callers whose calls fail at the end if nothing changes, and Doubt says why nothing follows from nobody being named.
	Refused []Refusal `json:"refused"`
	Doubt   string    `json:"doubt,omitempty"`
}

// outcomeFor is what becomes of a policy, with what was seen of its target.
type outcomeFor struct {
	model.Outcome
	seen *evidence.Observation
}

// switched are the phases that only the status tells the course of: the target has become Strict, or is at it, or has gone back.
var switched = []meshtlsv1alpha1.RolloutPhase{
	meshtlsv1alpha1.RolloutSwitching, meshtlsv1alpha1.RolloutProbation, meshtlsv1alpha1.RolloutCompleted, meshtlsv1alpha1.RolloutUndone,
}

// course returns what comes after the first stage of the policy; nil: it has no rollout.
func (p *Page) course(policy *meshtlsv1alpha1.MeshTLSPolicy, w named, o outcomeFor) (*Course, error) {
	if !translate.HasRollout(policy) {
		return nil, nil
	}
	if o.Rollout != nil && slices.Contains(switched, o.Rollout.Phase) {
		return &Course{Steps: []string{cmp.Or(o.Rollout.Message, string(o.Rollout.Phase))}, Refused: []Refusal{}}, nil
	}
	last := policy.DeepCopy()
	last.Spec.Accept.Rollout = nil
	after, _, err := p.after(last)
	if err != nil {
		return nil, err
	}
	made := p.transition(w, after)
	c := &Course{Steps: stepsOf(policy.Spec.Accept.Rollout, made.drained())}
	c.Refused, c.Doubt = made.refused(o.seen)
	return c, nil
}

// stepsOf says what comes after what. Drained says which connections end with the switch.
func stepsOf(r *meshtlsv1alpha1.Rollout, drained []string) []string {
	steps := slices.Concat(
		[]string{gateWords(r), "Then port by port becomes Strict, and at last the workload as a whole."}, drained)
	if r.Probation != "0s" {
		steps = append(steps, probationWords(r))
	}
	return steps
}

// gateWords say what must be until the workload becomes Strict.
func gateWords(r *meshtlsv1alpha1.Rollout) string {
	if r.Gate == meshtlsv1alpha1.GateTimer {
		return fmt.Sprintf("The workload is Permissive for %s, and then becomes Strict, whatever is called.", r.Observe)
	}
	proof := "each port was called with mutual TLS"
	if len(r.ExpectClients) > 0 {
		proof = "each of expectClients has called with mutual TLS"
	}
	words := fmt.Sprintf("The workload is Permissive until no call that Strict would refuse was seen for %s, and %s. "+
		"The operator needs a source of evidence for that.", r.Observe, proof)
	if r.Gate == meshtlsv1alpha1.GateManual {
		words += " After that the rollout waits for somebody to approve."
	}
	return words
}

// probationWords say what happens when calls are refused after the switch.
func probationWords(r *meshtlsv1alpha1.Rollout) string {
	if r.OnRefusal == meshtlsv1alpha1.ReactionUndo {
		return fmt.Sprintf("If calls are refused in the %s after that, the workload becomes Permissive again.", r.Probation)
	}
	return fmt.Sprintf("Refused calls are looked for in the %s after that. The status tells of them, and the workload stays Strict.",
		r.Probation)
}
