package main

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/traffic"
)

const edgesLong = `Show who calls whom in a namespace, and how many of the calls are mutual TLS of the mesh.

The answer comes from Istio's metrics, as that of evidence does. Requests and TCP connections are counted apart. The clients of other
namespaces are shown; the servers are those of the namespace.

The exit code is 1 if some calls are not mutual TLS.`

const edgesExample = `  # Who calls the namespace's workloads, and how
  kubectl meshtls edges -n shop --port-forward --since 7d

  # The whole mesh, for a program
  kubectl meshtls edges -A --prometheus https://prometheus.example.com -o json`

// edgesFlags are the flags of edges alone.
type edgesFlags struct {
	sourceFlags
	output string
}

// edgeOutputs are the formats that edges are written in.
var edgeOutputs = map[string]func(out io.Writer, e report.Edges) error{
	outputText: func(out io.Writer, e report.Edges) error { return report.EdgesText(out, e, report.StyleOf(out)) },
	outputJSON: report.EdgesJSON,
	outputYAML: report.EdgesYAML,
}

func newEdges(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var flags edgesFlags
	command := &cobra.Command{
		Use:     "edges [<file or directory> ...]",
		Short:   "Show who calls whom, and how many of the calls are mutual TLS",
		Long:    edgesLong,
		Example: edgesExample,
		Args:    objects.takeFiles,
		PreRunE: func(*cobra.Command, []string) error {
			if err := knownOutput(flags.output, maps.Keys(edgeOutputs)); err != nil {
				return err
			}
			return flags.validate(objects)
		},
		RunE: func(command *cobra.Command, _ []string) error {
			return runEdges(command.Context(), streams, objects, flags)
		},
	}
	command.Flags().StringVarP(&flags.output, "output", "o", outputText, "How to write the edges: text, json or yaml.")
	flags.addFlags(command.Flags())
	objects.addFlags(command.Flags())
	complete(command, "output", outputText, outputJSON, outputYAML)
	return command
}

func runEdges(ctx context.Context, streams genericiooptions.IOStreams, objects *input, flags edgesFlags) error {
	reader, view, err := objects.view(ctx)
	if err != nil {
		return err
	}
	scope, err := objects.scope()
	if err != nil {
		return err
	}
	asked, err := flags.open(ctx, objects)
	if err != nil {
		return err
	}
	defer asked.close()
	if err := objects.learn(ctx, asked, reader, view); err != nil {
		return err
	}
	edges, err := asked.Edges(ctx, evidence.Scope{Namespace: scope}, asked.window)
	if err != nil {
		return err
	}
	for i := range edges {
		if edges[i].Lock != evidence.LockAll {
			edges[i].Why = traffic.Reasons(view, evidence.Call{Client: edges[i].Client, Server: edges[i].Server})
		}
	}
	shown := report.Edges{Namespace: scope, Window: asked.window, Edges: edges}
	if err := edgeOutputs[flags.output](streams.Out, shown); err != nil {
		return err
	}
	if slices.ContainsFunc(edges, func(e evidence.Edge) bool { return e.Lock != evidence.LockAll }) {
		return errFindings
	}
	return nil
}

// learn lets a source that reads the proxies itself read all of the mesh's; the others know of them.
func (s *input) learn(ctx context.Context, a asked, reader *source.Reader, v *mesh.View) error {
	scraper, reads := a.Source.(*evidence.Scraper)
	if !reads {
		return nil
	}
	live, err := s.pods(ctx, reader)
	if err != nil {
		return err
	}
	target := traffic.TargetOf(v, v.Workloads(), live)
	target.Namespace, target.Workloads = "", nil
	scraper.Refusable(ctx, target, a.window)
	return nil
}
