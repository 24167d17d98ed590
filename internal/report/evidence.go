package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/model"
)

// EvidenceVersion is that of the JSON and YAML about calls and proxies. A field is never removed or renamed within it.
const EvidenceVersion = "meshtls.dev/evidence/v1"

// Evidence is what was seen of the calls of a target.
type Evidence struct {
	// Target is whose calls were asked for; zero: the whole mesh.
	Target model.ObjectRef `json:"target,omitzero"`
	// Asked is the window that was asked for; the observation's own is what the source could look back on.
	Asked evidence.Window `json:"asked"`
	evidence.Observation
}

// EvidenceJSON writes an observation for programs.
func EvidenceJSON(out io.Writer, e Evidence) error { return versioned(out, EvidenceVersion, e) }

// EvidenceYAML writes the same as YAML.
func EvidenceYAML(out io.Writer, e Evidence) error { return versionedYAML(out, EvidenceVersion, e) }

// Edges is who called whom.
type Edges struct {
	// Namespace is the servers'; empty: all.
	Namespace string          `json:"namespace,omitempty"`
	Window    evidence.Window `json:"window"`
	Edges     []evidence.Edge `json:"edges"`
}

// EdgesJSON writes edges for programs.
func EdgesJSON(out io.Writer, e Edges) error { return versioned(out, EvidenceVersion, e) }

// EdgesYAML writes the same as YAML.
func EdgesYAML(out io.Writer, e Edges) error { return versionedYAML(out, EvidenceVersion, e) }

// versioned writes the value's fields behind the version.
func versioned[T Evidence | Edges | Preflight | Verification | Exceptions](out io.Writer, version string, value T) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var fields json.RawMessage = slices.Concat([]byte(`{"version":"`+version+`",`), text[1:])
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(fields)
}

func versionedYAML[T Evidence | Edges | Preflight | Exceptions](out io.Writer, version string, value T) error {
	var text strings.Builder
	if err := versioned(&text, version, value); err != nil {
		return err
	}
	written, err := yaml.JSONToYAML([]byte(text.String()))
	if err != nil {
		return err
	}
	_, err = out.Write(written)
	return err
}

// evidenceWords and evidenceColours are for people.
var (
	evidenceWords = map[evidence.Outcome]string{
		evidence.Clean:   "every call that was seen is mutual TLS of the mesh",
		evidence.Found:   "Strict would refuse calls",
		evidence.Unknown: "it is not known whether Strict would refuse calls",
	}
	evidenceColours = map[evidence.Outcome]string{evidence.Clean: green, evidence.Found: red, evidence.Unknown: yellow}
)

// EvidenceText writes an observation for people.
func EvidenceText(out io.Writer, e Evidence, style Style) error {
	x := explanation{style: style}
	title := "The mesh"
	if e.Target != (model.ObjectRef{}) {
		title = e.Target.String()
	}
	fmt.Fprintf(&x.text, "%s: %s\n", style.paint(bold, title), style.paint(evidenceColours[e.Outcome], evidenceWords[e.Outcome]))
	if !e.Window.From.IsZero() {
		fmt.Fprintf(&x.text, "  By %s, from %s to %s\n", e.Source, stamp(e.Window.From), stamp(e.Window.To))
		fmt.Fprintf(&x.text, "  %d of %s with a proxy report; %d of %s with mutual TLS of the mesh\n", e.Coverage.Reporting,
			counted(e.Coverage.Pods, "ready pod", "ready pods"), e.Coverage.MutualTLS, counted(int(e.Coverage.Requests), "call", "calls"))
	}
	if e.Doubt != "" {
		x.text.WriteString(Wrap(e.Doubt, style.Width, "  "))
	}
	if e.Window.From.After(e.Asked.From) {
		x.text.WriteString(Wrap("The source cannot look back further: nothing is said of the time before.", style.Width, "  "))
	}
	if len(e.Refusable) > 0 {
		x.heading("Strict would refuse")
		x.table([]string{"CLIENT", "SERVER", "PORT", "PROTOCOL", "CALLS", "FIRST SEEN", "LAST SEEN"}, callRows(e.Refusable))
	}
	x.audit(e.Audit)
	_, err := io.WriteString(out, x.text.String())
	return err
}

