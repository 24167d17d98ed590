package upgrade

import (
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// startOperator runs the program as the installed Deployment says, with a token of its ServiceAccount, until the function that it returns
// is called. Nothing runs pods here.
func startOperator(ctx SpecContext, program string) (stop func()) {
	GinkgoHelper()
	var deployment appsv1.Deployment
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: "meshtls-manager"}, &deployment)).To(Succeed())
	pod := deployment.Spec.Template.Spec
	probes := freeAddress()
	// Of a flag that stands twice, the last counts.
	flags := slices.Concat(pod.Containers[0].Args, []string{
		"--kubeconfig=" + kubeconfig(ctx, pod.ServiceAccountName), "--leader-election-namespace=" + operatorNamespace,
		"--health-probe-bind-address=" + probes, "--metrics-bind-address=0",
	})
	session, err := gexec.Start(exec.Command(program, flags...), GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	stop = func() { session.Terminate().Wait(time.Minute) }
	DeferCleanup(stop)
	Eventually(func() (int, error) { return ask(ctx, "http://"+probes+"/readyz") }).Should(Equal(http.StatusOK))
	return stop
}

// kubeconfig returns a file with which a ServiceAccount of the operator's namespace reaches the API server.
func kubeconfig(ctx SpecContext, account string) string {
	GinkgoHelper()
	request := &authenticationv1.TokenRequest{}
	bearer := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: account}}
	Expect(admin.SubResource("token").Create(ctx, bearer, request)).To(Succeed())
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: plane.Config.Host, CertificateAuthorityData: plane.Config.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: request.Status.Token}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(clientcmd.WriteToFile(*config, file)).To(Succeed())
	return file
}

// freeAddress returns an address that nobody listens at.
func freeAddress() string {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(listener.Close()).To(Succeed()) }()
	return listener.Addr().String()
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
