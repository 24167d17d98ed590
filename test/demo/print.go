package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// width is where sentences are broken.
const width = 120

// printer writes for a person: in colour on a terminal, plainly elsewhere.
type printer struct {
	out    io.Writer
	colour bool
}

func newPrinter(out *os.File) *printer {
	return &printer{out: out, colour: term.IsTerminal(int(out.Fd())) && os.Getenv("NO_COLOR") == ""}
}

// paint puts text into an ANSI colour.
func (p *printer) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) bold(text string) string { return p.paint("1", text) }
func (p *printer) dim(text string) string  { return p.paint("2", text) }
func (p *printer) good(text string) string { return p.paint("32", text) }
func (p *printer) bad(text string) string  { return p.paint("31", text) }

func (p *printer) line(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format+"\n", args...)
}

func (p *printer) title(text string) {
	p.line("%s\n", p.bold(text))
}

func (p *printer) step(text string) {
	p.line("%s %s", p.dim("==>"), text)
}

// indented writes a text of several lines below a policy.
func (p *printer) indented(text string) {
	for line := range strings.Lines(text) {
		p.line("    %s", strings.TrimRight(line, "\n"))
	}
}

// policy prints a policy's status.
func (p *printer) policy(policy *meshtlsv1alpha1.MeshTLSPolicy) {
	rule := p.dim(strings.Repeat("-", width))
	p.line("\n%s\n%s\n%s", rule, p.bold(policy.Namespace+"/"+policy.Name), rule)
	p.field("target", policy.Status.Target)
	p.field("accepts", policy.Status.Accepts)
	p.field("sends", policy.Status.Sends)
	for _, condition := range policy.Status.Conditions {
		p.condition(condition)
	}
	for _, finding := range policy.Status.Findings {
		p.sentence(name("finding")+fmt.Sprintf("  %-7s", finding.Severity), finding.Check+": "+finding.Message)
	}
}

// field prints one line of a status, unless it is empty.
func (p *printer) field(title, value string) {
	if value != "" {
		p.sentence(name(title), value)
	}
}

// condition prints a condition, its status green where all is well.
func (p *printer) condition(c metav1.Condition) {
	abnormal := c.Type == meshtlsv1alpha1.ConditionReconciling || c.Type == meshtlsv1alpha1.ConditionStalled
	paint := p.bad
	if (c.Status == metav1.ConditionTrue) != abnormal {
		paint = p.good
	}
	p.sentence(name(c.Type)+paint(fmt.Sprintf("  %-7s", c.Status))+fmt.Sprintf("  %-16s", c.Reason), c.Message)
}

// name returns the first column below a policy.
func name(word string) string {
	return fmt.Sprintf("  %-12s", word)
}

// sentence prints a text beside a head of columns, broken between words.
func (p *printer) sentence(head, text string) {
	margin := len(escapes.ReplaceAllString(head, ""))
	for _, line := range broken(text, width-margin-2) {
		p.line("%s  %s", head, line)
		head = strings.Repeat(" ", margin)
	}
}

// escapes are the colours in a text: they take no room.
var escapes = regexp.MustCompile("\x1b\\[[0-9]*m")

// broken returns the lines of a text that is broken between words.
func broken(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// table prints a line for each policy, as kubectl get does, with what its sample expects.
func (p *printer) table(policies []meshtlsv1alpha1.MeshTLSPolicy) {
	p.line("\n%s", p.bold("All policies"))
	table := tabwriter.NewWriter(p.out, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAMESPACE\tNAME\tTARGET\tACCEPTS\tREADY\tREASON\tEXPECTED")
	for i := range policies {
		policy := &policies[i]
		condition := ready(policy)
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			policy.Namespace, policy.Name, policy.Status.Target, cmp.Or(policy.Status.Accepts, "-"),
			condition.Status, cmp.Or(condition.Reason, "-"), expected(policy))
	}
	_ = table.Flush()
}
