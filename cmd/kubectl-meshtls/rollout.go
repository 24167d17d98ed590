package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/report"
)

const rolloutLong = `Follow the rollouts of policies (spec.accept.rollout) from Permissive to Strict, and hold or approve them.`

const rolloutStatusLong = `Show how far rollouts have come, what each waits for, and who blocks it.

From a cluster it is what the operator has written on the policies. From manifests it is the stage that they hold, or the first one.

The exit code is 1 if a rollout is blocked or undone.`

const rolloutStatusExample = `  # All rollouts, with those who block them
  kubectl meshtls rollout status -A

  # Of one policy
  kubectl meshtls rollout status payments -n shop`

func newRollout(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	command := &cobra.Command{Use: "rollout", Short: "Follow, hold and approve rollouts to Strict", Long: rolloutLong}
	command.AddCommand(
		newRolloutStatus(streams, objects),
		newRolloutChange(streams, objects, rolloutPause),
		newRolloutChange(streams, objects, rolloutResume),
		newRolloutChange(streams, objects, rolloutApprove),
	)
	return command
}

func newRolloutStatus(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	command := &cobra.Command{
		Use:     "status [<policy>]",
		Short:   "Show how far rollouts have come, and who blocks them",
		Long:    rolloutStatusLong,
		Example: rolloutStatusExample,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return runRolloutStatus(command.Context(), streams, objects, slices.Concat(args, []string{""})[0])
		},
	}
	objects.addFlags(command.Flags())
	return command
}

func runRolloutStatus(ctx context.Context, streams genericiooptions.IOStreams, objects *input, name string) error {
	if !objects.fromFiles() {
		objects.kinds = sets.New(policyKind)
	}
	reader, problems := objects.reader(ctx)
	if reader == nil {
		return problems
	}
	if err := objects.mustSeePolicies(reader); err != nil {
		return err
	}
	standings, err := objects.standings(ctx, reader)
	if err != nil {
		return errors.Join(problems, err)
	}
	rollouts := slices.DeleteFunc(standings, func(s standing) bool {
		return s.policy.Status.Rollout == nil || name != "" && s.policy.Name != name
	})
	if len(rollouts) == 0 {
		_, err := fmt.Fprintln(streams.Out, "No rollouts.")
		return errors.Join(problems, err)
	}
	if err := printRollouts(streams, rollouts); err != nil {
		return err
	}
	if slices.ContainsFunc(rollouts, needsSomebody) {
		return errors.Join(problems, errFindings)
	}
	return problems
}

func needsSomebody(s standing) bool {
	phase := s.policy.Status.Rollout.Phase
	return phase == meshtlsv1alpha1.RolloutBlocked || phase == meshtlsv1alpha1.RolloutUndone
}

// printRollouts writes a row for each rollout, and below them what each waits for and who blocks it.
func printRollouts(streams genericiooptions.IOStreams, rollouts []standing) error {
	table := printers.GetNewTabWriter(streams.Out)
	_, _ = fmt.Fprintln(table, "NAMESPACE\tNAME\tTARGET\tACCEPTS\tROLLOUT")
	for _, s := range rollouts {
		is := s.policy.Status
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", s.policy.Namespace, s.policy.Name, is.Target, is.Accepts, is.Rollout.Summary)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	width := report.StyleOf(streams.Out).Width
	for _, s := range rollouts {
		text := fmt.Sprintf("\n%s/%s\n", s.policy.Namespace, s.policy.Name) + report.Wrap(s.policy.Status.Rollout.Message, width, "  ")
		for _, b := range s.policy.Status.Rollout.Blockers {
			text += report.Wrap(blockerWords(b), width, "  ")
		}
		if _, err := fmt.Fprint(streams.Out, text); err != nil {
			return err
		}
	}
	return nil
}

// blockerWords say who blocks, where, and why.
func blockerWords(b meshtlsv1alpha1.RolloutBlocker) string {
	words := b.Client + " calls " + b.Server
	switch len(b.Ports) {
	case 0:
	case 1:
		words += fmt.Sprintf(" at port %d", b.Ports[0])
	default:
		words += fmt.Sprintf(" at one of the ports %v", b.Ports)
	}
	if b.LastSeen != nil {
		words += ", last seen " + b.LastSeen.UTC().Format("2006-01-02 15:04Z")
	}
	words += "."
	if b.Hint != "" {
		words += " " + b.Hint
	}
	return words
}
