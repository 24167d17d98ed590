package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/importer"
	"github.com/meshtls/meshtls/internal/source"
)

const importLong = `Print MeshTLSPolicies that have the same effect as the PeerAuthentications, DestinationRules and Gateways
that are there, as a stream of YAML documents. Comments say what each takes the place of, what there is to do once it is
applied, and which objects cannot be said as a policy, and why: those stay as they are.

Nothing is changed in the cluster. Every object that can be seen counts for the comparison, so give all manifests at once.
With -n only the objects of that namespace are imported.

The exit code is 1 if an object, or a part of one, is not imported, and 2 for wrong input: then nothing is printed.`

const importExample = `  # The policies for a folder of manifests
  kubectl meshtls import -f manifests/ >policies.yaml

  # The policies for a namespace of the cluster, one by one
  kubectl meshtls import -n shop | less

  # What the operator would write for them
  kubectl meshtls import -A | kubectl meshtls render -f -`

func newImport(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	command := &cobra.Command{
		Use:     "import [<file or directory> ...]",
		Short:   "Print policies that have the same effect as Istio's own objects",
		Long:    importLong,
		Example: importExample,
		Args:    objects.takeFiles,
		RunE: func(command *cobra.Command, _ []string) error {
			return runImport(command.Context(), streams, objects)
		},
	}
	objects.addFlags(command.Flags())
	return command
}

func runImport(ctx context.Context, streams genericiooptions.IOStreams, objects *input) error {
	reader, problems := objects.reader(ctx)
	if problems != nil && !source.Whole(problems) {
		return problems // what could not be read may make a difference
	}
	input, err := objects.toImport(ctx, reader)
	if err != nil {
		return err
	}
	imported, err := importer.Policies(input)
	if err != nil {
		return err
	}
	stream, err := importYAML(imported, input.Mesh.Partial)
	if err != nil {
		return err
	}
	if _, err := streams.Out.Write(stream); err != nil {
		return err
	}
	if _, err := fmt.Fprint(streams.ErrOut, importSummary(imported)); err != nil {
		return err
	}
	if len(imported.Refusals) > 0 {
		return errors.Join(problems, errFindings)
	}
	return problems
}

// toImport returns what is imported from: the mesh, and the policies that are in it.
func (s *input) toImport(ctx context.Context, reader *source.Reader) (importer.Input, error) {
	scope, err := s.scope()
	if err != nil {
		return importer.Input{}, err
	}
	mesh, err := s.inventory(ctx, reader)
	if err != nil {
		return importer.Input{}, err
	}
	var policies meshtlsv1alpha1.MeshTLSPolicyList
	if err := reader.List(ctx, &policies); err != nil {
		return importer.Input{}, err
	}
	input := importer.Input{Mesh: mesh, Namespace: scope, Admit: func(p *meshtlsv1alpha1.MeshTLSPolicy) error {
		return source.Admit(ctx, p)
	}}
	for i := range policies.Items {
		if policies.Items[i].DeletionTimestamp.IsZero() {
			input.Policies = append(input.Policies, &policies.Items[i])
		}
	}
	return input, nil
}
