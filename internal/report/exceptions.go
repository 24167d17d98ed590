package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// ExceptionsVersion is the version of the JSON of exceptions.
const ExceptionsVersion = "meshtls.dev/exceptions/v1"

// Exception is an exception from the floor of a policy.
type Exception struct {
	// Floor is what the policy FloorOf allows at least.
	Floor   meshtlsv1alpha1.AcceptFloor `json:"floor"`
	FloorOf model.ObjectRef             `json:"floorOf"`
	// Policy is who may go below it, by these ports; none: by all that it says.
	Policy model.ObjectRef `json:"policy"`
	Ports  []int32         `json:"ports,omitempty"`
	// Until is the last day, and State how near that is.
	Until  string         `json:"until"`
	State  ExceptionState `json:"state"`
	Reason string         `json:"reason"`
}

// ExceptionState says whether an exception still holds.
type ExceptionState string

const (
	// ExceptionHolds: for more than 14 days to come.
	ExceptionHolds ExceptionState = "Holds"
	// ExceptionEndsSoon: it holds, and ends within 14 days.
	ExceptionEndsSoon ExceptionState = "EndsSoon"
	// ExceptionEnded: its last day is over.
	ExceptionEnded ExceptionState = "Ended"
	// ExceptionWithoutPolicy: there is no policy of that name.
	ExceptionWithoutPolicy ExceptionState = "NoSuchPolicy"
)

// Exceptions are those of several floors, what ends first on top.
type Exceptions struct {
	Items []Exception `json:"exceptions"`
}

// NewExceptions lists the exceptions from the floors of the policies.
func NewExceptions(policies []meshtlsv1alpha1.MeshTLSPolicy, now metav1.Time) Exceptions {
	known := sets.New[types.NamespacedName]()
	for i := range policies {
		known.Insert(types.NamespacedName{Namespace: policies[i].Namespace, Name: policies[i].Name})
	}
	all := Exceptions{Items: []Exception{}}
	for i := range policies {
		p := &policies[i]
		for _, e := range model.ExceptionsOf(p) {
			of := types.NamespacedName{Namespace: e.Namespace, Name: e.Policy}
			all.Items = append(all.Items, Exception{
				Floor: p.Spec.Accept.Floor, FloorOf: model.PolicyRef(types.NamespacedName{Namespace: p.Namespace, Name: p.Name}),
				Policy: model.PolicyRef(of), Ports: e.Ports, Until: e.Until, State: exceptionState(e, now, known.Has(of)), Reason: e.Reason,
			})
		}
	}
	slices.SortFunc(all.Items, func(a, b Exception) int {
		return cmp.Or(strings.Compare(a.Until, b.Until), strings.Compare(a.FloorOf.String(), b.FloorOf.String()),
			strings.Compare(a.Policy.String(), b.Policy.String()))
	})
	return all
}

func exceptionState(e meshtlsv1alpha1.FloorException, now metav1.Time, known bool) ExceptionState {
	switch stage := model.StageOf(e, now); {
	case stage == model.ExceptionEnded:
		return ExceptionEnded
	case !known:
		return ExceptionWithoutPolicy
	case stage == model.ExceptionHolds:
		return ExceptionHolds
	default:
		return ExceptionEndsSoon
	}
}

// In returns the exceptions that concern the namespace: from a floor of it, or for a policy of it. Empty: all.
func (e Exceptions) In(namespace string) Exceptions {
	concerned := Exceptions{Items: []Exception{}}
	for _, x := range e.Items {
		if namespace == "" || x.FloorOf.Namespace == namespace || x.Policy.Namespace == namespace {
			concerned.Items = append(concerned.Items, x)
		}
	}
	return concerned
}

// Due reports whether somebody must see to one of the exceptions.
func (e Exceptions) Due() bool {
	return slices.ContainsFunc(e.Items, func(x Exception) bool { return x.State != ExceptionHolds })
}

// ExceptionsJSON writes them for programs.
func ExceptionsJSON(out io.Writer, e Exceptions) error { return versioned(out, ExceptionsVersion, e) }

// ExceptionsYAML writes the same as YAML.
func ExceptionsYAML(out io.Writer, e Exceptions) error {
	return versionedYAML(out, ExceptionsVersion, e)
}

// ExceptionsText writes them for people.
func ExceptionsText(out io.Writer, e Exceptions, style Style) error {
	if len(e.Items) == 0 {
		_, err := io.WriteString(out, "No exceptions from floors.\n")
		return err
	}
	x := explanation{style: style}
	var rows []row
	for _, i := range e.Items {
		colour := ""
		if i.State != ExceptionHolds {
			colour = red
		}
		rows = append(rows, row{colour: colour, below: []string{i.Reason}, cells: []string{
			i.Policy.Namespace + "/" + i.Policy.Name, portsOf(i), string(i.Floor), i.FloorOf.Namespace + "/" + i.FloorOf.Name, i.Until,
			string(i.State),
		}})
	}
	x.table([]string{"POLICY", "PORTS", "FLOOR", "SET BY", "UNTIL", "STATE"}, rows)
	_, err := io.WriteString(out, x.text.String())
	return err
}

func portsOf(e Exception) string {
	if len(e.Ports) == 0 {
		return "all"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(e.Ports), " ", ","), "[]")
}
