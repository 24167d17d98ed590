package operator

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	networkingapi "istio.io/api/networking/v1alpha3"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
)

// grantRole gives a ServiceAccount what config/rbac gives the operator, and returns its connection.
func grantRole(ctx context.Context, on *controlplane.ControlPlane, as client.Client) *rest.Config {
	GinkgoHelper()
	for _, name := range []string{istioNamespace, operatorNamespace} {
		Expect(as.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	}
	root, err := controlplane.Root()
	Expect(err).NotTo(HaveOccurred())
	files, err := filepath.Glob(filepath.Join(root, "config", "rbac", "*role*.yaml"))
	Expect(err).NotTo(HaveOccurred())
	for _, file := range files {
		for _, obj := range documents(file) {
			Expect(as.Create(ctx, obj)).To(Succeed())
		}
	}
	user, err := on.AddServiceAccount(operatorNamespace, "manager")
	Expect(err).NotTo(HaveOccurred())
	return user.Config
}

// documents returns the objects of a file.
func documents(file string) []*unstructured.Unstructured {
	GinkgoHelper()
	text, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		obj := &unstructured.Unstructured{}
		err := decoder.Decode(&obj.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		Expect(err).NotTo(HaveOccurred())
		objects = append(objects, obj)
	}
}

// newNamespace returns a namespace of the spec's own, which goes with it.
func newNamespace(ctx context.Context) string {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "spec-"}}
	Expect(admin.Create(ctx, namespace)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(admin.Delete(ctx, namespace)).To(Succeed()) })
	return namespace.Name
}

// unique returns a name that no other spec uses. What the selectors of gateways, hosts and floors say reaches other namespaces, and those
// of earlier specs take seconds to go.
func unique(name, namespace string) string { return name + "-" + namespace }

// deleteAfter deletes the object when the spec is over, if it is still there.
func deleteAfter(object client.Object) {
	GinkgoHelper()
	DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, object))).To(Succeed()) })
}

// alone waits until no earlier spec has left anything that the operator works on.
func alone(ctx context.Context, except ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var policies meshtlsv1alpha1.MeshTLSPolicyList
		g.Expect(admin.List(ctx, &policies)).To(Succeed())
		var left []string
		for i := range policies.Items {
			if namespace := policies.Items[i].Namespace; !slices.Contains(except, namespace) {
				left = append(left, namespace)
			}
		}
		g.Expect(left).To(BeEmpty())
	}).WithTimeout(2 * time.Minute).Should(Succeed())
}

// labels marks what belongs to an application.
func labels(app string) map[string]string { return map[string]string{"app": app} }

// newApplication is a pod with the container ports http (8080) and admin (9090), and a Service with the ports 80 and admin (90).
func newApplication(ctx context.Context, namespace, app string) {
	GinkgoHelper()
	newPod(ctx, namespace, app)
	newService(ctx, namespace, app)
}

func newPod(ctx context.Context, namespace, app string) {
	GinkgoHelper()
	Expect(admin.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app, Labels: labels(app)},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: ptr.To(false),
			Containers: []corev1.Container{
				{Name: "app", Image: "app", Ports: []corev1.ContainerPort{
					{Name: "http", ContainerPort: 8080}, {Name: "admin", ContainerPort: 9090},
				}},
				{Name: "istio-proxy", Image: "proxy"},
			},
		},
	})).To(Succeed())
}

// newGatewayPod is a pod that is nothing but a proxy.
func newGatewayPod(ctx context.Context, namespace, app string) {
	GinkgoHelper()
	Expect(admin.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app, Labels: labels(app)},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: ptr.To(false),
			Containers:                   []corev1.Container{{Name: "istio-proxy", Image: "proxy"}},
		},
	})).To(Succeed())
}

func newService(ctx context.Context, namespace, app string) {
	GinkgoHelper()
	Expect(admin.Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app},
		Spec: corev1.ServiceSpec{Selector: labels(app), Ports: []corev1.ServicePort{
			{Name: "http", Port: 80, TargetPort: intstr.FromString("http")},
			{Name: "admin", Port: 90, TargetPort: intstr.FromString("admin")},
		}},
	})).To(Succeed())
}

