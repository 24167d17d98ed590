package main

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/traffic"
)

const preflightLong = `Say what the configuration tells before a switch to Strict, without any traffic: who would be refused
if they call (webhooks, Prometheus, clients that a DestinationRule or an annotation keeps from mutual TLS), which workloads have no
proxy, which CronJobs run rarely, and for how long traffic should be looked at so that each of them is seen.

Whether somebody calls at all, only the traffic tells: see evidence.

The target is what explain takes; without one it is the namespace. The exit code is 1 if somebody would be refused.`

const preflightExample = `  # Before the pods behind a Service become Strict
  kubectl meshtls preflight service/payments -n shop

  # Before a namespace does, from manifests
  kubectl meshtls preflight -n shop -f manifests/`

// preflights are the formats that a preflight is written in.
var preflights = map[string]func(out io.Writer, p report.Preflight) error{
	outputText: func(out io.Writer, p report.Preflight) error {
		return report.PreflightText(out, p, report.StyleOf(out))
	},
	outputJSON: report.PreflightJSON,
	outputYAML: report.PreflightYAML,
}

func newPreflight(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:     "preflight [<kind>/<name>[.<namespace>]]",
		Short:   "Say what the configuration tells before a switch to Strict",
		Long:    preflightLong,
		Example: preflightExample,
		Args:    cobra.MaximumNArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			return knownOutput(output, maps.Keys(preflights))
		},
		RunE: func(command *cobra.Command, args []string) error {
			found, err := objects.preflight(command.Context(), slices.Concat(args, []string{""})[0])
			if err != nil {
				return err
			}
			if err := preflights[output](streams.Out, found); err != nil {
				return err
			}
			if len(found.Refused) > 0 {
				return errFindings
			}
			return nil
		},
		ValidArgsFunction: completeTargets(explain.PodKinds(), objects),
	}
	command.Flags().StringVarP(&output, "output", "o", outputText, "How to write the answer: text, json or yaml.")
	objects.addFlags(command.Flags())
	complete(command, "output", outputText, outputJSON, outputYAML)
	return command
}

func (s *input) preflight(ctx context.Context, name string) (report.Preflight, error) {
	reader, view, err := s.view(ctx)
	if err != nil {
		return report.Preflight{}, err
	}
	ref, workloads, err := s.named(view, name)
	if err != nil {
		return report.Preflight{}, err
	}
	jobs, err := s.jobs(ctx, reader)
	if err != nil {
		return report.Preflight{}, err
	}
	found := report.Preflight{Target: ref}
	found.Preflight = traffic.NewPreflight(view, workloads, jobs)
	return found, nil
}

// named returns the workloads of the target; without a name those of the namespace, or of the mesh.
func (s *input) named(v *mesh.View, name string) (model.ObjectRef, []*model.Workload, error) {
	scope, err := s.scope()
	switch {
	case err != nil:
		return model.ObjectRef{}, nil, err
	case name != "":
		return explain.Find(v, explain.Question{Target: name, Namespace: scope})
	case scope != "":
		return model.ObjectRef{Kind: model.KindNamespace, Name: scope}, v.Selected(scope, nil), nil
	default:
		return model.ObjectRef{}, v.Workloads(), nil
	}
}

// jobs returns the CronJobs of all namespaces: any of them may call.
func (s *input) jobs(ctx context.Context, reader *source.Reader) ([]traffic.Job, error) {
	var found batchv1.CronJobList
	if s.fromFiles() {
		if err := reader.List(ctx, &found); err != nil {
			return nil, err
		}
	} else {
		live, err := s.client()
		if err != nil {
			return nil, err
		}
		if err := live.List(ctx, &found); err != nil {
			s.note("which CronJobs there are is not known: %v", err)
		}
	}
	jobs := make([]traffic.Job, 0, len(found.Items))
	for _, job := range found.Items {
		jobs = append(jobs, traffic.Job{Namespace: job.Namespace, Name: job.Name, Schedule: job.Spec.Schedule})
	}
	return jobs, nil
}