func callRows(calls []evidence.Call) []row {
	rows := make([]row, 0, len(calls))
	for _, c := range calls {
		count := fmt.Sprint(c.Count)
		if c.Open {
			count += ", open"
		}
		rows = append(rows, row{
			colour: red, below: c.Why,
			cells: []string{c.Client.String(), c.Server.String(), portsOfCall(c), c.Protocol, count, seen(c.FirstSeen, c), seen(c.LastSeen, c)},
		})
	}
	return rows
}

func portsOfCall(c evidence.Call) string {
	if c.Port != 0 {
		return fmt.Sprint(c.Port)
	}
	if len(c.Candidates) == 0 {
		return "not known"
	}
	return "one of " + strings.Trim(strings.ReplaceAll(fmt.Sprint(c.Candidates), " ", ","), "[]")
}

// seen returns a time in a table. What came before the source began to look has none.
func seen(t time.Time, c evidence.Call) string {
	switch {
	case !t.IsZero():
		return stamp(t)
	case c.Undated:
		return "before"
	default:
		return "-"
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

func (x *explanation) audit(counts []evidence.PortCount) {
	if len(counts) == 0 {
		return
	}
	x.heading("Counted by the audit policy")
	var rows []row
	for _, c := range counts {
		port := fmt.Sprint(c.Port)
		if c.Port == 0 {
			port = "all TCP ports"
		}
		rows = append(rows, row{cells: []string{port, fmt.Sprint(c.Refusable), fmt.Sprint(c.Mutual)}})
	}
	x.table([]string{"PORT", "WOULD BE REFUSED", "MUTUAL TLS"}, rows)
}

// lockWords and lockColours say what an edge is. No colour stands alone: there is a word for each.
var (
	lockWords = map[evidence.Lock]string{
		evidence.LockAll: "all mutual TLS", evidence.LockMixed: "mixed", evidence.LockNone: "not mesh mTLS", evidence.LockUnknown: "not known",
	}
	lockColours = map[evidence.Lock]string{
		evidence.LockAll: green, evidence.LockMixed: yellow, evidence.LockNone: red, evidence.LockUnknown: blue,
	}
)

// EdgesText writes edges for people.
func EdgesText(out io.Writer, e Edges, style Style) error {
	x := explanation{style: style}
	fmt.Fprintf(&x.text, "From %s to %s\n", stamp(e.Window.From), stamp(e.Window.To))
	if len(e.Edges) == 0 {
		x.text.WriteString("No calls are recorded.\n")
	}
	var rows []row
	for _, edge := range e.Edges {
		last := "-"
		if !edge.LastSeen.IsZero() {
			last = stamp(edge.LastSeen)
		}
		rows = append(rows, row{
			colour: lockColours[edge.Lock], below: edge.Why,
			cells: []string{lockWords[edge.Lock], edge.Client.String(), edge.Server.String(), edge.Protocol,
				fmt.Sprintf("%d of %d", edge.MutualTLS, edge.Total), share(edge), last},
		})
	}
	if len(rows) > 0 {
		x.table([]string{"LOCK", "CLIENT", "SERVER", "PROTOCOL", "MUTUAL TLS", "SHARE", "OTHERS LAST SEEN"}, rows)
	}
	_, err := io.WriteString(out, x.text.String())
	return err
}

// share is rounded down: 100 % is all of them.
func share(e evidence.Edge) string {
	if e.Total == 0 {
		return "-"
	}
	return fmt.Sprintf("%d%%", e.MutualTLS*100/e.Total)
}