// policy returns a policy without a target.
func policy(namespace, name string) *meshtlsv1alpha1.MeshTLSPolicy {
	return &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// strictBut returns a policy for the pods of an application: Strict, except for port 8080.
func strictBut(namespace, app string, mode meshtlsv1alpha1.AcceptMode) *meshtlsv1alpha1.MeshTLSPolicy {
	p := policy(namespace, app)
	p.Spec.Workload = &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: labels(app)}}
	p.Spec.Accept = &meshtlsv1alpha1.Accept{
		Mode:  meshtlsv1alpha1.AcceptStrict,
		Ports: []meshtlsv1alpha1.AcceptPort{{Port: ptr.To[int32](8080), Mode: mode}},
	}
	return p
}

// create creates the policy and waits until the operator has looked at it.
func create(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy) {
	GinkgoHelper()
	Expect(admin.Create(ctx, p)).To(Succeed())
	observed(ctx, p)
}

// update changes the policy and waits until the operator has looked at it.
func update(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy, change func()) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		change()
		g.Expect(admin.Update(ctx, p)).To(Succeed())
	}).Should(Succeed())
	observed(ctx, p)
}

// observed waits for a status of this generation.
func observed(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		g.Expect(p.Status.ObservedGeneration).To(Equal(p.Generation))
	}).Should(Succeed())
}

// condition returns a condition of the policy as it is now, as status and reason.
func condition(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy, kind string) func() string {
	return func() string {
		GinkgoHelper()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		found := apimeta.FindStatusCondition(p.Status.Conditions, kind)
		if found == nil {
			return "absent"
		}
		return string(found.Status) + " " + found.Reason
	}
}

const ready = "True " + meshtlsv1alpha1.ReasonReady

// expectReady waits until the policy is.
func expectReady(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy) {
	GinkgoHelper()
	Eventually(condition(ctx, p, meshtlsv1alpha1.ConditionReady)).Should(Equal(ready))
}

// peerAuthentications returns those of the namespace.
func peerAuthentications(ctx context.Context, namespace string) []*istiosecurityv1.PeerAuthentication {
	GinkgoHelper()
	var list istiosecurityv1.PeerAuthenticationList
	Expect(admin.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
	return list.Items
}

// onlyPeerAuthentication returns the one that there must be.
func onlyPeerAuthentication(ctx context.Context, namespace string) *istiosecurityv1.PeerAuthentication {
	GinkgoHelper()
	found := peerAuthentications(ctx, namespace)
	Expect(found).To(HaveLen(1))
	return found[0]
}

// modes returns the modes of the only PeerAuthentication, by port; zero is the workload's.
func modes(ctx context.Context, namespace string) func() map[uint32]string {
	return func() map[uint32]string {
		GinkgoHelper()
		found := peerAuthentications(ctx, namespace)
		if len(found) != 1 {
			return nil
		}
		all := map[uint32]string{}
		if mode := found[0].Spec.GetMtls(); mode != nil {
			all[0] = mode.GetMode().String()
		}
		for port, mode := range found[0].Spec.GetPortLevelMtls() {
			all[port] = mode.GetMode().String()
		}
		return all
	}
}

func destinationRules(ctx context.Context, namespace string) []*istionetworkingv1.DestinationRule {
	GinkgoHelper()
	var list istionetworkingv1.DestinationRuleList
	Expect(admin.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
	return list.Items
}

// externalHost returns a ServiceEntry for a host outside the mesh.
func externalHost(namespace, host string) *istionetworkingv1.ServiceEntry {
	return &istionetworkingv1.ServiceEntry{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "external"},
		Spec: networkingapi.ServiceEntry{
			Hosts: []string{host}, Location: networkingapi.ServiceEntry_MESH_EXTERNAL, Resolution: networkingapi.ServiceEntry_DNS,
			Ports: []*networkingapi.ServicePort{{Number: 443, Name: "http", Protocol: "HTTP"}},
		},
	}
}

// eventsOf returns the reasons of the events about the policy, in no order.
func eventsOf(ctx context.Context, p *meshtlsv1alpha1.MeshTLSPolicy) func() []string {
	return func() []string {
		GinkgoHelper()
		var list eventsv1.EventList
		Expect(admin.List(ctx, &list, client.InNamespace(p.Namespace))).To(Succeed())
		var reasons []string
		for i := range list.Items {
			if about := list.Items[i].Regarding; about.Kind == "MeshTLSPolicy" && about.Name == p.Name {
				reasons = append(reasons, list.Items[i].Reason)
			}
		}
		return reasons
	}
}
