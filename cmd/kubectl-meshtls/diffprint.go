package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/screens"
)

// diffVersion is that of the JSON. A field is never removed or renamed within it.
const diffVersion = "meshtls.dev/diff/v1"

// signs are how changes of objects are marked.
var signs = map[screens.Operation]string{screens.Created: "+", screens.Changed: "~", screens.Deleted: "-"}

func diffJSON(out io.Writer, d screens.Difference) error {
	encoded, err := diffEncoded(d)
	if err == nil {
		_, err = fmt.Fprintln(out, string(encoded))
	}
	return err
}

func diffYAML(out io.Writer, d screens.Difference) error {
	encoded, err := diffEncoded(d)
	if err != nil {
		return err
	}
	if encoded, err = yaml.JSONToYAML(encoded); err != nil {
		return err
	}
	_, err = out.Write(encoded)
	return err
}

func diffEncoded(d screens.Difference) ([]byte, error) {
	return json.MarshalIndent(struct {
		Version string `json:"version"`
		// Refused is the number of clients that are refused and got through before.
		Refused int `json:"refused"`
		screens.Difference
	}{diffVersion, d.Lost(), d}, "", "  ")
}

// diffSummary says in one sentence what matters most.
func diffSummary(d screens.Difference) string {
	if d.None() {
		return "Nothing changes."
	}
	refuses := "Refuses no client with a proxy that gets through today"
	if n := d.Lost(); n > 0 {
		refuses = "Refuses " + counted(n, "client that gets through today", "clients that get through today")
	}
	others := len(d.Otherwise())
	parts := []string{
		refuses,
		changing(len(d.Ports), "port takes something else", "ports take something else"),
		changing(others, "other call ends otherwise", "other calls end otherwise"),
		changing(len(d.Objects), "object differs", "objects differ"),
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "; ") + "."
}

// changing counts what changes; empty for nothing.
func changing(n int, one, many string) string {
	if n == 0 {
		return ""
	}
	return counted(n, one, many)
}

// diffText writes the difference for people.
func diffText(out io.Writer, d screens.Difference, style report.Style) error {
	var text strings.Builder
	for _, o := range d.Objects {
		_, _ = fmt.Fprintf(&text, "%s %s%s\n", signs[o.Operation], o.Object, writtenBy(o))
		for _, line := range around(o.Diff) {
			_, _ = fmt.Fprintf(&text, "    %s\n", line)
		}
	}
	section(&text, "PORTS", portRows(d.Ports))
	section(&text, "CALLS", callRows(d.Calls))
	section(&text, "POLICIES", policyRows(d.Policies))
	if len(d.Findings) > 0 {
		_, _ = fmt.Fprintf(&text, "\nNEW FINDINGS\n")
		for _, f := range d.Findings {
			_, _ = fmt.Fprintf(&text, "  %-7s  %s  %s\n", strings.ToLower(string(f.Severity)), f.Check, f.Object)
			text.WriteString(report.Wrap(f.Message, style.Width, "    "))
		}
	}
	if text.Len() > 0 {
		text.WriteString("\n")
	}
	text.WriteString(report.Wrap(strings.TrimSpace(diffSummary(d)+" "+d.Doubt), style.Width, ""))
	_, err := io.WriteString(out, text.String())
	return err
}

// writtenBy marks what the operator writes.
func writtenBy(o screens.ObjectChange) string {
	if o.Written {
		return " (written by the operator)"
	}
	return ""
}

// beside is how many lines without a change are shown next to a changed one.
const beside = 3

// around returns the lines that change, with those beside them.
func around(lines []screens.Line) []string {
	near := func(i int) bool {
		from, to := max(0, i-beside), min(len(lines), i+beside+1)
		return slices.ContainsFunc(lines[from:to], func(l screens.Line) bool { return l.Op != "" })
	}
	var shown []string
	skipped := false
	for i, line := range lines {
		if !near(i) {
			skipped = true
			continue
		}
		if skipped && len(shown) > 0 {
			shown = append(shown, "  …")
		}
		shown, skipped = append(shown, cmp.Or(line.Op, " ")+" "+line.Text), false
	}
	return shown
}

// section writes rows below a title; the first is the head.
func section(text *strings.Builder, title string, rows [][]string) {
	if len(rows) < 2 {
		return
	}
	_, _ = fmt.Fprintf(text, "\n%s\n", title)
	table := printers.GetNewTabWriter(text)
	for _, row := range rows {
		_, _ = fmt.Fprintln(table, "  "+strings.Join(row, "\t"))
	}
	_ = table.Flush() // a strings.Builder takes everything
}

func portRows(ports []screens.PortChange) [][]string {
	rows := [][]string{{"WORKLOAD", "PORT", "BEFORE", "AFTER", "DECIDED BY"}}
	for _, p := range ports {
		number := fmt.Sprint(p.Port)
		if p.Port == 0 {
			number = "all others"
		}
		rows = append(rows, []string{p.Workload, number, accepts(p.Before), accepts(p.After), p.By})
	}
	return rows
}

// accepts words what a port takes.
func accepts(a explain.Accepts) string { return cmp.Or(string(a), "unknown") }

func callRows(calls []screens.CallChange) [][]string {
	rows := [][]string{{"CLIENT", "CALLS", "BEFORE", "AFTER", "WHY"}}
	for _, c := range calls {
		rows = append(rows, []string{c.Client, c.Server, cmp.Or(string(c.Before), "–"), string(c.After), c.Why})
	}
	return rows
}

func policyRows(policies []screens.PolicyChange) [][]string {
	rows := [][]string{{"POLICY", "BEFORE", "AFTER", "WHY"}}
	for _, p := range policies {
		rows = append(rows, []string{p.Policy, cmp.Or(p.Before, "–"), cmp.Or(p.After, "–"), p.Message})
	}
	return rows
}
