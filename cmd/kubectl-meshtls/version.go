package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// release is the version that the build was told by -ldflags "-X main.release=…".
var release string

// patience is how long version waits for a cluster.
const patience = 5 * time.Second

// operatorLabels are those of the operator's Deployment, as config/manager and the chart install it.
var operatorLabels = client.MatchingLabels{"app.kubernetes.io/name": "meshtls"}

// version returns the release, or else what Go knows of the module and its commit.
func version() string {
	built, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(release, "unknown")
	}
	return cmp.Or(release, built.Main.Version, "unknown")
}

func newVersion(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var clientOnly bool
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version of the plugin, and the image of the operator in the cluster",
		Long: `Print the version of the plugin and, where a cluster can be asked, the image of the operator that runs there.
The image is all that the cluster tells: its tag is as good as whoever built it.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if _, err := fmt.Fprintln(streams.Out, versionText()); err != nil || clientOnly {
				return err
			}
			ctx, cancel := context.WithTimeout(command.Context(), patience)
			defer cancel()
			if err := printOperators(ctx, streams.Out, objects); err != nil {
				objects.note("the operator's image is not known: %v", err)
			}
			return nil
		},
	}
	command.Flags().BoolVar(&clientOnly, "client", false, "Print the version of the plugin only, and ask no cluster.")
	addKubeFlags(command.Flags(), objects.kube)
	return command
}

func versionText() string {
	return fmt.Sprintf("kubectl-meshtls %s (%s, %s/%s)", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// printOperators writes a line for each Deployment that carries the operator's labels.
func printOperators(ctx context.Context, out io.Writer, objects *input) error {
	cluster, err := objects.client()
	if err != nil {
		return err
	}
	var deployments appsv1.DeploymentList
	if err := cluster.List(ctx, &deployments, operatorLabels); err != nil {
		return err
	}
	if len(deployments.Items) == 0 {
		_, err := fmt.Fprintln(out, "operator: no Deployment with its labels is in the cluster")
		return err
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		for _, container := range d.Spec.Template.Spec.Containers {
			_, err := fmt.Fprintf(out, "operator: %s (Deployment %s/%s, %d of %d ready)\n",
				container.Image, d.Namespace, d.Name, d.Status.ReadyReplicas, d.Status.Replicas)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
