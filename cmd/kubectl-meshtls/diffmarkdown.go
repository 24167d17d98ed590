package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/meshtls/meshtls/internal/screens"
)

// diffMarkdown writes the difference as a comment on a pull request: what matters is above, the rest can be unfolded.
func diffMarkdown(out io.Writer, d screens.Difference) error {
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "### TLS of the mesh\n\n**%s**\n", escaped(diffSummary(d)))
	if d.Doubt != "" {
		_, _ = fmt.Fprintf(&text, "\n%s\n", escaped(d.Doubt))
	}
	markdownTable(&text, callRows(d.Refused()))
	folded(&text, "What ports take", func() { markdownTable(&text, portRows(d.Ports)) }, len(d.Ports))
	folded(&text, "Other calls", func() { markdownTable(&text, callRows(d.Otherwise())) }, len(d.Otherwise()))
	folded(&text, "Policies", func() { markdownTable(&text, policyRows(d.Policies)) }, len(d.Policies))
	folded(&text, "New findings", func() { markdownTable(&text, findingRows(d)) }, len(d.Findings))
	folded(&text, "Objects", func() { markdownObjects(&text, d.Objects) }, len(d.Objects))
	_, err := io.WriteString(out, text.String())
	return err
}

// folded writes what is unfolded on request, with how many there are; nothing where there are none.
func folded(text *strings.Builder, title string, write func(), n int) {
	if n == 0 {
		return
	}
	_, _ = fmt.Fprintf(text, "\n<details><summary>%s (%d)</summary>\n", title, n)
	write()
	text.WriteString("\n</details>\n")
}

// markdownTable writes rows as a table; the first is the head.
func markdownTable(text *strings.Builder, rows [][]string) {
	if len(rows) < 2 {
		return
	}
	text.WriteString("\n")
	for i, row := range rows {
		cells := make([]string, len(row))
		for n, cell := range row {
			cells[n] = escaped(cell)
		}
		_, _ = fmt.Fprintf(text, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			text.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
}

// escaped keeps words from being read as Markdown, or as the end of a cell.
func escaped(words string) string { return markdownMarks.Replace(words) }

var markdownMarks = strings.NewReplacer("|", "\\|", "<", "&lt;", "*", "\\*", "_", "\\_", "`", "\\`", "\n", " ")

func findingRows(d screens.Difference) [][]string {
	rows := [][]string{{"SEVERITY", "CHECK", "OBJECT", "WHAT"}}
	for _, f := range d.Findings {
		rows = append(rows, []string{string(f.Severity), f.Check, f.Object.String(), f.Message})
	}
	return rows
}

func markdownObjects(text *strings.Builder, objects []screens.ObjectChange) {
	for _, o := range objects {
		_, _ = fmt.Fprintf(text, "\n%s %s%s\n\n```diff\n%s\n```\n", o.Operation, o.Object, writtenBy(o), strings.Join(around(o.Diff), "\n"))
	}
}
