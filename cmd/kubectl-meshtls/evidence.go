package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/traffic"
)

const evidenceLong = `Say which calls of a workload are not mutual TLS of the mesh, so that Strict would refuse them: who
makes them, how many, when last, at which port, and why, as far as the mesh's objects tell.

The answer comes from Istio's metrics: those in a Prometheus (--prometheus, --port-forward), those that a Prometheus has answered
(--recording), or, without any of these flags, those that the proxies of the target show themselves, which count since the pods started.

What is not mutual TLS of the mesh need not be plaintext: TLS that the application speaks itself passes a Permissive port, and Strict
refuses it.

The target is what explain takes, and workload/x for whatever makes pods. Without one it is the whole namespace.

The exit code is 0 if every call that was seen is mutual TLS, 1 if there are others, and 2 if neither can be said.`

const evidenceExample = `  # Who would be refused, by the Prometheus of Istio's samples
  kubectl meshtls evidence service/payments -n shop --port-forward --since 7d

  # The whole namespace, by a Prometheus with an address
  kubectl meshtls evidence -n shop --prometheus https://prometheus.example.com --since 7d

  # Without Prometheus: what the pods' proxies have counted since they started
  kubectl meshtls evidence deployment/payments -n shop

  # What to apply so that the metrics tell ports apart
  kubectl meshtls evidence --print-telemetry -n shop`

// errUnknown ends a command that could not say whether all is well.
var errUnknown = errors.New("it is not known whether Strict would refuse calls")

// evidenceFlags are the flags of evidence alone.
type evidenceFlags struct {
	sourceFlags
	output         string
	printTelemetry bool
}

// observations are the formats that an observation is written in.
var observations = map[string]func(out io.Writer, e report.Evidence) error{
	outputText: func(out io.Writer, e report.Evidence) error { return report.EvidenceText(out, e, report.StyleOf(out)) },
	outputJSON: report.EvidenceJSON,
	outputYAML: report.EvidenceYAML,
}

func newEvidence(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var flags evidenceFlags
	command := &cobra.Command{
		Use:     "evidence [<kind>/<name>[.<namespace>]]",
		Short:   "Say which calls of a workload Strict would refuse",
		Long:    evidenceLong,
		Example: evidenceExample,
		Args:    cobra.MaximumNArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			if err := knownOutput(flags.output, maps.Keys(observations)); err != nil {
				return err
			}
			return flags.validate(objects)
		},
		RunE: func(command *cobra.Command, args []string) error {
			if flags.printTelemetry {
				return printTelemetry(streams.Out, objects)
			}
			return runEvidence(command.Context(), streams, objects, question{flags: flags, target: slices.Concat(args, []string{""})[0]})
		},
		ValidArgsFunction: completeTargets(explain.PodKinds(), objects),
	}
	command.Flags().StringVarP(&flags.output, "output", "o", outputText, "How to write the answer: text, json or yaml.")
	command.Flags().BoolVar(&flags.printTelemetry, "print-telemetry", false,
		"Print what to apply for metrics that tell ports apart, and for a log of such calls, and ask nothing.")
	flags.addFlags(command.Flags())
	objects.addFlags(command.Flags())
	complete(command, "output", outputText, outputJSON, outputYAML)
	return command
}

// question is what evidence is asked.
type question struct {
	flags  evidenceFlags
	target string
}

func runEvidence(ctx context.Context, streams genericiooptions.IOStreams, objects *input, q question) error {
	reader, view, err := objects.view(ctx)
	if err != nil {
		return err
	}
	ref, target, err := objects.target(ctx, reader, view, q.target)
	if err != nil {
		return err
	}
	asked, err := q.flags.open(ctx, objects)
	if err != nil {
		return err
	}
	defer asked.close()
	o := traffic.Explain(view, asked.Refusable(ctx, target, asked.window))
	if err := observations[q.flags.output](streams.Out, report.Evidence{Target: ref, Asked: asked.window, Observation: o}); err != nil {
		return err
	}
	switch o.Outcome {
	case evidence.Found:
		return errFindings
	case evidence.Unknown:
		return errUnknown
	default:
		return nil
	}
}

// view returns the mesh as the control plane without a revision's name has it, with what it was read from.
func (s *input) view(ctx context.Context) (*source.Reader, *mesh.View, error) {
	reader, err := s.reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	inventory, err := s.inventory(ctx, reader)
	if err != nil {
		return nil, nil, err
	}
	return reader, mesh.New(inventory, ""), nil
}

// target finds whose calls are asked for. Without a name it is the namespace, or with -A all namespaces.
func (s *input) target(ctx context.Context, reader *source.Reader, v *mesh.View, name string) (model.ObjectRef, evidence.Target, error) {
	ref, workloads, err := s.named(v, name)
	if err != nil {
		return model.ObjectRef{}, evidence.Target{}, err
	}
	live, err := s.pods(ctx, reader)
	target := traffic.TargetOf(v, workloads, live)
	if name == "" {
		// Workloads that have no pods now were called, too.
		target.Namespace, target.Workloads = ref.Name, nil
	}
	return ref, target, err
}

// pods returns the pods as they are now. The reader of a cluster does not keep which pods are ready, so they are listed anew; pods that the
// user may not list count as ready.
func (s *input) pods(ctx context.Context, reader *source.Reader) (traffic.Pods, error) {
	var pods corev1.PodList
	if s.fromFiles() {
		err := reader.List(ctx, &pods)
		return traffic.NewPods(pods.Items), err
	}
	live, err := s.client()
	if err != nil {
		return traffic.Pods{}, err
	}
	if err := live.List(ctx, &pods); err != nil {
		s.note("which pods are ready is not known: %v", err)
	}
	return traffic.NewPods(pods.Items), nil
}

// since reads a length of time as Prometheus writes it.
func since(words string) (time.Duration, error) {
	length, err := parseDuration(words)
	if err != nil || length < time.Minute {
		return 0, fmt.Errorf("%q is no length of time of a minute or more, such as 24h or 7d", words)
	}
	return length, nil
}
