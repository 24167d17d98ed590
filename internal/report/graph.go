package report

import (
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
)

// ExplanationYAML writes what ExplanationJSON does, as YAML.
func ExplanationYAML(out io.Writer, a explain.Answer) error {
	var encoded strings.Builder
	if err := ExplanationJSON(&encoded, a); err != nil {
		return err
	}
	text, err := yaml.JSONToYAML([]byte(encoded.String()))
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// graph is an explanation as a picture: who connects to whom, and how.
type graph struct {
	nodes []string
	at    map[string]int
	edges []edge
}

// edge is a kind of connection.
type edge struct {
	from, to int
	// label says what it comes to, and by what that is decided.
	label  string
	colour string
}

// anyClient stands for those that connect to the target.
const anyClient = "clients"

// graphOf draws the connections of an answer.
func graphOf(a explain.Answer) *graph {
	g := &graph{at: map[string]int{}}
	for _, w := range a.Workloads {
		name := fmt.Sprintf("%s/%s", w.Namespace, w.Example)
		if w.Pods > 1 {
			name += fmt.Sprintf(" and %d more", w.Pods-1)
		}
		if a.Inbound(w) {
			g.inbound(name, w)
		}
		for _, o := range w.Outbound {
			for _, endpoint := range o.Endpoints {
				g.connect(edge{
					from: g.node(name), to: g.node(place(o)), label: outcomeOf(endpoint) + decided(endpoint.DecidedBy),
					colour: outcomeLines[endpoint.Outcome],
				})
			}
		}
		g.node(name)
	}
	return g
}

func (g *graph) inbound(name string, w explain.Workload) {
	for _, in := range w.Inbound {
		port := fmt.Sprint(in.Port)
		if in.Port == 0 {
			port = "other ports"
		}
		g.connect(edge{
			from: g.node(anyClient), to: g.node(name), label: port + " " + string(in.External.Accepts) + decided(in.External.DecidedBy),
			colour: acceptLines[in.External.Accepts],
		})
	}
	for _, l := range w.Listeners {
		for _, s := range l.Servers {
			label := fmt.Sprintf("%d %s %s", l.Port, s.Mode, strings.Join(s.Hosts, " "))
			g.connect(edge{from: g.node(anyClient), to: g.node(name), label: label + decided(s.DecidedBy)})
		}
	}
}

// decided names the object that decides; nothing where none does.
func decided(by explain.Origin) string {
	if by.Kind == "" {
		return ""
	}
	return ", by " + by.ObjectRef.String()
}

// The colours of connections, those of the text: green is mutual TLS, and red fails.
var (
	outcomeLines = map[mesh.Kind]string{
		istio.MutualTLS: "green", istio.ServerTLS: "green", istio.Refused: "red", istio.DoubleTLS: "orange", istio.Plaintext: "orange",
	}
	acceptLines = map[explain.Accepts]string{
		explain.AcceptsStrict: "green", explain.AcceptsPermissive: "orange", explain.AcceptsDisable: "orange",
		explain.AcceptsUncaptured: "orange",
	}
)

// node returns the number of the node of the name.
func (g *graph) node(name string) int {
	at, known := g.at[name]
	if !known {
		at = len(g.nodes)
		g.at[name], g.nodes = at, append(g.nodes, name)
	}
	return at
}

// connect adds an edge, once.
func (g *graph) connect(e edge) {
	for _, known := range g.edges {
		if known == e {
			return
		}
	}
	g.edges = append(g.edges, e)
}

// ExplanationDOT writes an explanation as a graph for Graphviz.
func ExplanationDOT(out io.Writer, a explain.Answer) error {
	g := graphOf(a)
	var text strings.Builder
	text.WriteString("digraph explanation {\n  rankdir=LR;\n  node [shape=box];\n")
	for i, name := range g.nodes {
		_, _ = fmt.Fprintf(&text, "  n%d [label=%s];\n", i, dotQuoted(name))
	}
	for _, e := range g.edges {
		_, _ = fmt.Fprintf(&text, "  n%d -> n%d [label=%s%s];\n", e.from, e.to, dotQuoted(e.label), lineColour(e, ", color=%s"))
	}
	text.WriteString("}\n")
	_, err := io.WriteString(out, text.String())
	return err
}

// dotQuoted quotes words as Graphviz reads them.
func dotQuoted(words string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(words) + `"`
}

// ExplanationMermaid writes an explanation as a flowchart for Mermaid, which code hosts draw in Markdown.
func ExplanationMermaid(out io.Writer, a explain.Answer) error {
	g := graphOf(a)
	var text, styles strings.Builder
	text.WriteString("flowchart LR\n")
	for i, name := range g.nodes {
		_, _ = fmt.Fprintf(&text, "  n%d[%s]\n", i, mermaidQuoted(name))
	}
	for i, e := range g.edges {
		_, _ = fmt.Fprintf(&text, "  n%d -->|%s| n%d\n", e.from, mermaidQuoted(e.label), e.to)
		styles.WriteString(lineColour(e, fmt.Sprintf("  linkStyle %d stroke:%%s\n", i)))
	}
	_, err := io.WriteString(out, text.String()+styles.String())
	return err
}

// mermaidQuoted quotes words as Mermaid reads them.
func mermaidQuoted(words string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "\n", " ").Replace(words) + `"`
}

// lineColour writes the colour of the edge; nothing where it has none.
func lineColour(e edge, format string) string {
	if e.colour == "" {
		return ""
	}
	return fmt.Sprintf(format, e.colour)
}
