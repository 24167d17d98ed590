package screens

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/model"
)

// Preview is what a change comes to before anybody makes it.
type Preview struct {
	// Policy is the policy with the change, and YAML the document to be written.
	Policy *meshtlsv1alpha1.MeshTLSPolicy `json:"-"`
	Name   string                         `json:"name"`
	New    bool                           `json:"new,omitempty"`
	// ResourceVersion is that of the policy which the change starts from; empty: it is new, or of a file.
	ResourceVersion string `json:"resourceVersion,omitempty"`
	ManagedBy       string `json:"managedBy,omitempty"`
	YAML            string `json:"yaml"`
	Diff            []Line `json:"diff"`
	// Ports are those of the workload, before and after; last, with number 0, all that are not listed.
	Ports []Effect `json:"ports"`
	// Rollout is what comes later, where the policy becomes Strict by way of a rollout.
	Rollout *Course `json:"rollout,omitempty"`
	// Refused are the callers whose calls fail after the change and did not before.
	Refused []Refusal `json:"refused"`
	// Doubt says, as full sentences, why nothing follows from nobody being named.
	Doubt string `json:"doubt,omitempty"`
	// Drained says, as full sentences, which open connections end.
	Drained []string `json:"drained,omitempty"`
	// Objections are what the operator would say of the policy, and Rejected says that it would not be in force.
	Objections []Objection `json:"objections,omitempty"`
	Rejected   bool        `json:"rejected,omitempty"`
}

// Effect is what a port takes before and after a change.
type Effect struct {
	Port   int32           `json:"port"`
	Before explain.Accepts `json:"before"`
	After  explain.Accepts `json:"after"`
	// By is what decides after the change.
	By string `json:"by"`
}

// Objection is something that the operator would find.
type Objection struct {
	Severity meshtlsv1alpha1.Severity `json:"severity"`
	Check    string                   `json:"check"`
	Message  string                   `json:"message"`
	Remedy   string                   `json:"remedy,omitempty"`
}

// Preview returns what the change comes to. Seen is what a source says of the workload's target; nil: there is none.
func (p *Page) Preview(c Change, seen *evidence.Observation) (Preview, error) {
	w, known := p.find(c.Of())
	if !known {
		return Preview{}, &NoWorkloadError{Name: c.Of()}
	}
	policy, exists := p.policyFor(w)
	edited := p.edited(policy, w, c)
	after, outcome, err := p.after(edited)
	if err != nil {
		return Preview{}, err
	}
	preview := Preview{
		Policy: edited, Name: edited.Namespace + "/" + edited.Name, New: !exists, ResourceVersion: policy.ResourceVersion,
		ManagedBy: model.ManagedBy(policy),
	}
	made := p.transition(w, after)
	preview.Ports = made.ports
	if preview.YAML, err = manifest(edited); err != nil {
		return Preview{}, err
	}
	before := ""
	if exists {
		if before, err = manifest(policy); err != nil {
			return Preview{}, err
		}
	}
	preview.Diff = diff(before, preview.YAML)
	preview.Refused, preview.Doubt = made.refused(seen)
	preview.Drained = made.drained()
	if preview.Rollout, err = p.course(edited, w, outcomeFor{outcome, seen}); err != nil {
		return Preview{}, err
	}
	for _, f := range outcome.Findings {
		preview.Objections = append(preview.Objections, Objection{Severity: f.Severity, Check: f.Check, Message: f.Message, Remedy: f.Remedy})
	}
	preview.Rejected = outcome.Accepted < outcome.Asked
	return preview, nil
}

// after returns the mesh in which the operator has come to rest with the policy, and what becomes of that.
func (p *Page) after(edited *meshtlsv1alpha1.MeshTLSPolicy) (*Page, model.Outcome, error) {
	policies := slices.DeleteFunc(slices.Clone(p.Policies), func(other *meshtlsv1alpha1.MeshTLSPolicy) bool {
		return other.Namespace == edited.Namespace && other.Name == edited.Name
	})
	settled, err := compile.Settle(p.Inventory, append(policies, edited))
	if err != nil {
		return nil, model.Outcome{}, err
	}
	world := p.World
	world.Inventory = settled.Inventory
	key := types.NamespacedName{Namespace: edited.Namespace, Name: edited.Name}
	return NewPage(world), settled.Outcomes()[key], nil
}

// effects compare what the ports take.
func effects(before, after named) []Effect {
	old, reasons := before.line(), map[int32]string{}
	for _, taken := range after.taken {
		for _, in := range taken.Inbound {
			reasons[in.Port] = in.External.DecidedBy.String()
		}
	}
	var all []Effect
	line := after.line()
	for _, port := range append(line.Ports, Port{Accepts: line.Others}) {
		effect := Effect{Port: port.Port, Before: old.Others, After: port.Accepts, By: reasons[port.Port]}
		if at := slices.IndexFunc(old.Ports, func(known Port) bool { return known.Port == port.Port }); at >= 0 {
			effect.Before = old.Ports[at].Accepts
		}
		all = append(all, effect)
	}
	return all
}

// manifest returns the policy as somebody would write it.
func manifest(policy *meshtlsv1alpha1.MeshTLSPolicy) (string, error) {
	metadata := map[string]any{"name": policy.Name, "namespace": policy.Namespace}
	if len(policy.Labels) > 0 {
		metadata["labels"] = policy.Labels
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": meshtlsv1alpha1.GroupVersion.String(), "kind": model.KindPolicy, "metadata": metadata, "spec": policy.Spec,
	})
	if err != nil {
		return "", fmt.Errorf("encoding MeshTLSPolicy %s/%s: %w", policy.Namespace, policy.Name, err)
	}
	return string(text), nil
}

// Line is a line of a diff.
type Line struct {
	// Op is "+", "-" or empty.
	Op   string `json:"op,omitempty"`
	Text string `json:"text"`
}

// diff compares two texts line by line, by their longest common part.
func diff(before, after string) []Line {
	old, fresh := linesOf(before), linesOf(after)
	common := commonLengths(old, fresh)
	var lines []Line
	i, j := 0, 0
	for i < len(old) && j < len(fresh) {
		switch {
		case old[i] == fresh[j]:
			lines = append(lines, Line{Text: old[i]})
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			lines = append(lines, Line{Op: "-", Text: old[i]})
			i++
		default:
			lines = append(lines, Line{Op: "+", Text: fresh[j]})
			j++
		}
	}
	for ; i < len(old); i++ {
		lines = append(lines, Line{Op: "-", Text: old[i]})
	}
	for ; j < len(fresh); j++ {
		lines = append(lines, Line{Op: "+", Text: fresh[j]})
	}
	return lines
}

// commonLengths returns the lengths of the longest common parts of what follows a line of each text.
func commonLengths(old, fresh []string) [][]int {
	common := make([][]int, len(old)+1)
	for i := range common {
		common[i] = make([]int, len(fresh)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(fresh) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if old[i] == fresh[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	return common
}

func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
