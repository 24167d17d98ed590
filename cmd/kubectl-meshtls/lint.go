package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/source"
)

const lintLong = `Find what is wrong, or probably not meant, in the TLS settings of a mesh: in MeshTLSPolicies, and in the
PeerAuthentications, DestinationRules, Gateways, VirtualServices and ServiceEntries that others write. A mesh without any policy
is linted too.

Everything is judged together, as Istio will see it once the policies' objects are written. With a source of metrics, such as
--prometheus, lint also finds the clients that call what is Strict then without mutual TLS of the mesh.

The exit code is 1 if something is found of the severity of --fail-on, or a higher one, and 2 if something could not be read.
What each check is about, and how to mute it, is in docs/findings.md.`

const lintExample = `  # A folder of manifests, in CI
  kubectl meshtls lint -f manifests/

  # For a code host that shows SARIF beside the lines
  kubectl meshtls lint -f manifests/ -o sarif >meshtls.sarif

  # What a chart comes to
  helm template shop charts/shop | kubectl meshtls lint -f - --fail-on warning

  # The whole mesh
  kubectl meshtls lint -A

  # Where tools that show PolicyReports find it
  kubectl meshtls lint -A -o policyreport | kubectl apply -f -

  # Whom the Strict modes of a folder would refuse
  kubectl meshtls lint -f manifests/ --prometheus https://prometheus.example --since 7d`

// lintFlags are the flags of lint alone.
type lintFlags struct {
	output string
	failOn string
	// sources, where they name one, also let the traffic speak.
	sources sourceFlags
}

// outputs are the formats that a report is written in.
var outputs = map[string]func(out io.Writer, r report.Report) error{
	outputTable:        func(out io.Writer, r report.Report) error { return report.Text(out, r, report.StyleOf(out)) },
	outputJSON:         report.JSON,
	outputSARIF:        func(out io.Writer, r report.Report) error { return report.SARIF(out, r, version()) },
	outputPolicyReport: report.PolicyReports,
}

// failing are the severities that let lint fail.
var failing = map[string][]meshtlsv1alpha1.Severity{
	"error":   {meshtlsv1alpha1.SeverityError},
	"warning": {meshtlsv1alpha1.SeverityError, meshtlsv1alpha1.SeverityWarning},
}

func newLint(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var flags lintFlags
	command := &cobra.Command{
		Use:     "lint [<file or directory> ...]",
		Short:   "Find mistakes in the TLS settings of policies and of Istio's own objects",
		Long:    lintLong,
		Example: lintExample,
		Args:    objects.takeFiles,
		PreRunE: func(*cobra.Command, []string) error { return flags.validate(objects) },
		RunE: func(command *cobra.Command, _ []string) error {
			return runLint(command.Context(), streams, objects, flags)
		},
	}
	command.Flags().StringVarP(&flags.output, "output", "o", "table", "How to write the findings: table, json, sarif or policyreport.")
	command.Flags().StringVar(&flags.failOn, "fail-on", "error", "The least severity that makes the exit code 1: error or warning.")
	flags.sources.addFlags(command.Flags())
	objects.addFlags(command.Flags())
	complete(command, "output", "table", "json", "sarif", "policyreport")
	objects.addClusterFlag(command)
	complete(command, "fail-on", "error", "warning")
	return command
}

func (f lintFlags) validate(objects *input) error {
	if err := knownOutput(f.output, maps.Keys(outputs)); err != nil {
		return err
	}
	if failing[f.failOn] == nil {
		return fmt.Errorf("unknown severity %q for --fail-on: it is error or warning", f.failOn)
	}
	if f.sources.named() == 0 {
		return nil
	}
	return f.sources.validate(objects)
}

func runLint(ctx context.Context, streams genericiooptions.IOStreams, objects *input, flags lintFlags) error {
	objects.credentials = true
	reader, problems := objects.reader(ctx)
	if reader == nil {
		return problems
	}
	found, err := objects.lint(ctx, reader, flags.sources)
	if err != nil {
		return errors.Join(problems, err)
	}
	found.Problems = append(found.Problems, problemsOf(problems)...)
	if err := outputs[flags.output](streams.Out, found); err != nil {
		return err
	}
	fails := func(f report.Finding) bool { return slices.Contains(failing[flags.failOn], f.Severity) }
	if slices.ContainsFunc(found.Findings, fails) {
		return errors.Join(problems, errFindings)
	}
	return problems
}

// lint reviews all that the reader has, and reports on the namespaces that were asked for.
func (s *input) lint(ctx context.Context, reader *source.Reader, sources sourceFlags) (report.Report, error) {
	in, err := s.reach()
	if err != nil {
		return report.Report{}, err
	}
	inventory, err := s.inventory(ctx, reader)
	if err != nil {
		return report.Report{}, err
	}
	snapshots, err := s.snapshots(ctx, reader)
	if err != nil {
		return report.Report{}, err
	}
	review := compile.Lint(inventory, snapshots)
	seen, err := s.seen(ctx, reader, inventory, sources)
	if err != nil {
		return report.Report{}, err
	}
	review.Findings = append(review.Findings, seen...)
	found := report.New(findingsIn(in, review), reader.Place)
	found.Summary.Policies, found.Summary.IstioObjects = looked(in, inventory, review)
	found.Namespaces = namespacesIn(in, inventory, review)
	return found, nil
}

// findingsIn returns the findings about the policies and other objects of the namespaces that were asked for.
func findingsIn(in reach, review model.Review) []model.Finding {
	found := append(policyFindings(review.Results), review.Findings...)
	return slices.DeleteFunc(found, func(f model.Finding) bool {
		return !in.has(f.Subject.Namespace)
	})
}

// looked counts the policies and the other people's Istio objects that were looked at.
func looked(in reach, i model.Inventory, review model.Review) (policies, objects int) {
	for _, o := range outcomesOf(review.Results) {
		if in.has(o.Policy.Namespace) {
			policies++
		}
	}
	for _, o := range lintedObjects(i) {
		if in.has(o.GetNamespace()) && !model.Ours(o) {
			objects++
		}
	}
	return policies, objects
}

// namespacesIn returns the namespaces that were asked for and have a policy, or an object of Istio's.
func namespacesIn(in reach, i model.Inventory, review model.Review) []string {
	all := sets.New[string]()
	for _, o := range outcomesOf(review.Results) {
		all.Insert(o.Policy.Namespace)
	}
	for _, o := range lintedObjects(i) {
		all.Insert(o.GetNamespace())
	}
	return slices.DeleteFunc(sets.List(all), func(namespace string) bool { return !in.has(namespace) })
}

// lintedObjects returns the objects of Istio's that lint judges.
func lintedObjects(i model.Inventory) []client.Object {
	return slices.Concat(asObjects(i.PeerAuthentications), asObjects(i.DestinationRules), asObjects(i.Gateways), asObjects(i.VirtualServices),
		asObjects(i.ServiceEntries), asObjects(i.WorkloadEntries), asObjects(i.AuthorizationPolicies))
}

// problemsOf returns the errors of manifests, for the report.
func problemsOf(err error) []report.Problem {
	var problems []report.Problem
	for _, each := range apart(err) {
		if ofManifest := (*source.Error)(nil); errors.As(each, &ofManifest) {
			problems = append(problems, report.Problem{
				File: ofManifest.File, Document: ofManifest.Document, Line: ofManifest.Line, Message: ofManifest.Words(),
			})
		}
	}
	return problems
}
