package upgrade

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/yaml"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	operatorNamespace = "meshtls-system"
	workNamespace     = "shop"
)

// The control plane of the suite, and an administrator's client for it.
var (
	plane *controlplane.ControlPlane
	admin client.Client
)

func TestUpgrade(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	RunSpecs(t, "Upgrade")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	var err error
	plane, err = controlplane.Start(GinkgoT().Context(), controlplane.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(plane.Stop)
	admin, err = client.New(plane.Config, client.Options{Scheme: worlds.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	for _, name := range []string{"istio-system", "istio-ingress", workNamespace} {
		Expect(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	}
})

var _ = Describe("An upgrade from the chart before", func() {
	It("keeps the values, and has nothing written that the operator wrote", func(ctx SpecContext) {
		before := chartBefore()
		program, err := gexec.Build("github.com/meshtls/meshtls/cmd/manager")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(gexec.CleanupBuildArtifacts)
		values := filepath.Join(root(), "test", "suite", "upgrade", "values.yaml")
		_, err = helm("install", "meshtls", before, "--namespace", operatorNamespace, "--create-namespace", "--values", values)
		Expect(err).NotTo(HaveOccurred())
		stop := startOperator(ctx, program)
		writePolicies(ctx)
		written := versions(ctx)
		Expect(written).To(HaveLen(3))
		stop()

		By("upgrading as docs/upgrade.md says")
		applyCRD(ctx)
		_, err = helm("upgrade", "--install", "meshtls", filepath.Join(root(), chart), "--namespace", operatorNamespace,
			"--reset-then-reuse-values", "--set", "image.tag=v2")
		Expect(err).NotTo(HaveOccurred())
		expectValues(ctx)
		startOperator(ctx, program)
		// What is written for this one says that the operator has been through the namespace.
		Expect(admin.Create(ctx, policy("afterwards", meshtlsv1alpha1.MeshTLSPolicySpec{Send: send("other.example.com")}))).To(Succeed())
		Eventually(versions).WithArguments(ctx).Should(HaveLen(4))
		for name, version := range written {
			Expect(versions(ctx)).To(HaveKeyWithValue(name, version), "it was written again")
		}
	})

	It("is refused where a value is wrong", func() {
		_, err := helm("upgrade", "--install", "wrong", filepath.Join(root(), chart), "--namespace", operatorNamespace, "--set", "replicaCount=5")
		Expect(err).To(MatchError(ContainSubstring("additional properties 'replicaCount' not allowed")))
	})
})

// applyCRD does what kubectl apply --server-side does with the chart's CRD.
func applyCRD(ctx context.Context) {
	GinkgoHelper()
	text, err := os.ReadFile(filepath.Join(root(), chart, "crds", "security.meshtls.dev_meshtlspolicies.yaml"))
	Expect(err).NotTo(HaveOccurred())
	crd := &unstructured.Unstructured{}
	Expect(yaml.Unmarshal(text, &crd.Object)).To(Succeed())
	Expect(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(crd), client.FieldOwner("kubectl"), client.ForceOwnership)).To(Succeed())
	Expect(crd.GetAnnotations()).To(HaveKeyWithValue("helm.sh/resource-policy", "keep"))
}

// expectValues looks for what the values of the release before ask for, and for the one that the upgrade changed.
func expectValues(ctx context.Context) {
	GinkgoHelper()
	var deployment appsv1.Deployment
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: "meshtls-manager"}, &deployment)).To(Succeed())
	Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(3)))
	pod := deployment.Spec.Template.Spec
	Expect(pod.Containers[0].Image).To(Equal("registry.example.com/mesh/manager:v2"))
	Expect(pod.Containers[0].Args).To(ContainElements(
		"--watch-namespaces=shop,istio-system", "--credential-namespaces=istio-ingress", "--max-concurrent-reconciles=2"))
	Expect(pod.NodeSelector).To(HaveKeyWithValue("disk", "ssd"))
	Expect(pod.PriorityClassName).To(Equal("system-cluster-critical"))
	Expect(pod.Tolerations).To(HaveLen(1))
	Expect(pod.Affinity.PodAntiAffinity).NotTo(BeNil())
}

// writePolicies creates a policy for each kind of Istio's, and waits until all are written.
func writePolicies(ctx context.Context) {
	GinkgoHelper()
	specs := map[string]meshtlsv1alpha1.MeshTLSPolicySpec{
		"accepts": {Accept: &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict}},
		"sends":   {Send: send("api.example.com")},
		"serves": {
			Gateway:   &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: map[string]string{"istio": "edge"}}},
			Plaintext: []meshtlsv1alpha1.Plaintext{{GatewayServer: meshtlsv1alpha1.GatewayServer{Port: 80, Hosts: []string{"shop.example.com"}}}},
		},
	}
	for name, spec := range specs {
		Expect(admin.Create(ctx, policy(name, spec))).To(Succeed())
	}
	Eventually(func(g Gomega) {
		var policies meshtlsv1alpha1.MeshTLSPolicyList
		g.Expect(admin.List(ctx, &policies, client.InNamespace(workNamespace))).To(Succeed())
		g.Expect(policies.Items).To(HaveLen(len(specs)))
		for i := range policies.Items {
			g.Expect(apimeta.IsStatusConditionTrue(policies.Items[i].Status.Conditions, meshtlsv1alpha1.ConditionProgrammed)).To(BeTrue())
		}
	}).Should(Succeed())
}

func policy(name string, spec meshtlsv1alpha1.MeshTLSPolicySpec) *meshtlsv1alpha1.MeshTLSPolicy {
	return &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: workNamespace, Name: name}, Spec: spec}
}

func send(host string) []meshtlsv1alpha1.Send {
	return []meshtlsv1alpha1.Send{{Hosts: []string{host}, ClientTLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendSimple}}}
}

// versions returns the resource versions of the Istio objects in the namespace.
func versions(ctx context.Context) map[string]string {
	GinkgoHelper()
	found := map[string]string{}
	for _, list := range []client.ObjectList{
		&istiosecurityv1.PeerAuthenticationList{}, &istionetworkingv1.DestinationRuleList{}, &istionetworkingv1.GatewayList{},
	} {
		Expect(admin.List(ctx, list, client.InNamespace(workNamespace))).To(Succeed())
		Expect(apimeta.EachListItem(list, func(object runtime.Object) error {
			accessor, err := apimeta.Accessor(object)
			if err == nil {
				found[accessor.GetName()] = accessor.GetResourceVersion()
			}
			return err
		})).To(Succeed())
	}
	return found
}
