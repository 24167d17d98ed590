package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/internal/ui"
)

const uiLong = `Show the mesh as a page in your browser: who calls whom and whether it is mutual TLS, what each port takes and which object
decides it, what is wrong, and what a change would do before you make it.

The page is served on the loopback address of this machine, with your own rights in the cluster. The printed address opens it once:
whoever has it first has the page, and no other user or web site has.

What calls are comes from Istio's metrics, as with evidence: those in a Prometheus (--prometheus, --port-forward), those that a
Prometheus has answered (--recording), or with --scrape those that the proxies show themselves. Without any of these flags the page
shows what the configuration says.

The page changes nothing, unless --allow-apply lets it apply MeshTLSPolicies; otherwise it hands out the document and the command.`

const uiExample = `  # The cluster of the current context, with the Prometheus of Istio's samples
  kubectl meshtls ui --port-forward

  # A folder of manifests, as a review has it
  kubectl meshtls ui -f manifests/

  # Change policies from the page
  kubectl meshtls ui --prometheus https://prometheus.example.com --allow-apply`

// uiFlags are the flags of ui alone.
type uiFlags struct {
	sourceFlags
	noBrowser  bool
	allowApply bool
	scrape     bool
	port       int
	idle       time.Duration
}

func newUI(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var flags uiFlags
	command := &cobra.Command{
		Use:     "ui [<file or directory> ...]",
		Short:   "Show the mesh as a page in your browser",
		Long:    uiLong,
		Example: uiExample,
		Args:    objects.takeFiles,
		PreRunE: func(*cobra.Command, []string) error { return flags.validateUI(objects) },
		RunE: func(command *cobra.Command, _ []string) error {
			return runUI(command.Context(), streams, objects, flags)
		},
	}
	command.Flags().BoolVar(&flags.noBrowser, "no-browser", false, "Print the address, and open no browser.")
	command.Flags().BoolVar(&flags.allowApply, "allow-apply", false, "Let the page apply MeshTLSPolicies to the cluster.")
	command.Flags().BoolVar(&flags.scrape, "scrape", false,
		"Read the metrics of the pods' proxies through the API server, where there is no Prometheus.")
	command.Flags().IntVar(&flags.port, "port", 0, "The port to serve on the loopback address. Default: a free one.")
	command.Flags().DurationVar(&flags.idle, "idle", 30*time.Minute, "End when no page was open for this long; 0: never.")
	flags.addFlags(command.Flags())
	objects.addFlags(command.Flags())
	return command
}

// sees reports whether something looks at traffic.
func (f *uiFlags) sees() bool { return f.scrape || f.named() }

// named reports whether a source of metrics is named.
func (f *uiFlags) named() bool {
	return f.settings.URL != "" || f.portForward != "" || f.recording != ""
}

func (f *uiFlags) validateUI(objects *input) error {
	switch {
	case f.allowApply && objects.fromFiles():
		return errors.New("--allow-apply applies to a cluster, and -f reads files: use one of the two")
	case f.port < 0 || f.port > 65535:
		return fmt.Errorf("%d is no port: it is from 1 to 65535", f.port)
	case f.scrape && f.named():
		return errors.New("--scrape, --prometheus, --port-forward and --recording name a source each: use one of them")
	case f.scrape && objects.fromFiles():
		return errors.New("manifests have no proxies to --scrape: name a source with --prometheus or --recording")
	case f.named():
		return f.validate(objects)
	default:
		_, err := since(f.since)
		return err
	}
}

func runUI(ctx context.Context, streams genericiooptions.IOStreams, objects *input, flags uiFlags) error {
	mesh := &meshSource{objects: objects, mayApply: flags.allowApply}
	options := ui.Options{Source: mesh, Port: flags.port, Idle: flags.idle}
	if flags.sees() {
		asked, err := flags.open(ctx, objects)
		if err != nil {
			return err
		}
		defer asked.close()
		options.Traffic = &trafficSource{asked: asked, flags: flags, objects: objects}
	}
	if flags.allowApply {
		live, err := objects.client()
		if err != nil {
			return err
		}
		options.Applier = policyApplier{live}
	}
	server, err := ui.Listen(options)
	if err != nil {
		return err
	}
	if flags.noBrowser || openBrowser(ctx, server.Address()) != nil {
		_, _ = fmt.Fprintf(streams.Out, "%s\n", server.Address())
	} else {
		_, _ = fmt.Fprintln(streams.Out, "The page is open in your browser. Ctrl-C ends it.")
	}
	return server.Serve(ctx)
}

// openBrowser opens the address in the user's browser.
func openBrowser(ctx context.Context, address string) error {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	return exec.CommandContext(ctx, name, args...).Run() // #nosec G204 -- the address is our own
}
