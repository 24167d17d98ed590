package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/controlplane"
)

// The samples, in the order in which they are applied.
var samples = []string{"config/samples/istio", "config/samples", "config/samples/problems"}

// renderedObject is what of an object is the same whether it was printed or written.
type renderedObject struct {
	Labels map[string]string
	Spec   any
}

var _ = Describe("The program kubectl-meshtls", Ordered, Serial, func() {
	var (
		program  string
		shared   client.Client
		plugged  *controlplane.ControlPlane
		operator *controlplane.User
	)

	BeforeAll(func(ctx SpecContext) {
		var err error
		program, err = gexec.Build("github.com/meshtls/meshtls/cmd/kubectl-meshtls")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(gexec.CleanupBuildArtifacts)

		shared = admin
		plugged = startPlane(controlplane.Options{
			CRDs:        []string{"config/crd/bases"},
			Controllers: []string{"deployment-controller", "replicaset-controller", "statefulset-controller"},
		})
		admin = clientFor(plugged.Config)
		DeferCleanup(func() { admin = shared })
		started := startOperator(grantRole(ctx, plugged, admin))
		DeferCleanup(func() { started.stop() })
		user, err := plugged.AddUser("reader", "system:masters")
		Expect(err).NotTo(HaveOccurred())
		operator = &user
		for _, folder := range samples {
			applySamples(ctx, folder)
		}
		podsBecomeReady(ctx)
	})

	// run runs the plugin, and returns what it prints and its exit code.
	run := func(ctx context.Context, args ...string) (stdout, stderr string, code int) {
		GinkgoHelper()
		var out, errOut bytes.Buffer
		command := exec.CommandContext(ctx, program, args...)
		command.Stdout, command.Stderr = &out, &errOut
		err := command.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			Expect(err).NotTo(HaveOccurred())
		}
		return out.String(), errOut.String(), command.ProcessState.ExitCode()
	}

	It("prints for the samples in their files what the operator writes for them", func(ctx SpecContext) {
		root, err := controlplane.Root()
		Expect(err).NotTo(HaveOccurred())
		crds, err := controlplane.IstioCRDs(root) // they say which fields the Gateways of this mesh have
		Expect(err).NotTo(HaveOccurred())
		stdout, stderr, code := run(ctx, "render", "-f", filepath.Join(root, "config", "samples"), "-f", crds)
		Expect(code).To(Equal(1), stderr) // some samples are there to be refused
		printed := decodeRendered(stdout)
		Expect(printed).NotTo(BeEmpty())
		Eventually(func(g Gomega) {
			g.Expect(cmp.Diff(writtenObjects(ctx), printed)).To(BeEmpty(), "-written +printed")
		}).Should(Succeed())
	})

	It("prints for the cluster what the operator has written there", func(ctx SpecContext) {
		Eventually(func(g Gomega) {
			stdout, stderr, code := run(ctx, "render", "-A", "--kubeconfig", operator.Kubeconfig)
			g.Expect(code).To(Equal(1), stderr)
			g.Expect(cmp.Diff(writtenObjects(ctx), decodeRendered(stdout))).To(BeEmpty(), "-written +printed")
		}).Should(Succeed())
	})

	It("shows the policies of a namespace with what the operator says of them", func(ctx SpecContext) {
		Eventually(func(g Gomega) {
			stdout, stderr, code := run(ctx, "status", "-n", "trouble", "--kubeconfig", operator.Kubeconfig)
			g.Expect(code).To(Equal(1), stderr)
			g.Expect(stdout).To(MatchRegexp(`trouble +kiosk-again +.* False +Conflicted`))
			g.Expect(stdout).NotTo(ContainSubstring("has not looked"))
			g.Expect(stdout).NotTo(ContainSubstring("shop/"))
		}).Should(Succeed())
	})

	It("explains a Deployment by its pods and what the operator has written, as it does from the files", func(ctx SpecContext) {
		root, err := controlplane.Root()
		Expect(err).NotTo(HaveOccurred())
		ask := []string{"explain", "deployment/istio-ingressgateway.istio-ingress", "-p", "8883"}
		files, stderr, code := run(ctx, append(ask, "-f", filepath.Join(root, "config", "samples"))...)
		Expect(code).To(Equal(0), stderr)
		_, want, _ := strings.Cut(files, "\n") // the first line names a pod
		Expect(want).To(ContainSubstring("of MeshTLSPolicy mqtt"))
		Eventually(func(g Gomega) {
			live, stderr, code := run(ctx, append(ask, "--kubeconfig", operator.Kubeconfig)...)
			g.Expect(code).To(Equal(0), stderr)
			first, got, _ := strings.Cut(live, "\n")
			g.Expect(first).To(MatchRegexp(`istio-ingressgateway-[0-9a-f]+-[0-9a-z]+\), a gateway`))
			g.Expect(cmp.Diff(want, got)).To(BeEmpty(), "-from files +from the cluster")
		}).Should(Succeed())
	})

	It("checks the cluster: the CRD, statuses and objects are as they should be, and no Deployment runs the operator", func(ctx SpecContext) {
		Eventually(func(g Gomega) {
			stdout, stderr, code := run(ctx, "check", "-o", "json", "--kubeconfig", operator.Kubeconfig)
			g.Expect(code).To(Equal(1), stderr)
			states := checkStates(stdout)
			for check, state := range map[string]string{
				"api-server": "OK", "rights": "OK", "istio-crds": "OK", "crd": "OK", "statuses": "OK", "drift": "OK",
				"deployment": "Failed", "admission": "Warning",
			} {
				g.Expect(states).To(HaveKeyWithValue(check, state))
			}
		}).Should(Succeed())

		By("asking with the rights of nobody")
		user, err := plugged.AddUser("checker")
		Expect(err).NotTo(HaveOccurred())
		stdout, stderr, code := run(ctx, "check", "--pre", "-o", "json", "--kubeconfig", user.Kubeconfig)
		Expect(code).To(Equal(1), stderr)
		Expect(checkStates(stdout)).To(HaveKeyWithValue("rights", "Failed"))
		stdout, stderr, code = run(ctx, "check", "-o", "json", "--kubeconfig", user.Kubeconfig)
		Expect(code).To(Equal(0), stderr)
		Expect(checkStates(stdout)).To(And(HaveKeyWithValue("rights", "Warning"), HaveKeyWithValue("drift", "Unknown"),
			HaveKeyWithValue("crd", "Unknown"), HaveKeyWithValue("statuses", "Unknown")))
	})

	It("tells of a file that is there already that nothing changes, and lints it as the cluster has it", func(ctx SpecContext) {
		root, err := controlplane.Root()
		Expect(err).NotTo(HaveOccurred())
		file := filepath.Join(root, "config", "samples", "problems", "10-not-found.yaml")
		Eventually(func(g Gomega) {
			stdout, stderr, code := run(ctx, "diff", "-f", file, "--kubeconfig", operator.Kubeconfig)
			g.Expect(code).To(Equal(0), stdout+stderr)
			g.Expect(stdout).To(Equal("Nothing changes.\n"))
		}).Should(Succeed())
		stdout, stderr, code := run(ctx, "lint", "-f", file, "--with-cluster", "--kubeconfig", operator.Kubeconfig)
		Expect(code).To(Equal(1), stderr)
		Expect(stdout).To(ContainSubstring("10-not-found.yaml:"))
	})

	It("pauses, resumes and approves a rollout in the cluster", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newServer(ctx, namespace)
		prometheus.sees(namespace, everybodyWell()...)
		p := rollingTo(namespace, func(r *meshtlsv1alpha1.Rollout) { r.Gate, r.Observe = meshtlsv1alpha1.GateManual, "1m" })
		create(ctx, p)
		Eventually(rolledOut(ctx, p)).Should(ContainSubstring("the clean time is over at"))
		change := func(verb string, more ...string) (string, string, int) {
			return run(ctx, append([]string{"rollout", verb, p.Name, "-n", namespace, "--kubeconfig", operator.Kubeconfig}, more...)...)
		}
		done := fmt.Sprintf("MeshTLSPolicy %s/%s is changed.\n", namespace, p.Name)

		By("printing what to change, which changes nothing")
		stdout, stderr, code := change("pause")
		Expect(code).To(Equal(0), stderr)
		Expect(stdout).To(Equal("spec:\n  accept:\n    rollout:\n      paused: true\n"))
		Consistently(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutObserving))

		By("changing it")
		for _, step := range []struct {
			verb string
			want meshtlsv1alpha1.RolloutPhase
		}{{"pause", meshtlsv1alpha1.RolloutPaused}, {"resume", meshtlsv1alpha1.RolloutObserving}} {
			stdout, stderr, code = change(step.verb, "--apply")
			Expect(code).To(Equal(0), stderr)
			Expect(stdout).To(Equal(done))
			Eventually(phase(ctx, p)).Should(Equal(step.want))
		}
		pass(ctx, p, 2*time.Minute)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutAwaitingApproval))
		_, stderr, code = change("approve", "--apply")
		Expect(code).To(Equal(0), stderr)
		Eventually(phase(ctx, p)).Should(Equal(meshtlsv1alpha1.RolloutSwitching))

		By("leaving alone what comes from git")
		update(ctx, p, func() { p.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps"} })
		_, stderr, code = change("pause", "--apply")
		Expect(code).To(Equal(2))
		Expect(stderr).To(ContainSubstring("Flux Kustomization apps manages MeshTLSPolicy " + namespace + "/" + p.Name + " and would undo the change"))
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		Expect(p.Spec.Accept.Rollout.Paused).To(BeFalse())
	})

	It("says which policy has no rollout to pause", func(ctx SpecContext) {
		_, stderr, code := run(ctx, "rollout", "pause", "catalog", "-n", "shop", "--apply", "--kubeconfig", operator.Kubeconfig)
		Expect(code).To(Equal(2))
		Expect(stderr).To(ContainSubstring("MeshTLSPolicy shop/catalog has no rollout (spec.accept.rollout)"))
	})

	It("judges what a user with rights in one namespace may see, and says what it does not know", func(ctx SpecContext) {
		user, err := plugged.AddUser("tenant")
		Expect(err).NotTo(HaveOccurred())
		letRead(ctx, "trouble", "tenant")
		stdout, stderr, code := run(ctx, "lint", "-n", "trouble", "--kubeconfig", user.Kubeconfig)
		Expect(code).To(Equal(1), stderr)
		Expect(stdout).To(ContainSubstring("accept-conflict"))
		Expect(stderr).To(MatchRegexp("note: you may not list .*Secret.* in all namespaces: only those of trouble were read"))

		By("asking for more than they may see")
		stdout, stderr, code = run(ctx, "status", "-A", "--kubeconfig", user.Kubeconfig)
		Expect(code).To(Equal(2))
		Expect(stdout).To(BeEmpty())
		Expect(stderr).To(ContainSubstring("error: you may list nothing of what is looked at; with -n, rights in one namespace are enough"))

		By("asking for a namespace of others, with rights in Istio's")
		letRead(ctx, istioNamespace, "tenant")
		_, stderr, code = run(ctx, "status", "-n", "shop", "--kubeconfig", user.Kubeconfig)
		Expect(code).To(Equal(2))
		Expect(stderr).To(ContainSubstring("error: you may not list the objects of kind MeshTLSPolicy in namespace shop"))
	})

	It("says so if the user may see nothing", func(ctx SpecContext) {
		user, err := plugged.AddUser("nobody")
		Expect(err).NotTo(HaveOccurred())
		for _, command := range []string{"lint", "render", "status"} {
			stdout, stderr, code := run(ctx, command, "-n", "shop", "--kubeconfig", user.Kubeconfig)
			Expect(code).To(Equal(2), command)
			Expect(stdout).To(BeEmpty(), command)
			Expect(stderr).To(ContainSubstring("error: you may list nothing of what is looked at"), command)
		}
	})
})

