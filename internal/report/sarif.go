package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint/all"
)

const (
	toolName = "meshtls"
	toolPage = "https://github.com/meshtls/meshtls"
	// fingerprint is the name of ours: it stays the same when lines move.
	fingerprint = "meshtlsFinding/v1"
)

// SARIF writes the report for code hosts, in version 2.1.0 of the format. The version is the program's.
func SARIF(out io.Writer, r Report, version string) error {
	return sarifOf(r, version).PrettyWrite(out)
}

func sarifOf(r Report, version string) *sarif.Report {
	run := sarif.NewRunWithInformationURI(toolName, toolPage)
	run.Tool.Driver.WithVersion(version)
	rules := map[string]int{}
	for _, f := range r.Findings {
		if _, known := rules[f.Check]; !known {
			rules[f.Check] = len(rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(f.Check))
		}
		run.AddResult(resultOf(f).WithRuleIndex(rules[f.Check]))
	}
	invocation := sarif.NewInvocation().WithExecutionSuccessful(len(r.Problems) == 0)
	for _, p := range r.Problems {
		invocation.AddToolExecutionNotification(notificationOf(p))
	}
	run.AddInvocation(invocation)
	return sarif.NewReport().AddRun(run)
}

// ruleOf explains a check in the words of the registry.
func ruleOf(check string) *sarif.ReportingDescriptor {
	rule := sarif.NewRule(check).WithHelpURI(helpPage + check)
	about, known := all.Named(check)
	if !known {
		return rule
	}
	help := fmt.Sprintf("**Finds** %s\n**Why.** %s\n**Fix.** %s", about.Finds, about.Why, about.Fix)
	return rule.
		WithShortDescription(sarif.NewMultiformatMessageString().WithText("Finds " + about.Title())).
		WithHelp(sarif.NewMultiformatMessageString().WithText(help).WithMarkdown(help))
}

func resultOf(f Finding) *sarif.Result {
	words := f.Object.String() + ": " + f.Message
	if f.Remedy != "" {
		words += " " + f.Remedy
	}
	return sarif.NewRuleResult(f.Check).
		WithLevel(levelOf(f.Severity)).
		WithMessage(sarif.NewTextMessage(words)).
		WithLocations([]*sarif.Location{locationOf(f)}).
		WithPartialFingerprints(map[string]string{fingerprint: fingerprintOf(f)})
}

func levelOf(severity meshtlsv1alpha1.Severity) string {
	switch severity {
	case meshtlsv1alpha1.SeverityError:
		return "error"
	case meshtlsv1alpha1.SeverityWarning:
		return "warning"
	default:
		return "note"
	}
}

// locationOf names the object, and the line where it comes from a file.
func locationOf(f Finding) *sarif.Location {
	name := f.Object.String()
	if f.Field != "" {
		name += " " + f.Field
	}
	location := sarif.NewLocation().WithLogicalLocations([]*sarif.LogicalLocation{
		sarif.NewLogicalLocation().WithName(f.Object.Name).WithFullyQualifiedName(name).WithKind("resource"),
	})
	if f.Place == nil {
		return location
	}
	return location.WithPhysicalLocation(physicalLocation(f.Place.File, f.Place.Line))
}

func physicalLocation(file string, line int) *sarif.PhysicalLocation {
	return sarif.NewPhysicalLocation().
		WithArtifactLocation(sarif.NewSimpleArtifactLocation(uriOf(file))).
		WithRegion(sarif.NewRegion().WithStartLine(max(line, 1)))
}

// uriOf is relative for a relative path: code hosts look from the root of the repository.
func uriOf(file string) string {
	if file == "-" {
		return "stdin"
	}
	uri := url.URL{Path: filepath.ToSlash(file)}
	if filepath.IsAbs(file) {
		uri.Scheme = "file"
	}
	return uri.String()
}

// fingerprintOf tells findings apart by what they are about, so that a code host knows one again when its line has moved.
func fingerprintOf(f Finding) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Check, f.Object.String(), f.Field, related(f)}, "\n")))
	return hex.EncodeToString(sum[:])
}

func notificationOf(p Problem) *sarif.Notification {
	words := p.Message
	if p.Document > 0 {
		words = fmt.Sprintf("document %d: %s", p.Document, p.Message)
	}
	return sarif.NewNotification().WithLevel("error").WithMessage(sarif.NewTextMessage(words)).
		WithLocations([]*sarif.Location{sarif.NewLocation().WithPhysicalLocation(physicalLocation(p.File, p.Line))})
}

func related(f Finding) string {
	if f.Related == nil {
		return ""
	}
	return f.Related.String()
}
