package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// errUnexpected: some policy does not say what its sample expects, or the plugin says something else than a policy.
var errUnexpected = errors.New("some policies are not in the state that their samples expect, or are told otherwise by the plugin")

func main() {
	ctrl.SetLogger(logr.Discard()) // errors tell what the libraries log
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
		return
	case interrupted:
		fmt.Println("\nInterrupted. Nothing is left running.")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run returns the demo, from the start of the cluster to its end.
func run(ctx context.Context) (err error) {
	show := newPrinter(os.Stdout)
	show.title("MeshTLSPolicy: what TLS a workload or a gateway accepts, sends, terminates or passes through")
	c, err := start(ctx, show)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	show.step("installing the operator and starting it with the rights of its ServiceAccount")
	if err := c.install(ctx); err != nil {
		return err
	}
	show.step("applying config/samples")
	if err := c.apply(ctx, "config/samples", "config/samples/problems"); err != nil {
		return err
	}
	if c.mesh != nil {
		show.step("waiting until every pod is ready")
		if err := c.podsReady(ctx); err != nil {
			return fmt.Errorf("waiting for the pods: %w", err)
		}
	}
	show.step("waiting until every policy is settled")
	policies, err := c.settled(ctx)
	if err != nil {
		return err
	}
	if err := c.show(ctx, show, policies); err != nil {
		return err
	}
	if c.mesh != nil {
		if err := c.showTraffic(ctx, show); err != nil {
			return err
		}
	}
	show.step("asking kubectl meshtls lint and explain about the same cluster")
	disagreements, err := c.disagreements(ctx, policies)
	if err != nil {
		return err
	}
	return c.finish(ctx, show, policies, disagreements)
}
