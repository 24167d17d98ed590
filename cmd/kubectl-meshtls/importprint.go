package main

import (
	"bytes"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/importer"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
)

// commentWidth is where lines of comments are broken.
const commentWidth = 100

const importHeader = "These MeshTLSPolicies have the same effect as the objects that they are made from, by Istio's rules, " +
	"over all that was read." + `
Apply them, then do what is said for each. The comparison is of the whole: all policies applied, all their objects gone.
Age is rank in Istio, and what the operator renders is younger than all that stays: that is part of the comparison.`

const importPartial = `Not all kinds of objects could be read: what was not seen may make a difference.`

// importYAML returns the stream: a document for each policy, with comments before it, and the refused objects as comments at the end.
func importYAML(imported importer.Result, partial bool) ([]byte, error) {
	var out bytes.Buffer
	comment(&out, "", importHeader)
	if partial {
		comment(&out, "", importPartial)
	}
	for i := range imported.Policies {
		if err := writePolicy(&out, &imported.Policies[i]); err != nil {
			return nil, err
		}
	}
	for i, refusal := range imported.Refusals {
		if i == 0 || refusal.Object != imported.Refusals[i-1].Object {
			fmt.Fprintf(&out, "\n# Not imported: %s stays%s.\n", refusal.Object, asItIs(refusal))
		}
		why := refusal.Why
		if refusal.Field != "" {
			why = refusal.Field + ": " + why
		}
		comment(&out, "  ", why)
	}
	return out.Bytes(), nil
}

func asItIs(refusal importer.Refusal) string {
	if refusal.Field != "" {
		return " in part"
	}
	return " as it is"
}

func writePolicy(out *bytes.Buffer, p *importer.Policy) error {
	out.WriteString("---\n")
	from := make([]string, len(p.From))
	for i, ref := range p.From {
		from[i] = ref.String()
	}
	comment(out, "", "From "+strings.Join(from, ", ")+".")
	for _, note := range p.Notes {
		comment(out, "  ", "Note: "+note)
	}
	for i, step := range p.Steps {
		comment(out, "  ", fmt.Sprintf("%d. %s", i+1, step))
	}
	document, err := source.Document(p.MeshTLSPolicy)
	if err != nil {
		return err
	}
	if err := writeDocument(out, document); err != nil || p.Rest == nil {
		return err
	}
	out.WriteString("---\n")
	comment(out, "", "What "+from[0]+" says besides TLS: to be applied together with the policy.")
	rest, err := render.Encode(p.Rest)
	if err != nil {
		return err
	}
	return writeDocument(out, rest)
}

func writeDocument(out *bytes.Buffer, document map[string]any) error {
	text, err := yaml.Marshal(document)
	out.Write(text)
	return err
}

// comment writes the text as comments, its lines broken.
func comment(out *bytes.Buffer, indent, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		width := 0
		for _, word := range strings.Fields(line) {
			switch {
			case width == 0:
				width, _ = fmt.Fprintf(out, "# %s%s", indent, word)
			case width+1+len(word) > commentWidth:
				out.WriteString("\n")
				width, _ = fmt.Fprintf(out, "# %s%s", indent, word)
			default:
				more, _ := fmt.Fprintf(out, " %s", word)
				width += more
			}
		}
		out.WriteString("\n")
	}
}

// importSummary counts.
func importSummary(imported importer.Result) string {
	objects, refused := 0, map[string]bool{}
	for _, p := range imported.Policies {
		objects += len(p.From)
	}
	for _, r := range imported.Refusals {
		refused[r.Object.String()] = true
	}
	summary := fmt.Sprintf("%s for %s; %s not imported, or not whole.\n", counted(len(imported.Policies), "policy", "policies"),
		counted(objects, "object", "objects"), counted(len(refused), "object", "objects"))
	if n := len(imported.WithoutTLS); n > 0 {
		summary += fmt.Sprintf("Left alone: %s without TLS.\n", counted(n, "DestinationRule", "DestinationRules"))
	}
	return summary
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
