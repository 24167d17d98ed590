package screens

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/translate"
)

// Rollout is a policy's way from Permissive to Strict, as far as its status tells.
type Rollout struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Target    string `json:"target,omitempty"`
	ManagedBy string `json:"managedBy,omitempty"`
	// Workloads are the places of those whose pods spec.workload names. A policy for a namespace or the mesh has none.
	Workloads []int `json:"workloads,omitempty"`
	// Phase is empty where the operator has not looked at the policy.
	Phase   meshtlsv1alpha1.RolloutPhase `json:"phase,omitempty"`
	Summary string                       `json:"summary,omitempty"`
	Message string                       `json:"message,omitempty"`
	// Next says what comes next, and who makes it come.
	Next        string                      `json:"next"`
	Gate        meshtlsv1alpha1.RolloutGate `json:"gate"`
	Observe     string                      `json:"observe"`
	Mode        meshtlsv1alpha1.AcceptMode  `json:"mode,omitempty"`
	StrictPorts []int32                     `json:"strictPorts,omitempty"`
	// StrictWorkloads are those of a namespace that are Strict before the others.
	StrictWorkloads []string     `json:"strictWorkloads,omitempty"`
	Since           *metav1.Time `json:"since,omitempty"`
	CleanSince      *metav1.Time `json:"cleanSince,omitempty"`
	StoppedAt       *metav1.Time `json:"stoppedAt,omitempty"`
	SwitchAt        *metav1.Time `json:"switchAt,omitempty"`
	SwitchedAt      *metav1.Time `json:"switchedAt,omitempty"`
	// CleanUntil is when the clean time is over, if no call comes between and time counts.
	CleanUntil    *metav1.Time                     `json:"cleanUntil,omitempty"`
	Coverage      *meshtlsv1alpha1.RolloutCoverage `json:"coverage,omitempty"`
	Blockers      []meshtlsv1alpha1.RolloutBlocker `json:"blockers,omitempty"`
	BlockersCount int32                            `json:"blockersCount,omitempty"`
	Commands      []Command                        `json:"commands,omitempty"`
}

// Command is something to run in a shell.
type Command struct {
	Does string `json:"does"`
	Text string `json:"text"`
}

// byNeed are the phases, those that need somebody first.
var byNeed = []meshtlsv1alpha1.RolloutPhase{
	meshtlsv1alpha1.RolloutUndone, meshtlsv1alpha1.RolloutBlocked, meshtlsv1alpha1.RolloutAwaitingApproval, "",
	meshtlsv1alpha1.RolloutPaused, meshtlsv1alpha1.RolloutWaiting, meshtlsv1alpha1.RolloutSwitching, meshtlsv1alpha1.RolloutProbation,
	meshtlsv1alpha1.RolloutObserving, meshtlsv1alpha1.RolloutCompleted,
}

