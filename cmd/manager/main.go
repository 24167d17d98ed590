// Command manager is the operator: it compiles the MeshTLSPolicies of a cluster into Istio objects, keeps these exact, and
// says on each policy what came of it.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
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

// run returns the operator, until the context ends.
func run(ctx context.Context, s settings) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	if err := checkMetricsCertificate(s); err != nil {
		return err
	}
	limitlessly(config)
	heard := pulse.New()
	config.Wrap(heard.Wrap)
	s.operator.Version = version()
	ctrl.Log.Info("starting", "version", s.operator.Version)
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
	options.PprofBindAddress = s.pprofAddress
	options.Metrics = metricsserver.Options{
		BindAddress: s.metricsAddress, SecureServing: s.metricsSecure,
		CertDir: s.metricsCertPath, CertName: corev1.TLSCertKey, KeyName: corev1.TLSPrivateKeyKey,
	}
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

// checkMetricsCertificate refuses a certificate that cannot be served. Where a file is missing, controller-runtime serves a self-signed
// certificate instead, and only the scraper that verifies it would notice.
func checkMetricsCertificate(s settings) error {
	switch {
	case s.metricsCertPath == "":
		return nil
	case !s.metricsSecure:
		return errors.New("--metrics-cert-path is of no use with --metrics-secure=false: leave one of them out")
	}
	certificate, key := filepath.Join(s.metricsCertPath, corev1.TLSCertKey), filepath.Join(s.metricsCertPath, corev1.TLSPrivateKeyKey)
	if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
		return fmt.Errorf("reading the certificate of --metrics-cert-path: %w", err)
	}
	return nil
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
