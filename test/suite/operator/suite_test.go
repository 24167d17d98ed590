package operator

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/meshtls/meshtls/controllers"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	istioNamespace    = "istio-system"
	operatorNamespace = "meshtls-system"
)

// The shared control plane, an administrator's client for it, and the operator that runs on it.
var (
	plane   *controlplane.ControlPlane
	account *rest.Config
	admin   client.Client
	running *operator
	// prometheus is the fake that the operator asks, and clock what it takes for the time.
	prometheus *fakePrometheus
	clock      = &fakeClock{}
)

func TestOperator(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(300 * time.Millisecond)
	RunSpecs(t, "Operator")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	plane = startPlane(controlplane.Options{
		CRDs:        []string{"config/crd/bases"},
		Controllers: []string{"garbage-collector-controller", "namespace-controller"},
	})
	admin = clientFor(plane.Config)
	account = grantRole(ctx, plane, admin)
	prometheus = newFakePrometheus()
	DeferCleanup(prometheus.Close)
	running = startOperator(account)
})

// Not a DeferCleanup: specs may have put another operator in its place.
var _ = AfterSuite(func() {
	if running != nil {
		running.stop()
	}
})

// startPlane starts a control plane that stops after the specs that the caller stands before.
func startPlane(options controlplane.Options) *controlplane.ControlPlane {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	started, err := controlplane.Start(ctx, options)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		cancel()
		Expect(started.Stop()).To(Succeed())
	})
	return started
}

func clientFor(config *rest.Config) client.Client {
	GinkgoHelper()
	config = rest.CopyConfig(config)
	config.QPS = -1
	made, err := client.New(config, client.Options{Scheme: worlds.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	return made
}

// operator is the operator as it runs in a cluster, but for the process.
type operator struct {
	traffic *traffic
	stop    func()
}

// startOperator runs the operator until it is stopped. Without more settings it waits for no settle time.
func startOperator(config *rest.Config, with ...func(*controllers.Options)) *operator {
	GinkgoHelper()
	o := &operator{traffic: &traffic{}}
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.Wrap(o.traffic.listen)

	settings := controllers.Options{
		IstioNamespace: istioNamespace, MaxConcurrentReconciles: 4, Clock: clock.now,
		Evidence: controllers.EvidenceOptions{
			Prometheus: evidence.Settings{URL: prometheus.URL}, Interval: 100 * time.Millisecond, Concurrency: 4,
		},
	}
	for _, set := range with {
		set(&settings)
	}
	options := controllers.ManagerOptions(settings)
	options.Metrics.BindAddress = "0"
	options.Controller.SkipNameValidation = ptr.To(true) // several operators may run in this process, one after the other
	manager, err := ctrl.NewManager(config, options)
	Expect(err).NotTo(HaveOccurred())
	Expect(controllers.Setup(manager, settings)).To(Succeed())

	leftWaiting = waiting()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	o.stop = func() {
		GinkgoHelper()
		cancel()
		Eventually(ended).Should(Receive(BeNil()))
		o.stop = func() {}
	}
	Eventually(manager.Elected()).Should(BeClosed())
	return o
}
