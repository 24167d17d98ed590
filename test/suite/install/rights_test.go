package install

import (
	"crypto/tls"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
)

// right is what one entry of a rule of a role allows.
type right struct{ role, namespace, group, resource, verb string }

var _ = Describe("The operator's rights", func() {
	account := corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "meshtls-manager"}}
	user := "system:serviceaccount:" + account.Namespace + ":" + account.Name

	It("suffice for what it does, and are all used", func(ctx SpecContext) {
		metrics := startOperator(ctx, &account)
		newNamespace(ctx, "work")
		doAllThereIs(ctx, "work")
		scrape(ctx, metrics)

		answers, err := plane.Answers(user)
		Expect(err).NotTo(HaveOccurred())
		Expect(refused(answers)).To(BeEmpty())
		granted := grantedTo(account.Name, kustomize("config/default"))
		Expect(granted).NotTo(BeEmpty())
		Eventually(func() []right { return unused(granted, user) }).Should(BeEmpty())
	})

	It("have no wildcard, and no way to a Secret", func() {
		for _, granted := range grantedTo(account.Name, kustomize("config/default")) {
			Expect([]string{granted.group, granted.resource, granted.verb}).NotTo(ContainElement("*"), "%v", granted)
			Expect(granted.resource).NotTo(HavePrefix("secrets"))
			Expect(granted.verb).NotTo(BeElementOf("escalate", "bind", "impersonate"))
		}
	})
})

// startOperator runs the program with a token of the ServiceAccount, the flags, and the arguments of the Deployment of config/default,
// but for the addresses. It returns where the metrics are.
func startOperator(ctx SpecContext, account *corev1.ServiceAccount, flags ...string) string {
	GinkgoHelper()
	// An operator before this one has left its lease, and to create one is a right as well.
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "meshtls-manager"}}
	Expect(client.IgnoreNotFound(admin.Delete(ctx, lease))).To(Succeed())
	program, err := gexec.Build("github.com/meshtls/meshtls/cmd/manager")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(gexec.CleanupBuildArtifacts)
	probes, metrics := controlplane.FreeAddress(GinkgoTB()), controlplane.FreeAddress(GinkgoTB())
	flags = append(flags,
		"--kubeconfig="+kubeconfig(tokenOf(ctx, account)), "--leader-elect", "--leader-election-namespace="+operatorNamespace,
		"--health-probe-bind-address="+probes, "--metrics-bind-address="+metrics)
	session, err := gexec.Start(exec.Command(program, flags...), GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { session.Terminate().Wait(time.Minute) })
	Eventually(func() (int, error) { return ask(ctx, "http://"+probes+"/readyz", "") }).Should(Equal(http.StatusOK))
	return "https://" + metrics + "/metrics"
}

// tokenOf returns a token for a ServiceAccount, as a pod gets one.
func tokenOf(ctx SpecContext, account *corev1.ServiceAccount) string {
	GinkgoHelper()
	request := &authenticationv1.TokenRequest{}
	Expect(admin.SubResource("token").Create(ctx, account, request)).To(Succeed())
	return request.Status.Token
}

// kubeconfig returns a file with which the bearer of a token reaches the API server.
func kubeconfig(token string) string {
	GinkgoHelper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: plane.Config.Host, CertificateAuthorityData: plane.Config.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(clientcmd.WriteToFile(*config, file)).To(Succeed())
	return file
}

// ask returns the status code of the answer to the bearer of a token, or to anybody.
func ask(ctx SpecContext, url, token string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	// The operator makes the certificate of its metrics itself.
	asking := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	response, err := asking.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// scrape reads the metrics as somebody who may, and as somebody who may not.
func scrape(ctx SpecContext, url string) {
	GinkgoHelper()
	scraper := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "scraper"}}
	create(ctx, scraper)
	token := tokenOf(ctx, scraper)
	// The operator makes its certificate first.
	Eventually(func() (int, error) { return ask(ctx, url, token) }).Should(Equal(http.StatusForbidden))
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "scraper"},
		Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
	}
	create(ctx, role)
	create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "scraper"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: scraper.Namespace, Name: scraper.Name}},
	})
	// A refusal is remembered for seconds, but only that of one token.
	Eventually(func() (int, error) { return ask(ctx, url, tokenOf(ctx, scraper)) }).Should(Equal(http.StatusOK))
}

// doAllThereIs has the operator create, put right and delete an object of each kind, and tell of it.
func doAllThereIs(ctx SpecContext, namespace string) {
	GinkgoHelper()
	specs := map[string][2]string{ // at first, and later
		"accepts": {accepts, "{send: [{hosts: [a.partner.example], mode: Simple}]}"},
		"sends":   {sends, "{send: [{hosts: [b.partner.example], mode: Simple}]}"},
		"serves":  {terminates, "{gateway: {selector: {matchLabels: {istio: edge}}}, send: [{hosts: [c.partner.example], mode: Simple}]}"},
	}
	for name, spec := range specs {
		Expect(admin.Create(ctx, newPolicy(namespace, name, spec[0]))).To(Succeed())
	}
	expectRendered(ctx, namespace, len(specs))
	disturbUntilToldAgain(ctx, namespace)
	for name, spec := range specs {
		policy := newPolicy(namespace, name, spec[1])
		Eventually(func(g Gomega) { // the operator may write the status between the two
			live := policy.DeepCopy()
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(policy), live)).To(Succeed())
			live.Object["spec"] = policy.Object["spec"]
			g.Expect(admin.Update(ctx, live)).To(Succeed())
		}).Should(Succeed())
	}
	expectRendered(ctx, namespace, len(specs))
}

