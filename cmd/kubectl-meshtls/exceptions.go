package main

import (
	"context"
	"errors"
	"io"
	"maps"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/report"
)

const exceptionsLong = `List the exceptions from floors (spec.accept.floorExceptions): which policy may declare a weaker mode than
the floor, until which day, and why. With a namespace, those from its floors and those for its policies.

The exit code is 1 if an exception has ended, ends within 14 days, or is for a policy that is not there.`

const exceptionsExample = `  # What is let through, and until when
  kubectl meshtls exceptions -A

  # Of a folder, before it is applied
  kubectl meshtls exceptions -f manifests/`

// exceptionLists are the formats that exceptions are written in.
var exceptionLists = map[string]func(out io.Writer, e report.Exceptions) error{
	outputTable: func(out io.Writer, e report.Exceptions) error {
		return report.ExceptionsText(out, e, report.StyleOf(out))
	},
	outputJSON: report.ExceptionsJSON,
	outputYAML: report.ExceptionsYAML,
}

func newExceptions(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:     "exceptions [<file or directory> ...]",
		Short:   "List who may go below a floor, and until when",
		Long:    exceptionsLong,
		Example: exceptionsExample,
		Args:    objects.takeFiles,
		PreRunE: func(*cobra.Command, []string) error {
			return knownOutput(output, maps.Keys(exceptionLists))
		},
		RunE: func(command *cobra.Command, _ []string) error {
			found, err := objects.exceptions(command.Context())
			if err != nil {
				return err
			}
			if err := exceptionLists[output](streams.Out, found); err != nil {
				return err
			}
			if found.Due() {
				return errFindings
			}
			return nil
		},
	}
	command.Flags().StringVarP(&output, "output", "o", outputTable, "How to write the list: table, json or yaml.")
	objects.addFlags(command.Flags())
	complete(command, "output", outputTable, outputJSON, outputYAML)
	return command
}

func (s *input) exceptions(ctx context.Context) (report.Exceptions, error) {
	s.kinds = sets.New(policyKind)
	reader, problems := s.reader(ctx)
	if reader == nil {
		return report.Exceptions{}, problems
	}
	scope, err := s.scope()
	if err != nil {
		return report.Exceptions{}, errors.Join(problems, err)
	}
	var policies meshtlsv1alpha1.MeshTLSPolicyList
	err = errors.Join(problems, s.mustSeePolicies(reader), reader.List(ctx, &policies))
	return report.NewExceptions(policies.Items, metav1.Now()).In(scope), err
}
