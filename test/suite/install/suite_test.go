package install

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	istioNamespace    = "istio-system"
	operatorNamespace = "meshtls-system"
	gatewayNamespace  = "istio-ingress"
)

// The shared control plane, on which config/default is installed, and an administrator's client for it.
var (
	plane *controlplane.ControlPlane
	admin client.Client
)

func TestInstall(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	RunSpecs(t, "Install")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	var err error
	plane, err = controlplane.Start(GinkgoT().Context(), controlplane.Options{
		Controllers: []string{
			"garbage-collector-controller", "namespace-controller", "validatingadmissionpolicy-status-controller",
		},
		Audit: true,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(plane.Stop)
	admin, err = client.New(plane.Config, client.Options{Scheme: worlds.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	newNamespace(ctx, istioNamespace)
	newNamespace(ctx, gatewayNamespace)
	installGatewayAPI(ctx)
	installDefault(ctx)
})

// installDefault does what kubectl apply --server-side -k config/default does. Kinds that a CRD of the same manifests defines, and
// namespaces that they hold, take a moment.
func installDefault(ctx SpecContext) {
	GinkgoHelper()
	for _, object := range kustomize("config/default") {
		Eventually(func() error { return apply(ctx, object) }).Should(Succeed())
	}
	Eventually(func() error { return admin.List(ctx, &meshtlsv1alpha1.MeshTLSPolicyList{}) }).Should(Succeed())
}
