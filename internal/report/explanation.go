package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio/hosts"
)

const green = "\x1b[32m"

// ExplanationVersion is that of an explanation's JSON. A field is never removed or renamed within it.
const ExplanationVersion = "meshtls.dev/explain/v1"

// ExplanationJSON writes an explanation for programs.
func ExplanationJSON(out io.Writer, a explain.Answer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Version string `json:"version"`
		explain.Answer
	}{ExplanationVersion, a})
}

// Explanation writes an explanation for people: of each connection first the outcome, then the reason.
func Explanation(out io.Writer, a explain.Answer, style Style) error {
	e := explanation{style: style}
	for _, note := range a.Notes {
		e.text.WriteString(Wrap("note: "+note, style.Width, ""))
	}
	for i, w := range a.Workloads {
		if i > 0 {
			e.text.WriteString("\n")
		}
		e.workload(a, w)
	}
	_, err := io.WriteString(out, e.text.String())
	return err
}

// explanation is the making of the text.
type explanation struct {
	style Style
	text  strings.Builder
}

func (e *explanation) workload(a explain.Answer, w explain.Workload) {
	title := e.style.paint(bold, explain.Title(a.Target))
	fmt.Fprintf(&e.text, "%s: %s (%s), %s\n", title, counted(w.Pods, "pod", "pods"), example(w), proxyWords[w.Proxy])
	for _, note := range w.Notes {
		e.text.WriteString(Wrap(note, e.style.Width, "  "))
	}
	words := headings[w.Proxy]
	if a.Inbound(w) {
		e.heading(words.externalInbound)
		e.externalInbound(w)
		if words.localInbound != "" {
			e.heading(words.localInbound)
			e.localInbound(w)
		}
	}
	if a.Outbound(w) {
		if words.localOutbound != "" {
			e.heading(words.localOutbound)
			e.localOutbound(w)
		}
		e.heading(words.externalOutbound)
		e.externalOutbound(w)
	}
}

// connections are the headings of the connections. Without a proxy, and at a gateway, there are no local ones.
type connections struct{ externalInbound, localInbound, localOutbound, externalOutbound string }

var headings = map[explain.Proxy]connections{
	explain.ProxySidecar: {
		externalInbound:  "1 External inbound: from clients to the sidecar",
		localInbound:     "2 Local inbound: from the sidecar to the application",
		localOutbound:    "3 Local outbound: from the application to the sidecar",
		externalOutbound: "4 External outbound: from the sidecar on",
	},
	explain.ProxyAmbient: {
		externalInbound:  "1 External inbound: from clients to ztunnel",
		localInbound:     "2 Local inbound: from ztunnel to the application",
		localOutbound:    "3 Local outbound: from the application to ztunnel",
		externalOutbound: "4 External outbound: from ztunnel on",
	},
	explain.ProxyGateway: {
		externalInbound:  "1 Inbound: from clients to the gateway",
		externalOutbound: "2 Outbound: from the gateway to where its routes lead",
	},
	explain.ProxyNone: {
		externalInbound:  "1 Inbound: from clients to the application",
		externalOutbound: "2 Outbound: from the application on",
	},
}

func example(w explain.Workload) string {
	name := w.Namespace + "/" + w.Example
	if w.Revision != "" {
		name += ", revision " + w.Revision
	}
	return name
}

var proxyWords = map[explain.Proxy]string{
	explain.ProxySidecar: "with a sidecar",
	explain.ProxyGateway: "a gateway",
	explain.ProxyAmbient: "in ambient mode",
	explain.ProxyNone:    "without a proxy",
}

func (e *explanation) heading(words string) {
	e.text.WriteString("\n" + e.style.paint(bold, words) + "\n")
}

// row is a line of a table. Its first cell is coloured; what is below are sentences.
type row struct {
	colour string
	cells  []string
	below  []string
}

// table writes rows in aligned columns. The colours are laid on afterwards: a tabwriter would count them.
func (e *explanation) table(header []string, rows []row) {
	var aligned strings.Builder
	table := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	for _, cells := range append([][]string{header}, cellsOf(rows)...) {
		_, _ = fmt.Fprintln(table, "  "+strings.Join(cells, "\t"))
	}
	_ = table.Flush() // a strings.Builder takes everything
	lines := strings.Split(aligned.String(), "\n")
	e.text.WriteString(strings.TrimRight(lines[0], " ") + "\n")
	for i, r := range rows {
		first := r.cells[0]
		rest := strings.TrimPrefix(strings.TrimRight(lines[i+1], " "), "  "+first)
		e.text.WriteString("  " + e.painted(r.colour, first) + rest + "\n")
		for _, words := range r.below {
			e.text.WriteString(Wrap(words, e.style.Width, "    "))
		}
	}
}

func cellsOf(rows []row) [][]string {
	all := make([][]string, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.cells)
	}
	return all
}

