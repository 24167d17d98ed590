package upgrade

import (
	"net/http"
	"os/exec"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/controlplane"
)

// startOperator runs the program as the installed Deployment says, as its ServiceAccount, until the function that it returns
// is called. Nothing runs pods here.
func startOperator(ctx SpecContext, program string) (stop func()) {
	GinkgoHelper()
	var deployment appsv1.Deployment
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: "meshtls-manager"}, &deployment)).To(Succeed())
	pod := deployment.Spec.Template.Spec
	user, err := plane.AddServiceAccount(operatorNamespace, pod.ServiceAccountName)
	Expect(err).NotTo(HaveOccurred())
	probes := controlplane.FreeAddress(GinkgoTB())
	// Of a flag that stands twice, the last counts.
	flags := slices.Concat(pod.Containers[0].Args, []string{
		"--kubeconfig=" + user.Kubeconfig, "--leader-election-namespace=" + operatorNamespace,
		"--health-probe-bind-address=" + probes, "--metrics-bind-address=0",
	})
	session, err := gexec.Start(exec.Command(program, flags...), GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	stop = func() { session.Terminate().Wait(time.Minute) }
	DeferCleanup(stop)
	Eventually(func() (int, error) { return ask(ctx, "http://"+probes+"/readyz") }).Should(Equal(http.StatusOK))
	return stop
}

// ask returns the status code of the answer.
func ask(ctx SpecContext, url string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
