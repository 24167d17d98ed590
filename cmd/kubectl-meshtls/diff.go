package main

import (
	"context"
	"errors"
	"io"
	"maps"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/screens"
	"github.com/meshtls/meshtls/internal/source"
)

const diffLong = `Show what a change of files comes to, before it is made: which policies and Istio objects differ, which ports of which workloads take
something else, and which calls are refused, or get through, or become mutual TLS, that were not before.

The files of -f are laid on top of the cluster, as if they had been applied. With --from no cluster is read: the files of --from are the
mesh before the change, and those of -f the one after it, so that what -f lacks is deleted.

Callers are the clients with a proxy, by the configuration. Who calls without one, only traffic tells: kubectl meshtls preflight and
evidence.

The exit code is 0 if nothing differs, 1 if something does, and 2 if something could not be read.`

const diffExample = `  # What a folder changes in the cluster
  kubectl meshtls diff -f manifests/

  # A comment for a pull request
  kubectl meshtls diff --from main/manifests -f branch/manifests -o markdown`

// differences are the formats that a difference is written in.
var differences = map[string]func(out io.Writer, d screens.Difference) error{
	outputText:     func(out io.Writer, d screens.Difference) error { return diffText(out, d, report.StyleOf(out)) },
	outputMarkdown: diffMarkdown,
	outputJSON:     diffJSON,
	outputYAML:     diffYAML,
}

// diffFlags are the flags of diff alone.
type diffFlags struct {
	output string
	from   []string
}

func newDiff(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var flags diffFlags
	command := &cobra.Command{
		Use:     "diff [<file or directory> ...]",
		Short:   "Show what a change of files comes to: objects, modes, and who is refused",
		Long:    diffLong,
		Example: diffExample,
		Args:    objects.takeFiles,
		PreRunE: func(*cobra.Command, []string) error {
			if !objects.fromFiles() {
				return errors.New("diff compares files with the cluster, or with those of --from: name them with -f")
			}
			return knownOutput(flags.output, maps.Keys(differences))
		},
		RunE: func(command *cobra.Command, _ []string) error {
			return runDiff(command.Context(), streams, objects, flags)
		},
	}
	command.Flags().StringVarP(&flags.output, "output", "o", outputText, "How to show what differs: text, markdown, json or yaml.")
	command.Flags().StringSliceVar(&flags.from, "from", nil,
		"The manifests of the mesh before the change, in place of the cluster: a file or a directory. Repeatable.")
	objects.addFlags(command.Flags())
	complete(command, "output", outputText, outputMarkdown, outputJSON, outputYAML)
	return command
}

func runDiff(ctx context.Context, streams genericiooptions.IOStreams, objects *input, flags diffFlags) error {
	objects.credentials = true
	before, after, err := objects.beforeAndAfter(ctx, flags.from)
	if err != nil {
		return err // half of the objects would be taken for all of them
	}
	scope, err := objects.scope()
	if err != nil {
		return err
	}
	difference := screens.Compare(before, after).In(scope)
	if err := differences[flags.output](streams.Out, difference); err != nil {
		return err
	}
	if !difference.None() {
		return errFindings
	}
	return nil
}

// beforeAndAfter returns the mesh of the cluster, or of the files that are named for it, and the one with the files of -f.
func (s *input) beforeAndAfter(ctx context.Context, from []string) (before, after screens.World, err error) {
	if len(from) > 0 {
		old := *s
		old.filenames, old.kustomizations = from, nil
		if before, err = old.worldOf(ctx, old.reader); err != nil {
			return before, after, err
		}
		after, err = s.worldOf(ctx, s.reader)
		return before, after, err
	}
	live, err := s.base(ctx)
	if err != nil {
		return before, after, err
	}
	mesh, err := live.Copy()
	if err != nil {
		return before, after, err
	}
	old := *s
	old.filenames, old.kustomizations, old.allNamespaces = nil, nil, true
	if before, err = old.worldOf(ctx, func(context.Context) (*source.Reader, error) { return live, nil }); err != nil {
		return before, after, err
	}
	s.withCluster, s.allNamespaces = true, s.allNamespaces || *s.kube.Namespace == ""
	after, err = s.worldOf(ctx, func(ctx context.Context) (*source.Reader, error) { return s.laidOn(ctx, mesh) })
	return before, after, err
}

// worldOf returns what is compared of a mesh.
func (s *input) worldOf(ctx context.Context, read func(context.Context) (*source.Reader, error)) (screens.World, error) {
	reader, err := read(ctx)
	if err != nil {
		return screens.World{}, err
	}
	var world screens.World
	if world.Inventory, err = s.inventory(ctx, reader); err != nil {
		return world, err
	}
	if world.Policies, err = gather.Policies(ctx, reader); err != nil {
		return world, err
	}
	whole := *s
	whole.allNamespaces = true
	if err := whole.foretell(ctx, reader, world.Policies); err != nil {
		return world, err
	}
	world.Report, err = whole.lint(ctx, reader, sourceFlags{})
	return world, err
}
