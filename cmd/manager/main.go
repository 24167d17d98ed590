// Command manager is the operator: it compiles the MeshTLSPolicies of a cluster into Istio objects, keeps these exact, and
// says on each policy what came of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/meshtls/meshtls/controllers"
	"github.com/meshtls/meshtls/internal/pulse"
)

// probeTimeout is how long the ready probe waits for the caches before it says no.
const probeTimeout = time.Second

func main() {
	settings, err := parse(flag.CommandLine, os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2) // the flag package has said why
	case settings.version:
		fmt.Println(versionText())
		return
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&settings.log)))
	if err := run(ctrl.SetupSignalHandler(), settings); err != nil {
		ctrl.Log.Error(err, "the operator ends")
		os.Exit(1)
	}
}

// run is the operator, until the context ends.
func run(ctx context.Context, s settings) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	limitlessly(config)
	heard := pulse.New()
	config.Wrap(heard.Wrap)
	ctrl.Log.Info("starting", "version", version())
	manager, err := ctrl.NewManager(config, managerOptions(s))
	if err != nil {
		return fmt.Errorf("connecting to the cluster: %w", err)
	}
	if err := controllers.Setup(manager, s.operator); err != nil {
		return err
	}
	if err := addProbes(manager, heard); err != nil {
		return err
	}
	return manager.Start(ctx)
}

// limitlessly leaves it to the API server's priority and fairness how many requests it takes.
func limitlessly(config *rest.Config) {
	config.QPS = -1
}

func managerOptions(s settings) ctrl.Options {
	options := controllers.ManagerOptions(s.operator)
	options.HealthProbeBindAddress = s.probeAddress
	options.Metrics = metricsserver.Options{BindAddress: s.metricsAddress, SecureServing: s.metricsSecure}
	if s.metricsSecure {
		options.Metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	options.LeaderElection = s.leaderElect
	options.LeaderElectionNamespace = s.leaderNamespace
	options.LeaderElectionID = s.leaderID
	// Safe because the process ends with the manager.
	options.LeaderElectionReleaseOnCancel = true
	return options
}

// addProbes says that the operator is alive while it answers, and ready while its caches have what the cluster has: they are filled, and
// their watches are heard. Setup adds what cannot be read of Istio's kinds.
func addProbes(manager ctrl.Manager, heard *pulse.Pulse) error {
	if err := manager.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := manager.AddReadyzCheck("watches", func(*http.Request) error { return heard.Check() }); err != nil {
		return err
	}
	return manager.AddReadyzCheck("caches", func(request *http.Request) error {
		return cachesSynced(request.Context(), manager.GetCache())
	})
}

var errNotSynced = errors.New("the caches are not filled yet")

func cachesSynced(ctx context.Context, caches cache.Cache) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if !caches.WaitForCacheSync(ctx) {
		return errNotSynced
	}
	return nil
}
