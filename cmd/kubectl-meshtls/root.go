package main

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// displayName is how users call the plugin.
const displayName = "kubectl meshtls"

// newRoot returns the plugin with all its commands.
func newRoot(streams genericiooptions.IOStreams) *cobra.Command {
	return newRootOf(streams, newInput(streams))
}

// newRootOf returns the plugin with all its commands, whose objects come from there.
func newRootOf(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-meshtls",
		Short: "See and check the TLS of an Istio mesh",
		Long: `See and check the TLS of an Istio mesh, and what MeshTLSPolicies make of it.

Each command reads the cluster of your kubeconfig, or, with -f, manifest files and no cluster at all.
Commands that have no target take files and directories as arguments, too.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: displayName},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.AddCommand(
		newRender(streams, objects),
		newLint(streams, objects),
		newDiff(streams, objects),
		newExplain(streams, objects),
		newEvidence(streams, objects),
		newEdges(streams, objects),
		newPreflight(streams, objects),
		newVerify(streams, objects),
		newUI(streams, objects),
		newStatus(streams, objects),
		newRollout(streams, objects),
		newExceptions(streams, objects),
		newImport(streams, objects),
		newVersion(streams, objects),
	)
	return root
}