// expectRendered waits until all policies of the namespace are written, as so many objects.
func expectRendered(ctx SpecContext, namespace string, count int) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var policies meshtlsv1alpha1.MeshTLSPolicyList
		g.Expect(admin.List(ctx, &policies, client.InNamespace(namespace))).To(Succeed())
		rendered := 0
		for i := range policies.Items {
			rendered += len(policies.Items[i].Status.Objects)
			g.Expect(policies.Items[i].Status.ObservedGeneration).To(Equal(policies.Items[i].Generation))
			g.Expect(apimeta.IsStatusConditionTrue(policies.Items[i].Status.Conditions, meshtlsv1alpha1.ConditionProgrammed)).To(BeTrue())
		}
		g.Expect(rendered).To(Equal(count))
	}).Should(Succeed())
}

// disturbUntilToldAgain disturbs until an event is not told anew, but counted up. That is not the second: after it, the policy's status
// says that the object is contested, and an event about another version of the policy is another event.
func disturbUntilToldAgain(ctx SpecContext, namespace string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		disturb(ctx, namespace)
		var told eventsv1.EventList
		g.Expect(admin.List(ctx, &told, client.InNamespace(namespace))).To(Succeed())
		g.Expect(told.Items).To(ContainElement(HaveField("Series", Not(BeNil()))))
	}).Should(Succeed())
}

// disturb changes the PeerAuthentication and waits until it is put right.
func disturb(ctx SpecContext, namespace string) {
	GinkgoHelper()
	var list istiosecurityv1.PeerAuthenticationList
	Expect(admin.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
	Expect(list.Items).To(HaveLen(1))
	found := list.Items[0]
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"mtls":{"mode":"DISABLE"}}}`))
	Expect(admin.Patch(ctx, found, patch)).To(Succeed())
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(found), found)).To(Succeed())
		g.Expect(found.Spec.Mtls.Mode.String()).To(Equal("STRICT"))
	}).Should(Succeed())
}

// refused returns the requests that the user had no right to.
func refused(answers []auditv1.Event) []string {
	var found []string
	for _, answer := range answers {
		if answer.ResponseStatus.Code == http.StatusForbidden {
			found = append(found, answer.Verb+" "+answer.RequestURI)
		}
	}
	return found
}

// grantedTo returns the rights that roles bound to the ServiceAccount give.
func grantedTo(account string, rendered []*unstructured.Unstructured) []right {
	GinkgoHelper()
	var granted []right
	for _, object := range rendered {
		if !strings.HasSuffix(object.GetKind(), "RoleBinding") {
			continue
		}
		binding := one[rbacv1.RoleBinding](rendered, object.GetKind(), object.GetName())
		if !slices.ContainsFunc(binding.Subjects, func(s rbacv1.Subject) bool { return s.Name == account }) {
			continue
		}
		role := one[rbacv1.Role](rendered, binding.RoleRef.Kind, binding.RoleRef.Name)
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						granted = append(granted, right{role.Name, role.Namespace, group, resource, verb})
					}
				}
			}
		}
	}
	return granted
}

// unused returns the rights that no request of the user needed.
func unused(granted []right, user string) []right {
	GinkgoHelper()
	requests, err := plane.Requests(user)
	Expect(err).NotTo(HaveOccurred())
	answers, err := plane.Answers(user)
	Expect(err).NotTo(HaveOccurred())
	used := sets.New[right]()
	for _, request := range slices.Concat(requests, answers) {
		if request.ObjectRef != nil {
			for _, verb := range verbs(request) {
				needed := right{group: request.ObjectRef.APIGroup, resource: resourceOf(request), verb: verb}
				used.Insert(needed)
				needed.namespace = request.ObjectRef.Namespace
				used.Insert(needed)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(granted), func(r right) bool {
		r.role = ""
		return used.Has(r)
	})
}

// resourceOf returns the resource of a request as a rule names it.
func resourceOf(request auditv1.Event) string {
	if sub := request.ObjectRef.Subresource; sub != "" {
		return request.ObjectRef.Resource + "/" + sub
	}
	return request.ObjectRef.Resource
}

// verbs returns those that the sender of a request must be allowed. To apply what is not there is to create it. A watch that begins
// with all there is stands for a list as well: clients list where the API server does not know such watches.
func verbs(request auditv1.Event) []string {
	switch {
	case request.Verb == "patch" && request.ResponseStatus != nil && request.ResponseStatus.Code == http.StatusCreated:
		return []string{"patch", "create"}
	case request.Verb == "watch" && strings.Contains(request.RequestURI, "sendInitialEvents=true"):
		return []string{"watch", "list"}
	default:
		return []string{request.Verb}
	}
}