// rollouts lists the policies with a rollout, those that need somebody first.
func (p *Page) rollouts() []Rollout {
	all := []Rollout{}
	for _, policy := range p.Policies {
		if translate.HasRollout(policy) {
			all = append(all, p.rolloutOf(policy))
		}
	}
	slices.SortFunc(all, func(a, b Rollout) int {
		return cmp.Or(cmp.Compare(slices.Index(byNeed, a.Phase), slices.Index(byNeed, b.Phase)),
			strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return all
}

// rolloutOf returns how far the policy's rollout has come.
func (p *Page) rolloutOf(policy *meshtlsv1alpha1.MeshTLSPolicy) Rollout {
	asked := policy.Spec.Accept.Rollout
	r := Rollout{
		Namespace: policy.Namespace, Name: policy.Name, Target: policy.Status.Target, ManagedBy: managedBy(policy),
		Workloads: p.targetedBy(policy), Gate: cmp.Or(asked.Gate, meshtlsv1alpha1.GateEvidence),
		Observe: cmp.Or(asked.Observe, defaultRollout().Observe),
	}
	if reached := policy.Status.Rollout; reached != nil {
		r.Phase, r.Summary, r.Message = reached.Phase, reached.Summary, reached.Message
		r.Mode, r.StrictPorts = reached.Mode, reached.StrictPorts
		for _, w := range reached.StrictWorkloads {
			r.StrictWorkloads = append(r.StrictWorkloads, w.Name)
		}
		r.Since, r.CleanSince, r.StoppedAt = reached.Since, reached.CleanSince, reached.StoppedAt
		r.SwitchAt, r.SwitchedAt = reached.SwitchAt, reached.SwitchedAt
		r.Coverage, r.Blockers, r.BlockersCount = reached.Coverage, reached.Blockers, reached.BlockersCount
	}
	r.CleanUntil = cleanUntil(r)
	r.Next = nextOf(r)
	r.Commands = commandsFor(p.Source, r)
	return r
}

// cleanUntil returns when the clean time is over; nil: it does not run.
func cleanUntil(r Rollout) *metav1.Time {
	observe, err := time.ParseDuration(r.Observe)
	if err != nil || r.Phase != meshtlsv1alpha1.RolloutObserving || r.CleanSince == nil || r.StoppedAt != nil {
		return nil
	}
	until := metav1.NewTime(r.CleanSince.Add(observe))
	return &until
}

// nextOf says what comes next.
func nextOf(r Rollout) string {
	switch r.Phase {
	case meshtlsv1alpha1.RolloutWaiting:
		return "The rollout begins to observe once the target has pods with a proxy and the policy is accepted."
	case meshtlsv1alpha1.RolloutObserving:
		return afterObserving(r)
	case meshtlsv1alpha1.RolloutBlocked:
		return "Once nobody calls that way any more, the rollout observes again. The clean time begins with the last such call."
	case meshtlsv1alpha1.RolloutAwaitingApproval:
		return "The target becomes Strict once somebody approves."
	case meshtlsv1alpha1.RolloutSwitching:
		return "At last the target as a whole becomes Strict, which closes all its connections once."
	case meshtlsv1alpha1.RolloutProbation:
		return "The rollout is completed when the probation is over."
	case meshtlsv1alpha1.RolloutCompleted:
		return "Nothing is left to do. The policy no longer needs spec.accept.rollout."
	case meshtlsv1alpha1.RolloutUndone:
		return "Find out whose calls were refused, and change the rollout: it then begins anew."
	case meshtlsv1alpha1.RolloutPaused:
		return "Nothing moves until the rollout is resumed."
	default:
		return "The operator has not looked at the policy. Check that it runs and watches the namespace."
	}
}

// afterObserving says what follows the clean time.
func afterObserving(r Rollout) string {
	switch {
	case r.StoppedAt != nil:
		return "Time does not count while nothing is known of the calls. Check the operator's source of evidence."
	case r.Gate == meshtlsv1alpha1.GateManual:
		return "After the clean time the rollout waits for somebody to approve."
	default:
		return "After the clean time the target becomes Strict."
	}
}

// commandsFor returns what somebody can do about the rollout. Where the policy is taken from files, or something else would undo a change
// in the cluster, the command prints the change for its manifest.
func commandsFor(from Source, r Rollout) []Command {
	command := func(does, verb string) Command {
		text := fmt.Sprintf("kubectl meshtls rollout %s %s -n %s", verb, r.Name, r.Namespace)
		if !from.Files && r.ManagedBy == "" {
			text += " --apply"
		}
		return Command{Does: does, Text: text}
	}
	pause := command("Pause", "pause")
	switch r.Phase {
	case meshtlsv1alpha1.RolloutAwaitingApproval:
		return []Command{command("Approve", "approve"), pause}
	case meshtlsv1alpha1.RolloutPaused:
		return []Command{command("Resume", "resume")}
	case meshtlsv1alpha1.RolloutWaiting, meshtlsv1alpha1.RolloutObserving, meshtlsv1alpha1.RolloutBlocked,
		meshtlsv1alpha1.RolloutSwitching:
		return []Command{pause}
	default:
		return nil
	}
}

// targetedBy returns the places of the workloads whose pods the policy's spec.workload names.
func (p *Page) targetedBy(policy *meshtlsv1alpha1.MeshTLSPolicy) []int {
	labels := p.labelsOf(policy.Spec.Workload, policy.Namespace)
	if len(labels) == 0 {
		return nil
	}
	var places []int
	for _, pods := range p.View().Selected(policy.Namespace, labels) {
		for name := range namesOf(pods) {
			places = append(places, p.byID[workloadID(pods, name)])
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// rolloutsFor returns the rollouts of policies that name the workload's pods, or that decide what some port of it takes.
func (p *Page) rolloutsFor(w named) []Rollout {
	return slices.DeleteFunc(p.rollouts(), func(r Rollout) bool {
		return !slices.Contains(r.Workloads, p.byID[w.Workload]) && !decides(r, w)
	})
}

// decides reports whether the rollout's policy decides what some port of the workload takes.
func decides(r Rollout, w named) bool {
	for _, taken := range w.taken {
		for _, in := range taken.Inbound {
			by := in.External.DecidedBy
			if by.Namespace == r.Namespace && slices.Contains(by.Policies, r.Name) {
				return true
			}
		}
	}
	return false
}
