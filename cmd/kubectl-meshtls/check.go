package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/internal/checkup"
	"github.com/meshtls/meshtls/internal/report"
)

const checkLong = `Say whether the operator is at home in a cluster: the API server, your rights, Istio's CRDs, mesh config, revisions and
injection, the CRD of MeshTLSPolicy, the operator's Deployment and leader, admission, statuses that are of the last change, objects that
differ from what the policies come to, and the source of metrics. With --pre it is asked whether the operator can be installed.

Every line names the page that says more. What policies and Istio's objects get wrong is not asked here: kubectl meshtls lint -A.

The exit code is 1 if something failed, and 2 if the cluster could not be read.`

const checkExample = `  # Before the installation
  kubectl meshtls check --pre

  # After it, and in a pipeline
  kubectl meshtls check -o json`

// checkups are the formats that a checkup is written in.
var checkups = map[string]func(out io.Writer, lines []checkup.Line) error{
	outputText: checkText, outputJSON: checkJSON,
}

func newCheck(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var (
		output string
		pre    bool
	)
	command := &cobra.Command{
		Use:     "check",
		Short:   "Say whether the operator is at home in the cluster, or with --pre could be",
		Long:    checkLong,
		Example: checkExample,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return knownOutput(output, maps.Keys(checkups)) },
		RunE: func(command *cobra.Command, _ []string) error {
			return runCheck(command.Context(), streams, objects, checking{pre: pre, output: output})
		},
	}
	command.Flags().StringVarP(&output, "output", "o", outputText, "How to write the answers: text or json.")
	command.Flags().BoolVar(&pre, "pre", false, "Ask whether the operator can be installed.")
	command.Flags().StringVar(&objects.istioNamespace, "istio-namespace", objects.istioNamespace,
		"The namespace of Istio's control plane, where the ConfigMap with the mesh config is read.")
	addKubeFlags(command.Flags(), objects.kube)
	complete(command, "output", outputText, outputJSON)
	return command
}

// checking is how a checkup is asked for.
type checking struct {
	pre    bool
	output string
}

func runCheck(ctx context.Context, streams genericiooptions.IOStreams, objects *input, flags checking) error {
	// The operator is for all namespaces, whatever that of the kubeconfig is.
	objects.allNamespaces = true
	facts, err := objects.facts(ctx, flags.pre)
	if err != nil {
		return err
	}
	lines := checkup.Lines(facts)
	if err := checkups[flags.output](streams.Out, lines); err != nil {
		return err
	}
	if checkup.Worst(lines) == checkup.Failed {
		return errFindings
	}
	return nil
}

func checkText(out io.Writer, lines []checkup.Line) error {
	style := report.StyleOf(out)
	counts := map[checkup.State]int{}
	for _, line := range lines {
		counts[line.State]++
		words := strings.TrimSpace(line.Message + " " + line.Remedy)
		_, err := fmt.Fprintf(out, "%-8s %s\n%s    %s\n", line.State, line.Check, report.Wrap(words, style.Width, "    "), line.Docs)
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\n%d OK, %d unknown, %s, %d failed.\n", counts[checkup.OK], counts[checkup.Unknown],
		counted(counts[checkup.Warning], "warning", "warnings"), counts[checkup.Failed])
	return err
}

// checkVersion is that of the JSON. A field is never removed or renamed within it.
const checkVersion = "meshtls.dev/check/v1"

func checkJSON(out io.Writer, lines []checkup.Line) error {
	encoded, err := json.MarshalIndent(struct {
		Version string         `json:"version"`
		State   checkup.State  `json:"state"`
		Checks  []checkup.Line `json:"checks"`
	}{checkVersion, checkup.Worst(lines), lines}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(encoded))
	return err
}
