package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/source"
)

const renderLong = `Print the Istio objects that the operator writes for the MeshTLSPolicies, and nothing else, to the standard output.
What there is to say about the policies goes to the standard error. Of a policy with a rollout it is what its stage asks for.

The exit code is 1 if a policy is not accepted, and 2 for wrong input: then nothing is printed.`

const renderExample = `  # What a folder of manifests comes to, before anything is applied
  kubectl meshtls render -f manifests/

  # What a change of one file changes
  kubectl meshtls render -f manifests/ >before.yaml; vi manifests/payments.yaml
  kubectl meshtls render -f manifests/ | diff before.yaml -

  # What a rollout will end with
  kubectl meshtls render -f manifests/ --stage last

  # What the operator writes for the policies of a namespace of the cluster
  kubectl meshtls render -n shop`

// The stages of a rollout that render can be asked for.
const (
	stageNow   = "now"
	stageFirst = "first"
	stageLast  = "last"
)

func newRender(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	command := &cobra.Command{
		Use:     "render [<file or directory> ...]",
		Short:   "Print the Istio objects that the policies come to",
		Long:    renderLong,
		Example: renderExample,
		Args:    objects.takeFiles,
		PreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains([]string{stageNow, stageFirst, stageLast}, objects.stage) {
				return fmt.Errorf("unknown stage %q: it is now, first or last", objects.stage)
			}
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error {
			return runRender(command.Context(), streams, objects)
		},
	}
	command.Flags().StringVar(&objects.stage, "stage", stageNow,
		"Which stage of rollouts to print: now, as their policies' status has it, first, or last.")
	objects.addFlags(command.Flags())
	objects.addClusterFlag(command)
	complete(command, "stage", stageNow, stageFirst, stageLast)
	return command
}

func runRender(ctx context.Context, streams genericiooptions.IOStreams, objects *input) error {
	reader, problems := objects.reader(ctx)
	if problems != nil && !source.Whole(problems) {
		return problems // half of the objects would be taken for all of them
	}
	if err := objects.mustSeePolicies(reader); err != nil {
		return err
	}
	results, err := objects.results(ctx, reader)
	if err != nil {
		return err
	}
	stream, err := render.YAML(allObjects(results))
	if err != nil {
		return err
	}
	if _, err := streams.Out.Write(stream); err != nil {
		return err
	}
	found := report.New(policyFindings(results), reader.Place)
	if err := report.Findings(streams.ErrOut, found, report.StyleOf(streams.ErrOut)); err != nil {
		return err
	}
	if slices.ContainsFunc(outcomesOf(results), rejected) {
		return errors.Join(problems, errFindings)
	}
	return problems
}

// allObjects returns what is rendered for all namespaces.
func allObjects(results []model.Result) model.Objects {
	var all model.Objects
	for _, r := range results {
		all.PeerAuthentications = append(all.PeerAuthentications, r.Objects.PeerAuthentications...)
		all.DestinationRules = append(all.DestinationRules, r.Objects.DestinationRules...)
		all.Gateways = append(all.Gateways, r.Objects.Gateways...)
		all.AuthorizationPolicies = append(all.AuthorizationPolicies, r.Objects.AuthorizationPolicies...)
	}
	return all
}

func outcomesOf(results []model.Result) []model.Outcome {
	var all []model.Outcome
	for _, r := range results {
		all = append(all, r.Policies...)
	}
	return all
}

func policyFindings(results []model.Result) []model.Finding {
	var all []model.Finding
	for _, o := range outcomesOf(results) {
		all = append(all, o.Findings...)
	}
	return all
}

// rejected reports whether the policy is not accepted: nothing of it stands.
func rejected(o model.Outcome) bool {
	return o.Accepted == 0 && slices.ContainsFunc(o.Findings, func(f model.Finding) bool {
		return f.Condition == meshtlsv1alpha1.ConditionAccepted
	})
}
