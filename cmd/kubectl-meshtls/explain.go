package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/source"
)

const explainLong = `Say what TLS the connections of a workload or a gateway use, and which object decides it and why.

A sidecar has four connections: from clients to the sidecar, from there to the application, from the application to the sidecar, and
from there on. A gateway has two: from clients to the gateway, and from there on.

Of the destinations, only those are listed where something else decides than what Istio does of itself, or where the outcome is not
mutual TLS. The others are counted.

Who asks for a port with -p is told of inbound connections only, and who asks for a destination with --to of outbound ones.

In a cluster the objects count that are there. With -f the policies are compiled first, and what they come to counts as if it were there.

The target is a pod, a deployment, statefulset, daemonset, replicaset or job, a service (the pods behind it; then -p is the Service's
port), a gateway (the pods that Istio's Gateway of that name is for) or a namespace (all its pods). Of a MeshTLSPolicy (mtp) it is said
what its pods accept or serve, and what is sent to the hosts that it names, whoever decides that.

The exit code is 2 if there is no such target or port.`

const explainExample = `  # All connections of a Deployment of the current namespace
  kubectl meshtls explain deployment/payments

  # The same in namespace shop, and only one port of what is taken
  kubectl meshtls explain deployment/payments.shop -p 8080

  # What is sent to one destination, and why
  kubectl meshtls explain pod/frontend-5d9c7-x2x8k -n shop --to payments.bank:8080

  # What a gateway takes, and where its routes lead
  kubectl meshtls explain gateway/edge.istio-ingress

  # What a policy does, and to whom
  kubectl meshtls explain mtp/payments

  # As a picture, for Markdown
  kubectl meshtls explain ns/shop -o mermaid

  # From manifests, for a program
  kubectl meshtls explain service/payments.shop -f manifests/ -o json`

// explainFlags are the flags of explain alone.
type explainFlags struct {
	output string
	explain.Question
}

// explanations are the formats that an answer is written in.
var explanations = map[string]func(out io.Writer, a explain.Answer) error{
	outputText:    func(out io.Writer, a explain.Answer) error { return report.Explanation(out, a, report.StyleOf(out)) },
	outputJSON:    report.ExplanationJSON,
	outputYAML:    report.ExplanationYAML,
	outputDOT:     report.ExplanationDOT,
	outputMermaid: report.ExplanationMermaid,
}

func newExplain(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var flags explainFlags
	command := &cobra.Command{
		Use:     "explain <kind>/<name>[.<namespace>]",
		Short:   "Say what TLS a workload's connections use, and what decides it",
		Long:    explainLong,
		Example: explainExample,
		Args:    oneTarget,
		PreRunE: func(*cobra.Command, []string) error { return flags.validate() },
		RunE: func(command *cobra.Command, args []string) error {
			flags.Target = args[0]
			return runExplain(command.Context(), streams, objects, flags)
		},
		ValidArgsFunction: completeTargets(explain.Kinds(), objects),
	}
	command.Flags().StringVarP(&flags.output, "output", "o", "text",
		"How to write the answer: text, json, yaml, or as a graph: dot or mermaid.")
	command.Flags().Int32VarP(&flags.Port, "port", "p", 0,
		"Say only what is taken at this port of the pods, or of the Service that is the target.")
	command.Flags().StringVar(&flags.To, "to", "", "Say only what is sent to this destination: <host> or <host>:<port>.")
	command.Flags().BoolVar(&flags.All, "all", false, "List all destinations.")
	objects.addFlags(command.Flags())
	objects.addClusterFlag(command)
	complete(command, "output", outputText, outputJSON, outputYAML, outputDOT, outputMermaid)
	return command
}

// oneTarget wants one argument.
func oneTarget(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one target, such as deployment/payments.shop; there are %d", len(args))
	}
	return nil
}

func (f explainFlags) validate() error {
	if err := knownOutput(f.output, maps.Keys(explanations)); err != nil {
		return err
	}
	switch {
	case f.Port < 0 || f.Port > 65535:
		return fmt.Errorf("%d is no port: it is from 1 to 65535", f.Port)
	case f.To != "" && f.All:
		return errors.New("--to asks for one destination and --all for all of them: use one of the two")
	default:
		return nil
	}
}

func runExplain(ctx context.Context, streams genericiooptions.IOStreams, objects *input, flags explainFlags) error {
	// Half of a mesh would be explained as if it were the whole.
	reader, problems := objects.reader(ctx)
	if problems != nil && !source.Whole(problems) {
		return problems
	}
	mesh, err := objects.inventory(ctx, reader)
	if err != nil {
		return err
	}
	if flags.Namespace, err = objects.scope(); err != nil {
		return err
	}
	answer, err := objects.answerTo(ctx, reader, mesh, flags.Question)
	if err != nil {
		return err
	}
	return errors.Join(problems, explanations[flags.output](streams.Out, answer))
}

// answerTo reads the policies only where one is asked about.
func (s *input) answerTo(
	ctx context.Context, reader *source.Reader, mesh model.Inventory, question explain.Question,
) (explain.Answer, error) {
	if !question.AboutPolicy() {
		return explain.Explain(mesh, question)
	}
	if err := s.mustSeePolicies(reader); err != nil {
		return explain.Answer{}, err
	}
	policies, err := gather.Policies(ctx, reader)
	if err != nil {
		return explain.Answer{}, err
	}
	return explain.Policy(mesh, policies, question)
}
