package operator

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// page is kubectl meshtls ui, as a browser sees it.
type page struct {
	address, token string
}

// openPage starts kubectl meshtls ui with the user's kubeconfig, until the spec is over.
func openPage(program, kubeconfig string, args ...string) page {
	GinkgoHelper()
	ctx, end := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, append([]string{"ui", "--no-browser", "--kubeconfig", kubeconfig}, args...)...)
	out, err := command.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	command.Stderr = GinkgoWriter
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		end()
		_ = command.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	address, code, found := strings.Cut(strings.TrimSpace(line), "/#code=")
	Expect(found).To(BeTrue(), line)
	p := page{address: address}
	var session struct{ Token string }
	status, body := p.ask(http.MethodPost, "/api/session", map[string]string{"code": code})
	Expect(status).To(Equal(http.StatusOK), body)
	Expect(json.Unmarshal([]byte(body), &session)).To(Succeed())
	p.token = session.Token
	return p
}

// ask sends a request as the page does; header are names and values.
func (p page) ask(method, path string, content any, header ...string) (status int, body string) {
	GinkgoHelper()
	response := p.send(context.Background(), method, path, content, header...)
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	Expect(response.Body.Close()).To(Succeed())
	return response.StatusCode, string(text)
}

func (p page) send(ctx context.Context, method, path string, content any, header ...string) *http.Response {
	GinkgoHelper()
	text, err := json.Marshal(content)
	Expect(err).NotTo(HaveOccurred())
	request, err := http.NewRequestWithContext(ctx, method, p.address+path, bytes.NewReader(text))
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Origin", p.address)
	request.Header.Set("Content-Type", "application/json")
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	return response
}

// overview returns what the page shows first, once it has read the mesh.
func (p page) overview() func() string {
	return func() string {
		GinkgoHelper()
		_, body := p.ask(http.MethodGet, "/api/overview", nil)
		return body
	}
}

var _ = Describe("The page on a cluster", Ordered, func() {
	var program, namespace, kubeconfig string
	var p *meshtlsv1alpha1.MeshTLSPolicy

	BeforeAll(func() {
		var err error
		program, err = gexec.Build("github.com/meshtls/meshtls/cmd/kubectl-meshtls")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(gexec.CleanupBuildArtifacts)
		user, err := plane.AddUser("page", "system:masters")
		Expect(err).NotTo(HaveOccurred())
		kubeconfig = user.Kubeconfig
	})

	BeforeEach(func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p = strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		p.Spec.Accept.Ports = nil
		create(ctx, p)
		expectReady(ctx, p)
	})

	It("shows what is there, and tells an open tab of a change", func(ctx SpecContext) {
		opened := openPage(program, kubeconfig)
		Eventually(opened.overview()).Should(ContainSubstring(namespace))
		stream, leave := context.WithCancel(ctx)
		defer leave()
		response := opened.send(stream, http.MethodGet, "/api/events", nil)
		defer func() { _ = response.Body.Close() }()
		told := make(chan string, 100)
		go func() {
			for lines := bufio.NewScanner(response.Body); lines.Scan(); {
				told <- lines.Text()
			}
		}()
		newApplication(ctx, namespace, unique("late", namespace))
		Eventually(told).Should(Receive(ContainSubstring("etag")))
		Eventually(opened.overview()).Should(ContainSubstring(unique("late", namespace)))
	})

	It("applies a change, and refuses one of a policy that has changed meanwhile", func(ctx SpecContext) {
		opened := openPage(program, kubeconfig, "--allow-apply")
		Eventually(opened.overview()).Should(ContainSubstring(namespace))
		change := map[string]any{"namespace": namespace, "name": "shop", "mode": "Permissive"}
		var preview struct{ ResourceVersion string }
		status, body := opened.ask(http.MethodPost, "/api/preview", change)
		Expect(status).To(Equal(http.StatusOK), body)
		Expect(json.Unmarshal([]byte(body), &preview)).To(Succeed())

		update(ctx, p, func() { p.Annotations = map[string]string{"touched": "meanwhile"} })
		Eventually(func() int {
			status, body = opened.ask(http.MethodPost, "/api/apply", change, "If-Match", preview.ResourceVersion)
			return status
		}).Should(Equal(http.StatusConflict), body)

		Eventually(func() int {
			_, body = opened.ask(http.MethodPost, "/api/preview", change)
			Expect(json.Unmarshal([]byte(body), &preview)).To(Succeed())
			status, body = opened.ask(http.MethodPost, "/api/apply", change, "If-Match", preview.ResourceVersion)
			return status
		}).Should(Equal(http.StatusOK), body)
		Eventually(modes(ctx, namespace)).Should(Equal(map[uint32]string{0: "PERMISSIVE"}))
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		Expect(p.Spec.Accept.Mode).To(Equal(meshtlsv1alpha1.AcceptPermissive))
	})

	It("shows the rest to a user who may not read a kind, and names the kind", func(ctx SpecContext) {
		user, err := plane.AddUser(unique("half", namespace), "half")
		Expect(err).NotTo(HaveOccurred())
		name := unique("half", namespace)
		Expect(admin.Create(ctx, &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{""}, Resources: []string{"pods", "services", "namespaces", "configmaps"}, Verbs: []string{"get", "list", "watch"}},
				{APIGroups: []string{"security.istio.io", "security.meshtls.dev"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}},
			},
		})).To(Succeed())
		Expect(admin.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: "half"}},
		})).To(Succeed())
		opened := openPage(program, user.Kubeconfig, "--allow-apply")
		Eventually(opened.overview()).WithTimeout(20 * time.Second).Should(And(ContainSubstring(namespace), ContainSubstring("DestinationRule")))
		change := map[string]any{"namespace": namespace, "name": "shop", "mode": "Permissive"}
		var preview struct{ ResourceVersion string }
		_, body := opened.ask(http.MethodPost, "/api/preview", change)
		Expect(json.Unmarshal([]byte(body), &preview)).To(Succeed())
		status, body := opened.ask(http.MethodPost, "/api/apply", change, "If-Match", preview.ResourceVersion)
		Expect(status).To(Equal(http.StatusForbidden), body)
		Expect(body).To(ContainSubstring("meshtlspolicies"))
	})
})
