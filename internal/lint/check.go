package lint

import (
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Severity is how grave a finding is.
type Severity = meshtlsv1alpha1.Severity

const (
	// Error: the object does not do what it says, or what it governs fails for certain.
	Error = meshtlsv1alpha1.SeverityError
	// Warning: it does what it says, and somebody is probably hurt by it.
	Warning = meshtlsv1alpha1.SeverityWarning
	// Info is worth knowing.
	Info = meshtlsv1alpha1.SeverityInfo
)

// About describes a finding for its section of docs/findings.md, as Markdown.
type About struct {
	// Name is kebab-case and says the fault. Users mute by it.
	Name string
	// Severity holds the severities that the finding can have, the gravest first.
	Severity []Severity
	// Reasons are those that an error gives the condition that it lowers; empty: that of its check.
	Reasons []string
	// Classes are the mistakes of the catalogue that the finding is about.
	Classes []string
	// Finds says what is found, without the first word; its first sentence is the title. Why says why that matters, and Fix what to do.
	Finds, Why, Fix string
}

// Title returns the first sentence of what is found.
func (a About) Title() string {
	first, _, more := strings.Cut(a.Finds, ". ")
	if !more {
		return first
	}
	return first + "."
}

// Check is one question about a mesh.
type Check struct {
	About
	// Ours says that the check judges the objects that the operator writes, too. The other checks' faults package policy tells the
	// policies in words of their own.
	Ours bool
	// InPolicy is the remedy where the object is one that the operator writes, in the fields of the policy. Empty: the remedy is the same,
	// since it speaks of other objects, or of fields that bear the same name in a policy.
	InPolicy string
	// Condition is what an error lowers on the policies behind an object that the operator writes, and Reason its reason. Empty:
	// Effective, and Inert.
	Condition, Reason string
	// Find returns the findings about the view's objects; Run adds the name and the condition.
	Find func(v *mesh.View) []model.Finding
}

// Set holds the checks of a package. Each of the package's files adds its own.
type Set struct{ checks []Check }

// Add adds a check.
func (s *Set) Add(c Check) { s.checks = append(s.checks, c) }

// All returns the checks by name.
func (s *Set) All() []Check {
	return slices.SortedFunc(slices.Values(s.checks), func(a, b Check) int { return strings.Compare(a.Name, b.Name) })
}
