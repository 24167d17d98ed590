package report

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// The width of lines: that of the terminal between two limits, beyond which lines are hard to read.
const (
	narrowest    = 60
	widest       = 120
	defaultWidth = 100
)

// The colours of a terminal.
const (
	plain  = "\x1b[0m"
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
)

// Style is how text is written.
type Style struct {
	// Width is the longest line that text is wrapped to.
	Width int
	// Colour says that the terminal shows colours.
	Colour bool
}

// StyleOf returns what suits the writer: colours only on a terminal, unless the variable NO_COLOR is set.
func StyleOf(out io.Writer) Style {
	style := Style{Width: defaultWidth}
	file, isFile := out.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return style
	}
	style.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(file.Fd())); err == nil {
		style.Width = min(max(width, narrowest), widest)
	}
	return style
}

// paint colours words where the style has colours.
func (s Style) paint(colour, words string) string {
	if !s.Colour {
		return words
	}
	return colour + words + plain
}

// Text writes the findings for people: object by object, with what to do about each, and a line that sums up.
func Text(out io.Writer, r Report, style Style) error {
	if err := Findings(out, r, style); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, r.Summary.words(style)+unread(r.Problems, style))
	return err
}

// unread counts what could not be read, as an end of the line that sums up.
func unread(problems []Problem, style Style) string {
	documents := 0
	for _, p := range problems {
		if p.Document > 0 {
			documents++
		}
	}
	var counts []string
	if documents > 0 {
		counts = append(counts, counted(documents, "document", "documents"))
	}
	if files := len(problems) - documents; files > 0 {
		counts = append(counts, counted(files, "file", "files"))
	}
	if len(counts) == 0 {
		return ""
	}
	return " " + style.paint(red, strings.Join(counts, " and ")+" could not be read.")
}

// Findings is Text without the line that sums up: nothing where there are none.
func Findings(out io.Writer, r Report, style Style) error {
	var text strings.Builder
	var object model.ObjectRef
	for _, f := range r.Findings {
		if f.Object != object {
			object = f.Object
			text.WriteString(style.paint(bold, object.String()) + "\n")
		}
		writeFinding(&text, f, style)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func writeFinding(text *strings.Builder, f Finding, style Style) {
	severity := strings.ToLower(string(f.Severity))
	head := []string{style.paint(colourOf(f.Severity), fmt.Sprintf("%-7s", severity)), f.Check}
	if f.Field != "" {
		head = append(head, f.Field)
	}
	if f.Place != nil {
		head = append(head, fmt.Sprintf("%s:%d", f.Place.File, f.Place.Line))
	}
	fmt.Fprintf(text, "  %s\n", strings.Join(head, "  "))
	text.WriteString(Wrap(f.Message, style.Width, "    "))
	if f.Remedy != "" {
		text.WriteString(Wrap("Fix: "+f.Remedy, style.Width, "    "))
	}
	text.WriteString("\n")
}

func colourOf(severity meshtlsv1alpha1.Severity) string {
	switch severity {
	case meshtlsv1alpha1.SeverityError:
		return red
	case meshtlsv1alpha1.SeverityWarning:
		return yellow
	default:
		return blue
	}
}

// words sum up; without findings they say that something was looked at.
func (s Summary) words(style Style) string {
	seen := fmt.Sprintf("in %s and %s",
		counted(s.Policies, "MeshTLSPolicy", "MeshTLSPolicies"), counted(s.IstioObjects, "Istio object", "Istio objects"))
	if s.Errors+s.Warnings+s.Infos == 0 {
		return "No findings " + seen + "."
	}
	colour := blue
	if s.Warnings > 0 {
		colour = yellow
	}
	if s.Errors > 0 {
		colour = red
	}
	found := fmt.Sprintf("%s, %s, %s",
		counted(s.Errors, "error", "errors"), counted(s.Warnings, "warning", "warnings"), counted(s.Infos, "info", "infos"))
	return style.paint(colour, found) + " " + seen + "."
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Wrap breaks the words into lines of at most the width, each behind the indent. A word that is longer stands alone.
func Wrap(words string, width int, indent string) string {
	var text strings.Builder
	line := indent
	for _, word := range strings.Fields(words) {
		if len(line) > len(indent) && len(line)+1+len(word) > width {
			text.WriteString(line + "\n")
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	return text.String() + line + "\n"
}