// checkStates returns the states of a checkup in JSON, by check.
func checkStates(stdout string) map[string]string {
	GinkgoHelper()
	var answer struct {
		Checks []struct{ Check, State, Docs string }
	}
	Expect(json.Unmarshal([]byte(stdout), &answer)).To(Succeed())
	states := map[string]string{}
	for _, check := range answer.Checks {
		Expect(check.Docs).NotTo(BeEmpty())
		states[check.Check] = check.State
	}
	return states
}

// applySamples applies a folder of samples as its kustomization.yaml lists it.
func applySamples(ctx context.Context, folder string) {
	GinkgoHelper()
	root, err := controlplane.Root()
	Expect(err).NotTo(HaveOccurred())
	list := documents(filepath.Join(root, folder, "kustomization.yaml"))[0]
	files, found, err := unstructured.NestedStringSlice(list.Object, "resources")
	Expect(err).NotTo(HaveOccurred())
	Expect(found).To(BeTrue())
	for _, file := range files {
		for _, object := range documents(filepath.Join(root, folder, file)) {
			if object.Object == nil {
				continue // nothing but a remark
			}
			applied := client.ApplyConfigurationFromUnstructured(object)
			Expect(admin.Apply(ctx, applied, client.FieldOwner("samples"), client.ForceOwnership)).To(Succeed())
		}
	}
}

