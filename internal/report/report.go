package report

import (
	"cmp"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

// helpPage is where each check has a section.
const helpPage = "https://github.com/meshtls/meshtls/blob/main/docs/findings.md#"

// Report is what there is to say about a mesh, or a part of it.
type Report struct {
	// Summary counts the findings, and what was looked at.
	Summary Summary `json:"summary"`
	// Findings are ordered by object, the most severe first.
	Findings []Finding `json:"findings"`
	// Problems are what could not be read.
	Problems []Problem `json:"problems"`
	// Namespaces are those of what was looked at.
	Namespaces []string `json:"-"`
}

// Summary counts.
type Summary struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`
	// Policies and IstioObjects are those that were looked at.
	Policies     int `json:"policies"`
	IstioObjects int `json:"istioObjects"`
}

// Finding is something worth telling about an object.
type Finding struct {
	Severity meshtlsv1alpha1.Severity `json:"severity"`
	Check    string                   `json:"check"`
	// Object is what it is about, and Related another object that has to do with it.
	Object  model.ObjectRef  `json:"object"`
	Related *model.ObjectRef `json:"related,omitempty"`
	// Field is the path in the object, such as spec.accept.ports[1].
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
	// Place is where that is written, for what comes from a file.
	Place *Place `json:"place,omitempty"`
	// Help is the page that explains the check.
	Help string `json:"help"`
}

// Place is a line of a file.
type Place struct {
	File string `json:"file"`
	// Document is the YAML document of the file, and Line the line of the file, counted from 1.
	Document int `json:"document"`
	Line     int `json:"line"`
}

// Problem is a document, or a file, that could not be read.
type Problem struct {
	File string `json:"file"`
	// Document and Line are where the document begins; left out where it is the file as a whole.
	Document int    `json:"document,omitempty"`
	Line     int    `json:"line,omitempty"`
	Message  string `json:"message"`
}

// Places says where objects were written.
type Places func(object model.ObjectRef, field string) (source.Place, bool)

// New returns the report of the findings.
func New(findings []model.Finding, places Places) Report {
	r := Report{Findings: []Finding{}, Problems: []Problem{}}
	for _, f := range findings {
		r.count(f.Severity)
		r.Findings = append(r.Findings, findingOf(f, places))
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(compareObjects(a.Object, b.Object), cmp.Compare(weight(a.Severity), weight(b.Severity)))
	})
	return r
}

func findingOf(f model.Finding, places Places) Finding {
	found := Finding{
		Severity: f.Severity, Check: f.Check, Object: f.Subject, Field: f.Field, Message: f.Message, Remedy: f.Remedy, Help: helpPage + f.Check,
	}
	if f.Related != (model.ObjectRef{}) {
		found.Related = &f.Related
	}
	if place, written := places(f.Subject, f.Field); written {
		found.Place = &Place{File: place.File, Document: place.Document, Line: place.Line}
	}
	return found
}

func (r *Report) count(severity meshtlsv1alpha1.Severity) {
	switch severity {
	case meshtlsv1alpha1.SeverityError:
		r.Summary.Errors++
	case meshtlsv1alpha1.SeverityWarning:
		r.Summary.Warnings++
	case meshtlsv1alpha1.SeverityInfo:
		r.Summary.Infos++
	}
}

func compareObjects(a, b model.ObjectRef) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
}

func weight(s meshtlsv1alpha1.Severity) int {
	return slices.Index([]meshtlsv1alpha1.Severity{
		meshtlsv1alpha1.SeverityError, meshtlsv1alpha1.SeverityWarning, meshtlsv1alpha1.SeverityInfo,
	}, s)
}
