package operator

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/controllers"
	"github.com/meshtls/meshtls/test/controlplane"
)

// refusing answers the requests that it is asked about with a status, until it is told to stop.
type refusing struct {
	status int
	about  func(*http.Request) bool
	// left is how many are refused.
	left atomic.Int64
}

// stand puts it between the operator and the API server.
func (r *refusing) stand(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if !r.about(request) || r.left.Add(-1) < 0 {
			return next.RoundTrip(request)
		}
		return &http.Response{
			StatusCode: r.status, Status: http.StatusText(r.status), Request: request, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader("")),
		}, nil
	})
}

// startBehind starts an operator behind the refusals, until the spec is over, and returns where its readiness is.
func startBehind(faults *refusing) string {
	GinkgoHelper()
	config := rest.CopyConfig(account)
	config.QPS = -1
	config.Wrap(faults.stand)
	settings := controllers.Options{IstioNamespace: istioNamespace, MaxConcurrentReconciles: 4}
	options := controllers.ManagerOptions(settings)
	options.Metrics.BindAddress, options.HealthProbeBindAddress = "0", controlplane.FreeAddress(GinkgoTB())
	options.Controller.SkipNameValidation = ptr.To(true)
	manager, err := ctrl.NewManager(config, options)
	Expect(err).NotTo(HaveOccurred())
	Expect(controllers.Setup(manager, settings)).To(Succeed())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	DeferCleanup(func() {
		cancel()
		Eventually(ended).Should(Receive(BeNil()))
	})
	return "http://" + options.HealthProbeBindAddress + "/readyz"
}

// ofCRDs returns the requests for single CRDs.
func ofCRDs(request *http.Request) bool {
	return strings.Contains(request.URL.Path, "/customresourcedefinitions/")
}

// ofIstio returns the lists and watches of Istio's kinds.
func ofIstio(request *http.Request) bool {
	return request.Method == http.MethodGet && strings.Contains(request.URL.Path, ".istio.io/") && strings.HasSuffix(request.URL.Path, "s")
}

var _ = Describe("The start", Ordered, Serial, func() {
	const always = 1 << 40

	BeforeAll(func() {
		running.stop()
		DeferCleanup(func() { running = restart() })
	})

	DescribeTable("survives", func(ctx SpecContext, faults *refusing, left int64) {
		faults.left.Store(left)
		ready := startBehind(faults)
		if left == always {
			Eventually(answer(ctx, ready)).Should(Equal(http.StatusInternalServerError))
			Consistently(answer(ctx, ready)).Should(Equal(http.StatusInternalServerError), "what cannot be read is not there to be acted on")
			faults.left.Store(0)
		}
		Eventually(answer(ctx, ready)).Should(Equal(http.StatusOK))
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		expectReady(ctx, p)
	},
		Entry("a 500 for a CRD", &refusing{status: http.StatusInternalServerError, about: ofCRDs}, int64(1)),
		Entry("a 503 for each CRD, twice", &refusing{status: http.StatusServiceUnavailable, about: ofCRDs}, int64(10)),
		Entry("a 403 for a CRD", &refusing{status: http.StatusForbidden, about: ofCRDs}, int64(1)),
		Entry("no right to Istio's kinds, for a while", &refusing{status: http.StatusForbidden, about: ofIstio}, int64(always)),
		Entry("no answer about Istio's kinds, for a while", &refusing{status: http.StatusServiceUnavailable, about: ofIstio}, int64(always)),
	)

	It("says nothing of kinds that it has not looked for", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		Expect(admin.Create(ctx, p)).To(Succeed())
		faults := &refusing{status: http.StatusServiceUnavailable, about: ofCRDs}
		faults.left.Store(always)
		Eventually(answer(ctx, startBehind(faults))).Should(Equal(http.StatusInternalServerError))
		Consistently(condition(ctx, p, meshtlsv1alpha1.ConditionProgrammed)).Should(Equal("absent"))
		faults.left.Store(0)
		expectReady(ctx, p)
	})
})