func (e *explanation) painted(colour, words string) string {
	if colour == "" {
		return words
	}
	return e.style.paint(colour, words)
}

func (e *explanation) externalInbound(w explain.Workload) {
	if w.Proxy == explain.ProxyGateway {
		e.gatewayInbound(w)
		return
	}
	var rows []row
	for _, in := range w.Inbound {
		rows = append(rows, row{
			colour: acceptColours[in.External.Accepts],
			cells: []string{
				acceptWords[in.External.Accepts], portWords(in), protocolWords(in.Protocols...), services(in.Services), in.External.DecidedBy.String(),
			},
		})
	}
	e.table([]string{"ACCEPTS", "PORT", "PROTOCOL", "SERVICES", "DECIDED BY"}, rows)
	for _, ignored := range w.Ignored {
		e.text.WriteString(Wrap(fmt.Sprintf("Ignored: %s. %s", ignored, ignored.Why), e.style.Width, "  "))
	}
}

var acceptWords = map[explain.Accepts]string{
	explain.AcceptsStrict:     "Strict: mutual TLS only",
	explain.AcceptsPermissive: "Permissive: mutual TLS and plaintext",
	explain.AcceptsDisable:    "Disable: plaintext only",
	explain.AcceptsUncaptured: "anything: the proxy is bypassed",
	explain.AcceptsNoProxy:    "anything: there is no proxy",
}

var acceptColours = map[explain.Accepts]string{
	explain.AcceptsStrict: green, explain.AcceptsPermissive: yellow, explain.AcceptsDisable: yellow, explain.AcceptsUncaptured: yellow,
}

func portWords(in explain.Inbound) string {
	switch {
	case in.Port == 0:
		return "any other"
	case in.Name != "":
		return fmt.Sprintf("%d %s", in.Port, in.Name)
	default:
		return fmt.Sprint(in.Port)
	}
}

func protocolWords(protocols ...string) string {
	if named := strings.Join(protocols, ", "); named != "" {
		return named
	}
	return "auto-detected"
}

func services(all []explain.ServicePort) string {
	words := make([]string, 0, len(all))
	for _, s := range all {
		words = append(words, fmt.Sprintf("%s:%d", s.Service, s.Port))
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}

func (e *explanation) localInbound(w explain.Workload) {
	var rows []row
	for _, in := range w.Inbound {
		rows = append(rows, row{cells: []string{portWords(in), in.Local.Carries}})
	}
	e.table([]string{"PORT", "THE APPLICATION GETS"}, rows)
}

func (e *explanation) gatewayInbound(w explain.Workload) {
	var rows []row
	for _, l := range w.Listeners {
		for _, s := range l.Servers {
			rows = append(rows, row{
				colour: serverColours[s.Mode],
				cells: []string{
					serverWords(s), listenerPort(l, s), s.Protocol, strings.Join(s.Hosts, ", "), certificates(s), s.DecidedBy.String(),
				},
				below: []string{s.Why},
			})
		}
	}
	if len(rows) == 0 {
		e.text.WriteString("  Nothing: no Gateway has a server for these pods.\n")
	} else {
		e.table([]string{"MODE", "PORT", "PROTOCOL", "HOSTS", "CERTIFICATE", "DECIDED BY"}, rows)
	}
	for _, d := range w.Dropped {
		words := fmt.Sprintf("Dropped: %s, port %d %s, %s. %s", d.DecidedBy, d.Port, d.Protocol, strings.Join(d.Hosts, ", "), d.Why)
		e.text.WriteString(Wrap(words, e.style.Width, "  "))
	}
}

func serverWords(s explain.Server) string {
	if s.MinProtocolVersion == "" {
		return string(s.Mode)
	}
	return fmt.Sprintf("%s from %s", s.Mode, s.MinProtocolVersion)
}

var serverColours = map[explain.ServerMode]string{
	explain.ServerPlaintext: yellow,
	explain.ServerSimple:    green, explain.ServerMutual: green, explain.ServerOptionalMutual: green, explain.ServerIstioMutual: green,
}

func listenerPort(l explain.Listener, s explain.Server) string {
	words := fmt.Sprint(s.Port)
	if l.Port != s.Port {
		words = fmt.Sprintf("%d → %d", s.Port, l.Port)
	}
	if l.Bind != "0.0.0.0" {
		words += " at " + l.Bind
	}
	return words
}

func certificates(s explain.Server) string {
	if s.Mode == explain.ServerIstioMutual {
		return "the mesh's"
	}
	if len(s.Certificates) == 0 {
		return "-"
	}
	return strings.Join(s.Certificates, ", ")
}

// shortHost leaves out what is the same for all Services.
func shortHost(host string) string { return strings.TrimSuffix(host, ".svc."+string(hosts.Default)) }