// podsBecomeReady waits for the pods of all Deployments and StatefulSets, and makes them ready: there is no kubelet that would.
func podsBecomeReady(ctx context.Context) {
	GinkgoHelper()
	var deployments appsv1.DeploymentList
	Expect(admin.List(ctx, &deployments)).To(Succeed())
	var sets appsv1.StatefulSetList
	Expect(admin.List(ctx, &sets)).To(Succeed())
	wanted := int32(0)
	for i := range deployments.Items {
		wanted += ptr.Deref(deployments.Items[i].Spec.Replicas, 1)
	}
	for i := range sets.Items {
		wanted += ptr.Deref(sets.Items[i].Spec.Replicas, 1)
	}
	var pods corev1.PodList
	Eventually(func() int {
		Expect(admin.List(ctx, &pods)).To(Succeed())
		return len(pods.Items)
	}).Should(BeNumerically(">=", wanted))
	for i := range pods.Items {
		becomesReady(ctx, pods.Items[i].Namespace, pods.Items[i].Name)
	}
}

// writtenObjects returns those that the operator has written.
func writtenObjects(ctx context.Context) map[string]renderedObject {
	GinkgoHelper()
	written := map[string]renderedObject{}
	for kind, group := range map[string]string{
		model.KindPeerAuthentication: "security.istio.io",
		model.KindDestinationRule:    "networking.istio.io",
		model.KindGateway:            "networking.istio.io",
	} {
		var list unstructured.UnstructuredList
		list.SetAPIVersion(group + "/v1")
		list.SetKind(kind + "List")
		ours := client.MatchingLabels{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}
		Expect(admin.List(ctx, &list, ours)).To(Succeed())
		for i := range list.Items {
			addRendered(written, &list.Items[i])
		}
	}
	return written
}

// decodeRendered takes the stream that was printed apart.
func decodeRendered(stream string) map[string]renderedObject {
	GinkgoHelper()
	printed := map[string]renderedObject{}
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(stream)), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return printed
		}
		Expect(err).NotTo(HaveOccurred())
		addRendered(printed, object)
	}
}

func addRendered(to map[string]renderedObject, object *unstructured.Unstructured) {
	ref := model.ObjectRef{Kind: object.GetKind(), Namespace: object.GetNamespace(), Name: object.GetName()}
	to[ref.String()] = renderedObject{Labels: object.GetLabels(), Spec: object.Object["spec"]}
}

// letRead lets the user read all that the plugin reads, in one namespace.
func letRead(ctx context.Context, namespace, user string) {
	GinkgoHelper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"", "security.meshtls.dev", "security.istio.io", "networking.istio.io"},
		Resources: []string{"*"}, Verbs: []string{"list"},
	}}}
	Expect(admin.Create(ctx, role)).To(Succeed())
	Expect(admin.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
}
