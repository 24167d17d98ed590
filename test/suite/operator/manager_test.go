package operator

import (
	"fmt"
	"net/http"
	"os/exec"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
)

// answer returns the status code that the operator answers with; zero: it does not.
func answer(ctx SpecContext, url string) func() int {
	return func() int {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode
	}
}

var _ = Describe("The program manager", Ordered, Serial, func() {
	var program string
	BeforeAll(func() {
		var err error
		program, err = gexec.Build("github.com/meshtls/meshtls/cmd/manager")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(gexec.CleanupBuildArtifacts)
	})

	start := func(args ...string) *gexec.Session {
		GinkgoHelper()
		session, err := gexec.Start(exec.Command(program, args...), GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { session.Kill().Wait() })
		return session
	}

	It("leads, works, and gives up the lease when it is told to stop", func(ctx SpecContext) {
		running.stop()
		defer func() { running = restart() }()
		user, err := plane.AddServiceAccount(operatorNamespace, "manager")
		Expect(err).NotTo(HaveOccurred())
		probes, metrics := controlplane.FreeAddress(GinkgoTB()), controlplane.FreeAddress(GinkgoTB())
		session := start("--kubeconfig="+user.Kubeconfig,
			"--leader-elect", "--leader-election-namespace="+operatorNamespace,
			"--health-probe-bind-address="+probes, "--metrics-bind-address="+metrics, "--metrics-secure=false")

		Eventually(answer(ctx, fmt.Sprintf("http://%s/readyz", probes))).Should(Equal(http.StatusOK))
		Eventually(answer(ctx, fmt.Sprintf("http://%s/healthz", probes))).Should(Equal(http.StatusOK))
		Eventually(answer(ctx, fmt.Sprintf("http://%s/metrics", metrics))).Should(Equal(http.StatusOK))
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		expectReady(ctx, p)
		lease := func() string {
			found := &coordinationv1.Lease{}
			Expect(admin.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: "meshtls-manager"}, found)).To(Succeed())
			return ptr.Deref(found.Spec.HolderIdentity, "")
		}
		Expect(lease()).NotTo(BeEmpty())

		Eventually(session.Terminate()).WithTimeout(time.Minute).Should(gexec.Exit(0))
		Expect(lease()).To(BeEmpty())
		Expect(session.Err).NotTo(gbytes.Say("forbidden"), "config/rbac lacks a right")
	})

	It("says what is wrong with its flags", func() {
		Eventually(start("--no-such-flag")).Should(gexec.Exit(2))
	})

	It("says who it is", func() {
		session := start("--version")
		Eventually(session).Should(gexec.Exit(0))
		Expect(session.Out).To(gbytes.Say("manager "))
	})
})
